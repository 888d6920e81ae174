"""The knobs at which a rule is cheapest with its mean rejection within the limit, on the training part.

The default setting, a grid over the knobs that are free, and a finer one around the best so far, `ROUNDS` times. Where
no setting holds the limit it is the one that rejects least. Rules of one knob whose cost rises with it have candidates
to go through instead.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray

GRID = {1: 16, 2: 7}
"""Values of each free knob on the first grid, by how many are free."""
FINER, ROUNDS = {1: 9, 2: 5}, 2
"""Values of each on the finer grids, which reach from neighbour to neighbour, and how often they are laid."""
DECIMALS = 6
"""Of a value, so that it can be written down."""


class Knob(NamedTuple):
    """A number that a rule is set up with."""

    name: str
    default: float
    span: tuple[float, float] | None = None  # within which it is looked for; None: it stays
    whole: bool = False


class Found(NamedTuple):
    """The best of the settings that were tried."""

    knobs: tuple[float, ...]
    cost: float
    violation: float
    holds: bool


Tried = Callable[[tuple[float, ...]], tuple[float, float]]


def search(knobs: Sequence[Knob], tried: Tried, limit: float) -> Found:
    """Look for the cheapest setting within a limit; it is no dearer than the default, where that holds.

    Args:
        knobs: of the rule.
        tried: mean cost and mean violation of a setting.
        limit: of the violation.
    """
    free = [knob for knob in knobs if knob.span]
    axes = [_axis(knob, *knob.span, GRID[len(free)]) for knob in free if knob.span]
    default = tuple(knob.default for knob in knobs)
    known: dict[tuple[float, ...], Found] = {}
    for _ in range(1 + ROUNDS):
        for setting in (default, *(_filled(knobs, values) for values in itertools.product(*axes))):
            if setting not in known:
                cost, violation = tried(setting)
                known[setting] = Found(setting, cost, violation, violation <= limit)
        best = min(known.values(), key=_rank)
        found = [value for knob, value in zip(knobs, best.knobs, strict=True) if knob.span]
        axes = [_around(*each, FINER[len(free)]) for each in zip(free, axes, found, strict=True)]
    return best


def least_excess(candidates: int, functions: int, excess: Callable[[IntArray], FloatArray]) -> IntArray:
    """Each function's first of so many candidates without excess, whatever the others do; else that of the least.

    Args:
        candidates: how many.
        functions: F.
        excess: of candidates `(F,)`, by number, the furthest over a limit `(F,)`; not above 0 where all are held.
    """
    best, least = np.zeros(functions, dtype=np.int64), np.full(functions, np.inf)
    for number in range(candidates):
        brought = excess(np.full(functions, number))
        better = (least > 0.0) & (brought < least)
        best, least = np.where(better, number, best), np.where(better, brought, least)
        if (least <= 0.0).all():
            break
    return best


def _rank(found: Found) -> tuple[bool, float, float]:
    """Who holds first, by cost, and then who does not, by violation."""
    return (not found.holds, *((found.cost, found.violation) if found.holds else (found.violation, found.cost)))


def _axis(knob: Knob, low: float, high: float, count: int) -> FloatArray:
    return np.unique(np.round(np.linspace(low, high, count), 0 if knob.whole else DECIMALS))


def _around(knob: Knob, axis: FloatArray, value: float, count: int) -> FloatArray:
    """A finer axis from the neighbour below a value to that above, or to the value where it is off the axis."""
    place = int(np.abs(axis - value).argmin())
    low, high = axis[max(place - 1, 0)], axis[min(place + 1, len(axis) - 1)]
    return _axis(knob, min(float(low), value), max(float(high), value), count)


def _filled(knobs: Sequence[Knob], values: Sequence[float]) -> tuple[float, ...]:
    """The setting with these values of the free knobs."""
    given = iter(values)
    return tuple(float(next(given)) if knob.span else knob.default for knob in knobs)
