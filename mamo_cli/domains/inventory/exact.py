"""The equations of a stock under Poisson demand, and the best plans over tables of what each level brings.

Axes: T steps, A items, C levels 0..C-1. Demand of a period is independent of all else.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, pdtr, xlogy

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled

HALVINGS = 45
"""Of [0, 1) in the search for a multiplier: fine, yet 1 - weight stays well above rounding."""

ROUNDING = 1e-14
"""What a step may be wrong by in a sum over steps; violations that differ by less are equal."""


class Law(NamedTuple):
    """How demand comes about its mean."""

    surplus: Callable[[IntArray, FloatArray], FloatArray]
    """What is left on average of levels after demand of such means."""
    chances: Callable[[FloatArray, int], FloatArray]
    """`(T, A, C)` the chance of each demand 0..C-1 where its mean is `(T, A)`."""


def outcomes(level: IntArray, before: FloatArray, last: FloatArray, law: Law) -> FloatArray:
    """`(..., 2)` expected stock on hand at the end of a period, and expected demand of it that is not met at once.

    Unmet demand is what the backlog grows by from the arrival to the end:
    `(D_before + D_last - S)^+ - (D_before - S)^+`.

    Args:
        level: S, units.
        before: mean demand that draws on the level before the period begins, units.
        last: mean demand of the period, units.
        law: of the demand.
    """
    on_hand = law.surplus(level, before + last)
    unmet = last + on_hand - law.surplus(level, before)  # by (D - S)^+ = D - S + (S - D)^+
    return np.stack((on_hand, np.clip(unmet, 0.0, last)), -1)


def slow_unmet(level: IntArray, before: FloatArray, last: FloatArray) -> FloatArray:
    """`(...)` the same of unmet Poisson demand, in periods alone whose demand is below its mean `last`.

    The sum over such demands d of their chance times `d + E[(S - d - D_before)^+] - E[(S - D_before)^+]`. Of d above S
    the second term is 0, and the rest has a closed form, by `d P(D = d) = last P(D = d - 1)`.
    """
    held, most = poisson_surplus(level, before), np.ceil(last) - 1.0
    levels = np.arange(int(level.max()) + 1)
    means = [np.ravel(each)[:, None] for each in np.broadcast_arrays(before, last)]
    chance = np.where(levels < means[1], poisson_chances(means[1][:, 0], len(levels)), 0.0)
    row = np.arange(len(chance)).reshape(np.broadcast_shapes(before.shape, last.shape))
    rows, at = np.broadcast_arrays(row, level)
    total = _up_to_the_level(rows.flatten(), at.flatten(), poisson_surplus(levels, means[0]), chance)
    below = np.where(level > 0, pdtr(np.maximum(level - 1, 0), last), 0.0)
    units = last * (pdtr(np.maximum(most - 1.0, 0.0), last) - below)
    beyond = units - held * (pdtr(np.maximum(most, 0.0), last) - pdtr(level, last))
    return np.asarray(total.reshape(rows.shape) + np.where(most > level, beyond, 0.0))


@compiled
def _up_to_the_level(rows: IntArray, levels: IntArray, surplus: FloatArray, chance: FloatArray) -> FloatArray:
    """`(n,)` the terms of `slow_unmet` of demands up to the level, by tables `(R, C)` over levels and over demands."""
    total = np.zeros(len(levels))
    for place in range(len(levels)):
        row, level = rows[place], levels[place]
        for demand in range(level + 1):
            unmet = demand + surplus[row, level - demand] - surplus[row, level]
            total[place] += chance[row, demand] * min(max(unmet, 0.0), float(demand))
    return total


def slow_demand(mean: FloatArray) -> FloatArray:
    """`(...)` the expectation of Poisson demand where it is below its mean: `mean P(X <= ceil(mean) - 2)`."""
    most = np.ceil(mean) - 2.0
    return np.asarray(np.where(most >= 0.0, mean * pdtr(np.maximum(most, 0.0), mean), 0.0))


def poisson_surplus(level: IntArray, mean: FloatArray) -> FloatArray:
    """`E[(S - X)^+]` of Poisson X: `S P(X <= S) - mean P(X <= S - 1)`."""
    below = np.where(level > 0, pdtr(np.maximum(level - 1, 0), mean), 0.0)
    return np.asarray(np.maximum(level * pdtr(level, mean) - mean * below, 0.0))


def smallest(violation: FloatArray, limit: FloatArray) -> IntArray:
    """The smallest choice `(...)` of violations `(..., C)` within a limit `(...)`, else the smallest of the least."""
    allowed = np.maximum(limit, violation.min(-1) + ROUNDING)
    return np.asarray((violation <= allowed[..., None]).argmax(-1))


def mixed(cost: FloatArray, violation: FloatArray, limit: float) -> tuple[IntArray, float]:
    """The cheapest plan whose violations add up to a limit, within one choice, and a bound by Lagrange duality.

    Violation weighs w and cost 1 - w. Where the limit is met two plans are best, and time is shared between them. Each
    w gives a bound: the least weighed sum, less what the limit allows, over 1 - w.

    Args:
        cost: `(T, C)`, rising with the choice.
        violation: `(T, C)`, falling with it.
        limit: on the sum; where it is out of reach, the plan is the cheapest of least violation.

    Returns:
        The plan `(T,)`, and what none within the limit costs less than, summed over steps; infinite where none is.
    """
    if violation.min(axis=1).sum() > limit:
        return smallest(violation, np.zeros(len(violation))), np.inf
    low, high, bound = 0.0, 1.0, float(cost.min(axis=1).sum())
    for _ in range(HALVINGS):
        weight = (low + high) / 2
        score = _weighed(cost, violation, weight)
        best = score.argmin(axis=1)
        dual = _at(score, best).sum() - weight * limit - ROUNDING * len(score)
        bound = max(bound, float(dual) / (1 - weight))
        low, high = (low, weight) if _at(violation, best).sum() <= limit else (weight, high)
    starved, safe = (_weighed(cost, violation, weight).argmin(axis=1) for weight in (low, high))
    return _shared(violation, limit, starved, safe), bound


def _shared(violation: FloatArray, limit: float, starved: IntArray, safe: IntArray) -> IntArray:
    """The safe plan, moved towards the starved one as far and at as many steps as the limit leaves room for."""
    plan, kept = safe.copy(), _at(violation, safe)
    room = limit - kept.sum()
    for t in (_at(violation, starved) - kept).argsort(kind="stable"):
        fits = violation[t] <= kept[t] + max(room, 0.0)
        plan[t] = max(starved[t], fits.argmax())
        room -= violation[t, plan[t]] - kept[t]
    return plan


def _weighed(cost: FloatArray, violation: FloatArray, weight: float) -> FloatArray:
    return (1 - weight) * cost + weight * violation


def _at(table: FloatArray, plan: IntArray) -> FloatArray:
    """`(T,)` the entries of a table `(T, C)` that a plan takes."""
    return np.take_along_axis(table, plan[:, None], 1)[:, 0]


def poisson_chances(mean: FloatArray, choices: int) -> FloatArray:
    """`(T, A, C)` the chance of each demand 0..C-1 where its mean is `(T, A)`."""
    demand = np.arange(choices)
    return np.asarray(np.exp(xlogy(demand, mean[..., None]) - mean[..., None] - gammaln(demand + 1)))


POISSON = Law(poisson_surplus, poisson_chances)

KNOWN = Law(
    surplus=lambda level, demand: np.maximum(level - demand, 0.0),
    chances=lambda demand, choices: np.asarray(demand[..., None] == np.arange(choices), dtype=np.float64),
)
"""Demand that is known beforehand, its own mean."""


@compiled
def positions(plan: IntArray, start: IntArray, demand: FloatArray) -> FloatArray:
    """The chance `(T, A, C)` of each position after ordering: `y_t = max(S_t, y_{t-1} - D_{t-1})`.

    No tail is cut off: all demand that takes a position below the level, however far, ends at the level.

    Args:
        plan: `(T, A)` levels S_t.
        start: `(A,)` position before the first order, within the levels.
        demand: `(T, A, C)` chance of each demand.
    """
    steps, items, choices = demand.shape
    chance = np.zeros(demand.shape)
    for a in range(items):
        chance[0, a, max(plan[0, a], start[a])] = 1.0
        for t in range(1, steps):
            level, above = plan[t, a], 0.0
            for before in range(level + 1, choices):
                if chance[t - 1, a, before] > 0.0:
                    for taken in range(before - level):
                        part = chance[t - 1, a, before] * demand[t - 1, a, taken]
                        chance[t, a, before - taken] += part
                        above += part
            chance[t, a, level] = max(1.0 - above, 0.0)
    return chance
