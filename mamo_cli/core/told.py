"""What a person is told: tables, wherever they are shown, and values as a person reads them."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple


class Table(NamedTuple):
    """Rows under headings; without headings they are facts, a name and a value each."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]


def shown(value: Any) -> str:
    """A value as a person reads it: four significant digits, a dash for what is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def spanned(ends: Sequence[float]) -> str:
    """From one end of an interval to the other, as a person reads it; one number where they read the same."""
    low, high = (f"{each:.3g}" for each in ends)
    return low if low == high else f"{low} to {high}"
