"""Small plots of characters: braille, of which each has two by four dots; or ASCII, where a terminal has no more."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Values = Sequence[float | None]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character, by row and column
_BRAILLE = 0x2800


class Kind(NamedTuple):
    """What a plot is made of."""

    across: int  # dots of a character
    down: int
    limit: str  # a line, where there is no dot
    edge: str  # between the scale and the plot

    def character(self, dots: set[tuple[int, int]]) -> str:
        """That with dots at these places (down, across)."""
        if (self.across, self.down) == (1, 1):
            return "*"
        return chr(_BRAILLE + sum(_DOTS[down][across] for down, across in dots))


BRAILLE = Kind(2, 4, "╌", "│")
ASCII = Kind(1, 1, "-", "|")


def chart(values: Values, limits: Values, width: int, height: int, kind: Kind) -> list[str]:
    """A curve over the whole width, beside its scale, and what it is held against.

    Args:
        values: of the curve, from left to right; None is left out.
        limits: beside each of them, where there is one.
        width: of the whole, in characters.
        height: in lines, at least 2.
        kind: of the characters.

    Returns:
        Lines, of which the first and the last have the greatest and the least number before them.
    """
    known = [number for number in (*values, *limits) if number is not None]
    if not known:
        return [""] * height
    least, greatest = min(known), max(known)
    scale = [f"{number:.4g}" for number in (greatest, least)]
    left = max(map(len, scale))
    columns = max(1, width - left - 2)
    rows = [[" "] * columns for _ in range(height)]
    lines = height * kind.down

    def line(number: float) -> int:
        """From the top."""
        share = 0.5 if greatest == least else (greatest - number) / (greatest - least)
        return round(share * (lines - 1))

    for column, number in enumerate(spread(limits, columns)):
        if number is not None:
            rows[line(number) // kind.down][column] = kind.limit
    dots: dict[tuple[int, int], set[tuple[int, int]]] = {}
    curve = [None if number is None else line(number) for number in spread(values, columns * kind.across)]
    for across, (before, at) in enumerate(pairwise([None, *curve])):
        for down in _between(before, at):
            place, within = (down // kind.down, across // kind.across), (down % kind.down, across % kind.across)
            dots.setdefault(place, set()).add(within)
    for (down, across), own in dots.items():
        rows[down][across] = kind.character(own)
    labels = [scale[0], *[""] * (height - 2), scale[1]]
    return [f"{label:>{left}} {kind.edge}{''.join(row)}".rstrip() for label, row in zip(labels, rows, strict=True)]


def spread(values: Values, columns: int) -> list[float | None]:
    """As many values as there are columns: of few each several times, of many the mean of those that fall together."""
    found: list[float | None] = []
    for column in range(columns if values else 0):
        start = column * len(values) // columns
        stop = max(start + 1, (column + 1) * len(values) // columns)
        own = [number for number in values[start:stop] if number is not None]
        found.append(sum(own) / len(own) if own else None)
    return found


def _between(before: int | None, at: int | None) -> Sequence[int]:
    """The lines that a curve passes on its way to one, which it reaches from another."""
    if at is None:
        return ()
    if before is None or abs(at - before) <= 1:
        return (at,)
    return range(before + 1, at + 1) if at > before else range(at, before)
