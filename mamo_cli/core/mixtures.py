"""Which of some plays to mix so that the mean cost is least and every mean violation within its limit.

With an average constraint the optimum is in general randomised, and no single weight gives it: of plays that bracket
the limit, one is played with a probability at which the mean violation equals it (a small linear program; with m limits
up to m + 1 plays).
"""

import numpy as np
from scipy.optimize import linprog

from mamo_cli.core.arrays import FloatArray


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
    second = linprog(costs, A_ub=violations.T, b_ub=limits + excess + 1e-12, A_eq=one[:, :plays], b_eq=[1.0])
    shares: FloatArray = np.clip(second.x, 0.0, None)
    return np.asarray(shares / shares.sum())


def _between_two(costs: FloatArray, violations: FloatArray, limit: float) -> FloatArray:
    """The same for one limit: of all pairs on its two sides the one whose chord is cheapest at it."""
    shares = np.zeros(len(costs))
    within, beyond = np.flatnonzero(violations <= limit), np.flatnonzero(violations > limit)
    if not len(within):
        least = beyond[violations[beyond] == violations[beyond].min()]
        shares[least[costs[least].argmin()]] = 1.0
        return shares
    single = within[costs[within].argmin()]
    shares[single] = 1.0
    if len(beyond):
        room = limit - violations[within]
        share = room[:, None] / (violations[beyond] - violations[within][:, None])
        cost = share * costs[beyond] + (1.0 - share) * costs[within][:, None]
        low, high = np.unravel_index(cost.argmin(), cost.shape)
        if cost[low, high] < costs[single]:
            shares[single] = 0.0
            shares[within[low]], shares[beyond[high]] = 1.0 - share[low, high], share[low, high]
    return shares
