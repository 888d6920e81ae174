"""A floor under the replicas that no learner can reach: so many as keep the tolerance at an upper bound of the rate.

For each number of replicas n the largest rate is known at which P(rate, n) is within the tolerance. The floor is the
smallest n for which that is not below the bound, which is one of two:

- From the requests counted in a window at the end of the period before, the exact upper confidence limit of a Poisson
  mean at the level 1 - delta (F. Garwood, "Fiducial Limits for the Poisson Distribution", Biometrika 1936). It is the
  rate at which so few would come with probability delta, so n is enough for k requests exactly if
  Pr(at most k | largest rate of n) <= delta: no more than whole numbers need to be compared. At a rate that is the same
  throughout window and period, P exceeds the tolerance with probability at most delta, whatever is chosen. Of a rate
  that moves in between, nothing is known.
- The noise's edge, where what comes is what is expected times at most 1 + noise: then P never exceeds it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import gammainc, gammaincc, pdtr, pdtrik

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.domains.faas.floor import replicas_for
from mamo_cli.domains.faas.rejection.models import RejectionModel
from mamo_cli.domains.faas.rejection.table import RejectionTable, interpolated

HALVINGS = 52
"""Of an interval as wide as its lower end: what is left is rounding."""
POINTS, SHARES = np.polynomial.legendre.leggauss(5)
BEYOND_RPS = 1e15
"""Whoever keeps the tolerance at this rate keeps it at any."""


class Shield(NamedTuple):
    """What is read before a period, and how many replicas it takes.

    What is read is what was counted, or, where `edge` is given, the expected rate times `edge`, requests/s.
    """

    enough: FloatArray  # (F, N): the largest reading for which n = 1..N replicas are enough; below 0 where none is
    window_s: float = 0.0  # in which requests are counted
    edge: float | None = None  # the largest that an actual rate can be of what is expected

    def floor(self, reading: FloatArray) -> IntArray:
        """Replicas `(..., F)` that readings `(..., F)` take; N where none are enough."""
        return replicas_for(self.enough, reading)

    def below(self, expected_rps: FloatArray, before_rps: FloatArray, noise: float) -> FloatArray:
        """`(T, F, N)` the probability that the floor is at most n = 1..N; the last is 1.

        Args:
            expected_rps: `(T, F)` of each period.
            before_rps: `(T, F)` rate of the period before, before any noise.
            noise: relative deviation of what comes from that, uniform.
        """
        if self.edge is not None:
            below = ((expected_rps * self.edge)[..., None] <= self.enough).astype(np.float64)
        else:
            below = _at_most(self.enough, (before_rps * self.window_s)[..., None], noise)
        below[..., -1] = 1.0
        return below


def raised(values: FloatArray, below: FloatArray) -> FloatArray:
    """Means `(T, F, N)` of what 1..N replicas bring, where the floor plays instead of what is below it.

    Args:
        values: `(T, F, N)` of what is played.
        below: `(T, F, N)` the probability that the floor is at most n, 1 at last.
    """
    floors = np.diff(below, axis=-1, prepend=0.0) * values
    higher = np.cumsum(floors[..., ::-1], -1)[..., ::-1] - floors
    return np.asarray(below * values + higher)


def quantile(chance: FloatArray | float, mean: FloatArray) -> FloatArray:
    """The smallest count that a Poisson variable of a mean does not exceed with probability `chance`, in [0, 1).

    As `scipy.stats.poisson.ppf` has it, whose import alone would take longer than a small command.
    """
    above = np.ceil(pdtrik(chance, mean))
    below = np.maximum(above - 1.0, 0.0)
    return np.asarray(np.where(pdtr(below, mean) >= chance, below, above))


def from_counts(largest_rps: FloatArray, delta: float, window_s: float) -> Shield:
    """The shield that fails with probability at most `delta`, in (0, 1).

    Args:
        largest_rps: `(F, N)`, see `largest_rates`.
        delta: see the module.
        window_s: s in which requests are counted.
    """
    mean = np.where(np.isinf(largest_rps), 0.0, largest_rps) * window_s
    most = quantile(delta, mean)
    most -= pdtr(most, mean) > delta
    return Shield(np.where(np.isinf(largest_rps), np.inf, most), window_s)


def from_noise(largest_rps: FloatArray, noise: float) -> Shield:
    """The shield that never fails, where an actual rate is at most 1 + `noise` times what is expected."""
    return Shield(largest_rps, edge=1.0 + noise)


def largest_rates(models: Sequence[RejectionModel], table: RejectionTable, tolerance: FloatArray) -> FloatArray:
    """`(F, N)` the largest rate, requests/s, at which n = 1..N replicas reject no more than is tolerated.

    By the model itself and by the table that is played by, whose interpolation may lie above it.

    Args:
        models: F.
        table: made from them.
        tolerance: `(F,)`.
    """
    replicas = table.max_replicas

    def kept(function: int) -> Callable[[FloatArray], BoolArray]:
        def holds(rates: FloatArray) -> BoolArray:
            exact = np.diagonal(models[function].rejection_probability(rates, replicas))
            each = enumerate(rates, start=1)
            played = np.array([interpolated(table.values, table.root_step, function, n, rate) for n, rate in each])
            return np.asarray(np.maximum(exact, played) <= tolerance[function])

        return holds

    return np.stack([_largest(kept(function), replicas) for function in range(len(models))])


def _largest(holds: Callable[[FloatArray], BoolArray], count: int) -> FloatArray:
    """`(count,)` the largest rates at which each holds, which does so up to one; infinite where at any."""
    low, high = np.zeros(count), np.ones(count)
    while (rising := holds(high) & (high < BEYOND_RPS)).any():
        low, high = np.where(rising, high, low), np.where(rising, 2.0 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        keeps = holds(middle)
        low, high = np.where(keeps, middle, low), np.where(keeps, high, middle)
    low[high >= BEYOND_RPS] = np.inf
    return np.maximum.accumulate(low)


def _at_most(most: FloatArray, mean: FloatArray, noise: float) -> FloatArray:
    """The probability that a Poisson number is at most `most`, whose mean is `mean` times uniform noise.

    The integral of Pr(at most k | x) over the mean x is x Pr(at most k | x) + (k + 1) Pr(more than k + 1 | x). Of means
    that differ little its ends cancel, and a Gauss-Legendre rule is exact to rounding.
    """
    k, mean = np.broadcast_arrays(np.maximum(most, 0.0), mean)
    low, high = mean * (1.0 - noise), mean * (1.0 + noise)
    spread = high - low
    with np.errstate(invalid="ignore"):
        integral = [x * gammaincc(k + 1.0, x) + (k + 1.0) * gammainc(k + 2.0, x) for x in (low, high)]
        points = mean[..., None] + 0.5 * spread[..., None] * POINTS
        close = 0.5 * (gammaincc(k[..., None] + 1.0, points) * SHARES).sum(-1)
        apart = (integral[1] - integral[0]) / np.where(spread > 0.0, spread, 1.0)
        within = np.where(spread < 1.0, close, apart)
        within = np.where(spread > 0.0, within, gammaincc(k + 1.0, mean))
    within = np.where(np.isinf(most), 1.0, np.clip(within, 0.0, 1.0))
    return np.asarray(np.where(most < 0.0, 0.0, within))
