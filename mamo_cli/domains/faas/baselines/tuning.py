"""The knobs at which a rule is cheapest with its mean rejection within the limit, on the training part.

A grid over the knobs that are free, and a finer one around the best so far, `ROUNDS` times. Where no setting holds the
limit it is the one that rejects least.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray

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
    """Look for the cheapest setting within a limit.

    Args:
        knobs: of the rule.
        tried: mean cost and mean violation of a setting.
        limit: of the violation.
    """
    free = [knob for knob in knobs if knob.span]
    axes = [_axis(knob, *knob.span, GRID[len(free)]) for knob in free if knob.span]
    known: dict[tuple[float, ...], Found] = {}
    for _ in range(1 + ROUNDS):
        for values in itertools.product(*axes):
            setting = _filled(knobs, values)
            if setting not in known:
                cost, violation = tried(setting)
                known[setting] = Found(setting, cost, violation, violation <= limit)
        best = min(known.values(), key=_rank)
        found = [value for knob, value in zip(knobs, best.knobs, strict=True) if knob.span]
        axes = [_around(*each, FINER[len(free)]) for each in zip(free, axes, found, strict=True)]
    return best


def _rank(found: Found) -> tuple[bool, float, float]:
    """Who holds first, by cost, and then who does not, by violation."""
    return (not found.holds, *((found.cost, found.violation) if found.holds else (found.violation, found.cost)))


def _axis(knob: Knob, low: float, high: float, count: int) -> FloatArray:
    return np.unique(np.round(np.linspace(low, high, count), 0 if knob.whole else DECIMALS))


def _around(knob: Knob, axis: FloatArray, value: float, count: int) -> FloatArray:
    """A finer axis from the neighbour below a value to that above."""
    place = int(np.abs(axis - value).argmin())
    low, high = axis[max(place - 1, 0)], axis[min(place + 1, len(axis) - 1)]
    return _axis(knob, float(low), float(high), count)


def _filled(knobs: Sequence[Knob], values: Sequence[float]) -> tuple[float, ...]:
    """The setting with these values of the free knobs."""
    given = iter(values)
    return tuple(float(next(given)) if knob.span else knob.default for knob in knobs)
