"""What a battery's choices bring on average, and the best plans of it by dynamic programming on the charge.

Nothing that a plan decides by is known only later: the charge follows from the choices alone, and no load tells of
another. So the best plan of who knows the loads' law alone is a sequence of choices, as that of who knows the loads
themselves is; the tables differ, and nothing else. Axes: T steps, A homes, C choices.
"""

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.battery.environment import Homes

HALVINGS = 45
"""Of [0, 1) in the search for a multiplier: fine, yet 1 - weight stays well above rounding."""

ROUNDING = 1e-12
"""Sums over steps that differ by less are equal."""


def mean_above(low: FloatArray, high: FloatArray, threshold: float) -> FloatArray:
    """`E[(X - threshold)^+]` of X uniform between low and high, which may be equal."""
    low, high = low - threshold, high - threshold
    over, width = np.maximum(high, 0.0), high - low
    partly = over**2 / (2.0 * np.where(width > 0.0, width, 1.0))
    return np.where(low >= 0.0, (low + high) / 2.0, np.where(width > 0.0, partly, over))


def tables(homes: Homes, known: bool = False) -> FloatArray:
    """`(T, A, C, 3)` expected bill, in its own unit, excess, and kWh from the grid, of each choice in each period.

    Args:
        homes: under their loads.
        known: the loads themselves are known, not their law alone.
    """
    load, noise = (homes.load, 0.0) if known else (homes.mean, homes.noise)
    low, high = (load[..., None] * (1.0 + sign * noise) + homes.at_meter for sign in (-1.0, 1.0))
    grid = mean_above(low, high, 0.0)
    above = mean_above(low, high, homes.peak_limit) / homes.excess_scale[:, None]
    excess = homes.counted[:, None, None] * above
    return np.stack((homes.price[:, None, None] * grid, excess, grid), -1)


@compiled
def best_path(score: FloatArray, first: FloatArray, levels: int) -> IntArray:
    """The choices `(T,)` whose sum of `first` is least, and of those, whose sum of scores is; from an empty battery.

    Of equal choices, the one that leaves the most in the battery for less: the lowest.

    Args:
        score: `(T, C)`.
        first: `(T, C)`; zeros where there is nothing that comes first.
        levels: the highest charge, in steps.
    """
    steps, choices = score.shape
    moves = choices // 2
    above, value = np.zeros(levels + 1), np.zeros(levels + 1)  # of all that follows, by charge
    chosen = np.empty((steps, levels + 1), dtype=np.int64)
    for back in range(steps):
        t = steps - 1 - back
        above_now, value_now = np.full(levels + 1, np.inf), np.full(levels + 1, np.inf)
        for charge in range(levels + 1):
            lowest, highest = max(moves - charge, 0), min(moves + levels - charge, choices - 1)
            for choice in range(lowest, highest + 1):
                above_now[charge] = min(above_now[charge], first[t, choice] + above[charge + choice - moves])
            for choice in range(lowest, highest + 1):
                after = charge + choice - moves
                allowed = first[t, choice] + above[after] <= above_now[charge] + ROUNDING
                if allowed and score[t, choice] + value[after] < value_now[charge]:
                    value_now[charge] = score[t, choice] + value[after]
                    chosen[t, charge] = choice
        above, value = above_now, value_now
    plan, charge = np.empty(steps, dtype=np.int64), 0
    for t in range(steps):
        plan[t] = chosen[t, charge]
        charge += plan[t] - moves
    return plan


def within(plan: IntArray, moves: int, levels: int) -> IntArray:
    """A plan `(T, A)` as it is played from empty batteries: no choice goes beyond what is possible."""
    done, charge = np.empty_like(plan), np.zeros(plan.shape[1], dtype=np.int64)
    for t, choices in enumerate(plan):
        after = np.clip(charge + choices - moves, 0, levels)
        done[t], charge = after - charge + moves, after
    return done


def at_plan(table: FloatArray, plan: IntArray) -> FloatArray:
    """`(T, A, ...)` the entries of a table `(T, A, C, ...)` that a plan `(T, A)` takes."""
    steps, homes = plan.shape
    return np.asarray(table[np.arange(steps)[:, None], np.arange(homes), plan])


def _at(table: FloatArray, plan: IntArray) -> FloatArray:
    """`(T,)` the entries of a table `(T, C)` that a plan `(T,)` takes."""
    return np.asarray(table[np.arange(len(plan)), plan])


def mixed(cost: FloatArray, excess: FloatArray, limit: float, levels: int) -> tuple[IntArray, float]:
    """The cheapest plan found whose excesses add up to a limit, and a bound by Lagrange duality.

    Excess weighs w and cost 1 - w. Where the limit is met, two plans are best; they share time, changing from one to
    the other where both hold as much. Each w gives a bound: the least weighed sum, less what the limit allows, over
    1 - w.

    Args:
        cost: `(T, C)`.
        excess: `(T, C)`.
        limit: on the sum; where it is out of reach, the plan is the cheapest of least excess.
        levels: the highest charge, in steps.

    Returns:
        The plan `(T,)`, and what none within the limit costs less than, summed over steps; infinite where none is.
    """
    nothing = np.zeros_like(cost)
    starved, safe = best_path(cost, nothing, levels), best_path(cost, excess, levels)
    bound = float(_at(cost, starved).sum())
    if _at(excess, starved).sum() <= limit:
        return starved, bound
    if _at(excess, safe).sum() > limit:
        return safe, np.inf
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        weight = (low + high) / 2.0
        score = (1.0 - weight) * cost + weight * excess
        plan = best_path(score, nothing, levels)
        bound = max(bound, float(_at(score, plan).sum() - weight * limit - ROUNDING) / (1.0 - weight))
        if _at(excess, plan).sum() <= limit:
            safe, high = plan, weight
        else:
            starved, low = plan, weight
    return _shared(excess, limit, starved, safe), bound


def _shared(excess: FloatArray, limit: float, starved: IntArray, safe: IntArray) -> IntArray:
    """The safe plan, with as many stretches of the starved one as the limit leaves room for, the smallest first."""
    apart = np.cumsum(starved - safe) != 0  # after each step
    stretch = np.r_[0, np.cumsum(~apart)[:-1]]
    more = np.bincount(stretch, _at(excess, starved) - _at(excess, safe))
    room = limit - _at(excess, safe).sum()
    order = more.argsort(kind="stable")
    count = int((np.cumsum(more[order]) <= room).sum())
    return np.where(np.isin(stretch, order[:count]), starved, safe)
