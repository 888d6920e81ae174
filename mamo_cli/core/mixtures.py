"""Which of some plays to mix so that the mean cost is least and every mean violation within its limit.

With an average constraint the optimum is in general randomised, and no single weight gives it: of plays that bracket
the limit, one is played with a probability at which the mean violation equals it (a small linear program; with m limits
up to m + 1 plays).
"""

import numpy as np
from scipy.optimize import linprog

from mamo_cli.core.arrays import BoolArray, FloatArray


def best(objectives: FloatArray, limits: FloatArray) -> FloatArray:
    """Probabilities `(J,)`, all on one of J plays: the cheapest within the limits, or else that of least excess.

    Args:
        objectives: `(J, M)` mean cost, then mean violations of each play.
        limits: `(M - 1,)` of the mean violations.
    """
    violations = objectives[:, 1:]
    excess = np.maximum(violations - limits, 0.0).sum(1)
    shares = np.zeros(len(objectives))
    shares[np.lexsort((violations.sum(1), objectives[:, 0], excess))[0]] = 1.0
    return shares


def mixed(objectives: FloatArray, limits: FloatArray) -> FloatArray:
    """Probabilities `(J,)` of J plays: of least cost within the limits, or else of least violation.

    Args:
        objectives: `(J, M)` mean cost, then mean violations of each play.
        limits: `(M - 1,)` of the mean violations.
    """
    costs, violations = objectives[:, 0], objectives[:, 1:]
    if violations.shape[1] == 1:
        return _between_two(costs, violations[:, 0], float(limits[0]))
    plays, count = violations.shape
    # Least excess first, then least cost at that excess.
    one = np.r_[np.ones(plays), np.zeros(count)][None]
    beyond = np.hstack((violations.T, -np.eye(count)))
    first = linprog(np.r_[np.zeros(plays), np.ones(count)], A_ub=beyond, b_ub=limits, A_eq=one, b_eq=[1.0])
    excess = first.x[plays:]
    second = linprog(costs, A_ub=violations.T, b_ub=limits + excess, A_eq=one[:, :plays], b_eq=[1.0])
    shares: FloatArray = np.clip(second.x, 0.0, None)
    return np.asarray(shares / shares.sum())


def _between_two(costs: FloatArray, violations: FloatArray, limit: float) -> FloatArray:
    """The same for one limit: of all pairs on its two sides the one whose chord is cheapest at it."""
    shares = best(np.stack((costs, violations), 1), np.array([limit]))
    within, beyond = np.flatnonzero(violations <= limit), np.flatnonzero(violations > limit)
    if len(within) and len(beyond):
        room = limit - violations[within]
        share = room[:, None] / (violations[beyond] - violations[within][:, None])
        cost = share * costs[beyond] + (1.0 - share) * costs[within][:, None]
        low, high = np.unravel_index(cost.argmin(), cost.shape)
        if cost[low, high] < costs @ shares:
            shares[:] = 0.0
            shares[within[low]], shares[beyond[high]] = 1.0 - share[low, high], share[low, high]
    return shares


def undominated(objectives: FloatArray) -> BoolArray:
    """`(J,)` which of J plays with objectives `(J, M)` are best at some weights: no mixture of others is as good.

    Of equal plays, the first.
    """
    plays = len(objectives)
    kept = np.ones(plays, dtype=np.bool_)
    for j in range(plays):
        kept[j] = False
        others = objectives[kept]
        kept[j] = not len(others) or not _reached(others, objectives[j])
    return kept


def _reached(others: FloatArray, goal: FloatArray) -> bool:
    """Whether some mixture of plays `(J, M)` is nowhere worse than a goal `(M,)`."""
    if (others <= goal).all(1).any():
        return True
    cost = float(mixed(others, goal[1:]) @ others[:, 0])
    return cost <= goal[0] and bool((others[:, 1:].min(0) <= goal[1:]).all())
