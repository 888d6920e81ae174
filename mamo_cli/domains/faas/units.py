"""Memory in whole units of the largest common part, so that what fits is exact."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm


def whole_units(per_replica_mb: Sequence[float]) -> tuple[Fraction, list[int]]:
    """The largest common part of what replicas take, MB, and how many of it each takes."""
    exact = [Fraction(str(mb)) for mb in per_replica_mb]
    scale = lcm(*(mb.denominator for mb in exact))
    unit = Fraction(gcd(*(int(mb * scale) for mb in exact)), scale)
    return unit, [int(mb / unit) for mb in exact]


@lru_cache(maxsize=256)
def units_in(memory_mb: float, unit: Fraction) -> int:
    """Whole units that there are in so many MB."""
    return int(Fraction(str(memory_mb)) // unit)
