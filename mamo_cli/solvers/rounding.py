"""A plan pieced together from others, step by step, within limits on the sums of what it violates."""

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray

ROUNDING = 1e-9


def pieced(costs: FloatArray, violations: FloatArray, limits: FloatArray, prices: FloatArray) -> IntArray | None:
    """Which of P plans is followed at each of T steps, `(T,)`; None where no plan is within the limits by itself.

    From the cheapest that is within them on, step after step becomes another's, that first which saves most for what it
    takes at the prices.

    Args:
        costs: `(P, T)`.
        violations: `(P, T, L)`.
        limits: `(L,)` of the violations, summed over steps.
        prices: `(L,)` of them.
    """
    within = np.flatnonzero((violations.sum(axis=1) <= limits).all(axis=1))
    if not within.size:
        return None
    start = within[costs[within].sum(axis=1).argmin()]
    chosen = np.full(costs.shape[1], start)
    here, paid = violations[start].copy(), costs[start].copy()
    while True:
        saved = paid - costs
        more = violations - here
        room = limits - here.sum(axis=0) - ROUNDING
        fits = (saved > ROUNDING) & (more <= room).all(axis=2)
        if not fits.any():
            return chosen
        taken = np.maximum(more @ prices, ROUNDING)
        which, step = np.unravel_index(np.where(fits, saved / taken, -np.inf).argmax(), costs.shape)
        chosen[step], here[step], paid[step] = which, violations[which, step], costs[which, step]
