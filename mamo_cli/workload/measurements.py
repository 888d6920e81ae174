"""What a node did: rates, replicas and the share of requests that was rejected, a row for each period measured."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray

MOST_REPLICAS = 1000


@dataclass(frozen=True, eq=False)
class Measurements:
    """R rows of what was measured of one function on a node, in the order of their file.

    Attributes:
        name: the file's.
        arrival_rate_rps: `(R,)` requests/s, >= 0.
        replicas: `(R,)` in (0, 1000], means over the period.
        rejection: `(R,)` share of requests that were rejected.
        weight: `(R,)` > 0, requests of a row, or 1 each.
        series: `(R,)` number of the trace that a row is of, from 0 in the order of the file; each its own without.
        series_names: of the traces; empty without.
    """

    name: str
    arrival_rate_rps: FloatArray
    replicas: FloatArray
    rejection: FloatArray
    weight: FloatArray
    series: IntArray
    series_names: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """R."""
        return len(self.rejection)

    @property
    def whole_replicas(self) -> IntArray:
        """`(R,)` the next whole number of replicas: what fewer rejected is no less than what that would have."""
        return np.ceil(self.replicas).astype(np.int64)

    @property
    def units(self) -> IntArray:
        """`(R,)` number of the trace that a row is of, or where all are of one, of the row: what may be set apart."""
        several = (self.series != self.series[:1]).any()
        return self.series if several else np.arange(self.rows)

    def where(self, chosen: BoolArray | IntArray) -> "Measurements":
        """Return some rows: a mask, or their numbers, which may repeat."""
        arrays = ("arrival_rate_rps", "replicas", "rejection", "weight", "series")
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})

    def halves(self) -> tuple["Measurements", "Measurements"]:
        """Return the first, third, ... trace, and the second, fourth, ...; rows of none, or of one, take turns."""
        odd = self.units % 2 == 1
        return self.where(~odd), self.where(odd)

    def digest(self) -> str:
        """Return the sha256 (hex) of all that can change a result."""
        sha = hashlib.sha256(str(self.rows).encode())
        for values in (self.arrival_rate_rps, self.replicas, self.rejection, self.weight, self.series):
            sha.update(values.astype("<f8").tobytes())
        return sha.hexdigest()
