"""P(lambda, n) as it was measured: the nearest function to a table of measurements that is monotone in both.

Measurements fall into cells, of a number of replicas and a knot on a grid that is uniform in the square root of the
rate. The means of the cells are made monotone by least squares (`isotonic`), each weighing as much as was measured in
it. Between cells of the same replicas, and down to P(0, n) = 0, P is linear in that root, as far as what other replicas
were measured to reject permits.

Beyond what was measured stands the most that monotony permits: the value at a higher rate and a lower number of
replicas that were measured, and 1 where there is none. It errs on the safe side: a plan never counts on what nobody
saw. So more replicas than were measured reject as much as the most that were, and rates above all that were measured,
or fewer replicas, reject everything. The highest rate measured seldom is a knot: its cell reaches up to the knot above
it, and from there P rises to 1 at the next.
"""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.errors import DataError
from mamo_cli.core.seeding import stream
from mamo_cli.domains.faas.rejection.erlang import non_negative
from mamo_cli.domains.faas.rejection.isotonic import isotonic
from mamo_cli.workload.measurements import Measurements

MOST_KNOTS = 64
BOOTSTRAPS = 200


@dataclass(frozen=True, eq=False)
class MeasuredModel:
    """A monotone fit of measurements.

    Attributes:
        source: what was measured.
        kink_step: distance of the knots in sqrt(requests/s), a power of two; knot i stands at the rate
            (i x kink_step)^2.
        values: `(N, I + 2)` rejection of 1..N replicas, N the most that were measured, at knots 0..I + 1; 0 at the
            first, 1 at the last, which is beyond all that was measured: knot I is at the highest rate or above it.
        weight: `(N, I + 2)` what was measured in each cell, in requests or rows; 0 where nothing was.
        mean: `(N, I + 2)` mean rejection of what was measured; NaN where nothing was.
        reach_rps: `(N,)` the highest rate that was measured with at most n = 1..N replicas; 0 where none was.
    """

    name: ClassVar[str] = "measured"
    source: Measurements
    kink_step: float
    values: FloatArray
    weight: FloatArray
    mean: FloatArray
    reach_rps: FloatArray

    def rejection_probability(self, arrival_rate_rps: ArrayLike, max_replicas: int) -> FloatArray:
        """Rejection probability at rates of shape (...) for n = 1..N replicas, shape (..., N)."""
        root = np.sqrt(non_negative(arrival_rate_rps, "arrival_rate_rps"))
        return self._by_replicas([np.interp(root, self.roots, row) for row in self.values], max_replicas)

    def mean_rejection(self, arrival_rate_rps: FloatArray, noise: float, max_replicas: int) -> FloatArray:
        """The exact mean over rates that are uniform within +- noise of each of `(...)`, shape (..., N).

        With r the root of the rate, a piece a + b r has the integral a r^2 + 2/3 b r^3 over the rate.
        """
        if not noise:
            return self.rejection_probability(arrival_rate_rps, max_replicas)
        ends = [np.sqrt(arrival_rate_rps * (1.0 + sign * noise)) for sign in (-1.0, 1.0)]
        width = 2.0 * noise * arrival_rate_rps
        means = []
        for row in self.values:
            low, high = (self._integral(row, end) for end in ends)
            mean = np.divide(high - low, width, out=np.zeros_like(width), where=width > 0.0)
            means.append(np.clip(mean, 0.0, 1.0))
        return self._by_replicas(means, max_replicas)

    @property
    def roots(self) -> FloatArray:
        """`(I + 2,)` sqrt(requests/s) of the knots."""
        steps: FloatArray = np.arange(self.values.shape[1], dtype=np.float64)
        return steps * self.kink_step

    def supported(self, arrival_rate_rps: ArrayLike, max_replicas: int) -> BoolArray:
        """Whether measurements bound P from above, at rates of shape (...) for n = 1..N replicas, shape (..., N)."""
        rate = np.asarray(arrival_rate_rps)
        bounded = [rate <= reach for reach in self.reach_rps]
        most = len(bounded)
        return np.stack([bounded[n] if n < most else np.zeros(rate.shape, np.bool_) for n in range(max_replicas)], -1)

    def _integral(self, row: FloatArray, root: FloatArray) -> FloatArray:
        """Integral of P over the rate from 0 to root^2."""
        knots, slopes = self.roots, np.append(np.diff(row) / self.kink_step, 0.0)
        offsets = row - slopes * knots
        ends = knots[1:]
        pieces = _piece(offsets[:-1], slopes[:-1], ends) - _piece(offsets[:-1], slopes[:-1], knots[:-1])
        before = np.concatenate(([0.0], np.cumsum(pieces)))
        at = np.minimum((root / self.kink_step).astype(np.int64), len(knots) - 1)
        inside = _piece(offsets[at], slopes[at], root) - _piece(offsets[at], slopes[at], knots[at])
        return before[at] + inside

    @staticmethod
    def _by_replicas(rows: list[FloatArray], max_replicas: int) -> FloatArray:
        """Stack rows of 1..N replicas; more have the last one's."""
        return np.stack([rows[min(n, len(rows) - 1)] for n in range(max_replicas)], -1)


def _piece(offset: FloatArray, slope: FloatArray, root: FloatArray) -> FloatArray:
    return offset * np.square(root) + slope * (2.0 / 3.0) * root**3


@functools.lru_cache(maxsize=8)
def fit(measured: Measurements) -> MeasuredModel:
    """The monotone fit of measurements.

    Raises:
        DataError: all of them are without any traffic.
    """
    highest = float(measured.arrival_rate_rps.max())
    if not highest > 0.0:
        raise DataError(f"{measured.name}: arrival_rate_rps is 0 in every row: nothing was measured")
    return _fitted(measured, 2.0 ** np.ceil(np.log2(np.sqrt(highest) / MOST_KNOTS)))


def _fitted(measured: Measurements, step: float) -> MeasuredModel:
    some = measured.where(measured.arrival_rate_rps > 0.0)
    knots = np.maximum(np.rint(np.sqrt(some.arrival_rate_rps) / step), 1.0).astype(np.int64)
    replicas, row = np.unique(some.whole_replicas, return_inverse=True)
    highest = np.zeros(len(replicas))
    np.maximum.at(highest, row, some.arrival_rate_rps)
    ends = np.ceil(np.sqrt(highest) / step).astype(np.int64)
    shape = (len(replicas), int(ends.max()) + 2)
    weight, total = np.zeros(shape), np.zeros(shape)
    np.add.at(weight, (row, knots), some.weight)
    np.add.at(total, (row, knots), some.weight * some.rejection)
    with np.errstate(invalid="ignore"):
        mean = total / weight
    nearest = isotonic(mean[::-1], weight[::-1])[::-1]  # upwards along both axes: rejection falls with replicas
    values = _between(nearest, weight > 0.0, ends)
    # Replicas that nobody measured reject as the next fewer that somebody did; there may be none.
    every = np.arange(1, replicas[-1] + 1)
    fewer = np.searchsorted(replicas, every, "right") - 1
    known = (replicas[fewer] == every)[:, None]
    values = np.where(fewer[:, None] < 0, 1.0, values[fewer])
    values[:, 0] = 0.0
    weight, mean = np.where(known, weight[fewer], 0.0), np.where(known, mean[fewer], np.nan)
    reach = np.where(fewer < 0, 0.0, np.maximum.accumulate(highest)[fewer])
    return MeasuredModel(measured, float(step), values, weight, mean, reach)


def _between(fitted: FloatArray, seen: BoolArray, ends: IntArray) -> FloatArray:
    """What was fitted where something was seen, and elsewhere lines over the knots, within what monotony permits.

    Bounds and lines are monotone in both directions each, and so is the line cut to its bounds.

    Args:
        fitted: `(R, I + 2)` of rising numbers of replicas.
        seen: `(R, I + 2)` something in every row.
        ends: `(R,)` the knot at the highest rate of each row, or next above it, where the least stands that monotony
            permits: what the last one seen has.
    """
    least = np.where(seen, fitted, 0.0)
    least = np.maximum.accumulate(np.maximum.accumulate(least, 1)[::-1], 0)[::-1]
    at_end = np.arange(fitted.shape[1]) == ends[:, None]
    fitted, seen = np.where(at_end, least, fitted), seen | at_end
    most = np.where(seen, fitted, 1.0)
    most = np.minimum.accumulate(np.minimum.accumulate(most[:, ::-1], 1)[:, ::-1], 0)
    knots = np.arange(fitted.shape[1])
    rows = zip(fitted, seen, strict=True)
    lines = [np.interp(knots, [0, *knots[row]], [0.0, *values[row]], right=1.0) for values, row in rows]
    return np.minimum(most, np.maximum(least, np.minimum.accumulate(lines, 0)))


def standard_errors(measured: Measurements) -> FloatArray:
    """Standard error of the fit at each cell where something was measured, `(N, I + 2)`, NaN elsewhere.

    By bootstrap over what has traffic: whole traces are drawn with replacement, as the rows of one are alike, or rows
    where there are none, or is but one; of a cell, those of 200 draws count that measured it.
    """
    best, some = fit(measured), measured.where(measured.arrival_rate_rps > 0.0)
    rng = stream(0, "measurements", "bootstrap")
    order, starts = np.argsort(some.units, kind="stable"), np.unique(np.sort(some.units), return_index=True)[1]
    lengths = np.diff(np.append(starts, some.rows))
    drawn = np.full((BOOTSTRAPS, *best.values.shape), np.nan)
    for values in drawn:
        chosen = rng.integers(0, len(starts), len(starts))
        count = lengths[chosen]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        rows = order[np.repeat(starts[chosen], count) + within]
        again = _fitted(some.where(rows), best.kink_step)
        seen = again.weight > 0.0
        values[: seen.shape[0], : seen.shape[1]][seen] = again.values[seen]
    enough = np.isfinite(drawn).sum(0) > 1
    errors = np.full(best.values.shape, np.nan)
    errors[enough] = np.nanstd(drawn[:, enough], 0, ddof=1)
    errors[best.weight == 0.0] = np.nan
    return errors
