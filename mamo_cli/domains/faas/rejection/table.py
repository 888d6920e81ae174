"""P(lambda, n) as a table: built once per node, read at every step of every agent.

The grid is uniform in the square root of the rate, and values between its points are linear in it. The root is what
makes a small table enough: the number of busy servers is close to Poisson, whose root has the same spread at every
load, so the curve over sqrt(lambda) is equally steep whether it belongs to 1 replica or to 50. A measured model is
itself linear between knots in that root: the grid's points fall on them, and nothing is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mamo_cli.core.compiled import compiled
from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection.erlang import FloatArray, non_negative
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.models import RejectionModel

DEFAULT_TOLERANCE = 1e-4
FIRST_CELLS = 2**7
MAX_CELLS = 2**17
# Rates may exceed the range by what single precision rounds; beyond that a lookup is refused.
RANGE_SLACK = 1e-6
# Models obey their laws up to rounding; a larger breach is a fault of the model and not to be smoothed over.
LAW_SLACK = 1e-12
# Between the points of a smooth curve the largest error is near the middle; this much is kept for where it is not.
SAFETY = 4.0


@dataclass(frozen=True)
class RejectionTable:
    """P(lambda, n) of F functions for n = 1..N on L rates, read by interpolation linear in sqrt(lambda).

    Attributes:
        values: (F, N, L) rejection probability; never rises along N, never falls along L.
        root_step: Step of the grid in sqrt(requests/s): point i stands at the rate (i x root_step)^2, and a rate at
            the position sqrt(rate) / root_step, which at `max_rate_rps` is L - 1 exactly.
        max_rate_rps: Rate of the last point, requests/s.
        error_bound: Bound on the absolute interpolation error: `SAFETY` x the largest measured in mid-cell.
    """

    values: FloatArray
    root_step: float
    max_rate_rps: float
    error_bound: float

    @property
    def max_replicas(self) -> int:
        """N."""
        return int(self.values.shape[1])

    @property
    def rates_rps(self) -> FloatArray:
        """(L,) rates of the grid, requests/s."""
        roots: FloatArray = np.arange(self.values.shape[-1], dtype=np.float64)
        return np.square(roots * self.root_step)

    def lookup(self, arrival_rate_rps: ArrayLike, replicas: ArrayLike) -> FloatArray:
        """Rejection probability of each function at its rate and number of replicas.

        Args:
            arrival_rate_rps: (..., F) requests/s, 0..max_rate_rps.
            replicas: (..., F) whole numbers in 1..N.

        Returns:
            (..., F) rejection probability.

        Raises:
            ValueError: A rate or a number of replicas is outside the table.
        """
        chosen = np.asarray(replicas)
        if not (np.issubdtype(chosen.dtype, np.integer) and np.all((chosen >= 1) & (chosen <= self.max_replicas))):
            raise ValueError(f"replicas must be whole numbers in 1..{self.max_replicas}, got {chosen}")
        # Copies: Numba warns of arrays that NumPy broadcast.
        rate, chosen = (each.copy() for each in np.broadcast_arrays(self._checked(arrival_rate_rps), chosen))
        by_function = (-1, self.values.shape[0])
        found = np.empty(rate.shape)
        points = found.reshape(by_function)
        _look_up(self.values, self.root_step, rate.reshape(by_function), chosen.reshape(by_function), points)
        return found

    def _checked(self, arrival_rate_rps: ArrayLike) -> FloatArray:
        rate = non_negative(arrival_rate_rps, "arrival_rate_rps")
        if rate.shape[-1:] != self.values.shape[:1]:
            raise ValueError(f"the table has {self.values.shape[0]} functions, the rates have shape {rate.shape}")
        if np.any(rate > self.max_rate_rps * (1.0 + RANGE_SLACK)):
            raise ValueError(f"arrival rate {rate.max()} is above the table's {self.max_rate_rps} requests/s")
        return rate


@compiled
def interpolated(values: FloatArray, root_step: float, function: int, replicas: int, rate_rps: float) -> float:
    """Rejection probability of one function: what `RejectionTable.lookup` says, without its checks.

    Args:
        values: (F, N, L) of the table.
        root_step: of the table.
        function: 0..F-1.
        replicas: 1..N.
        rate_rps: requests/s; beyond the table's last it counts as the last.
    """
    last = values.shape[2] - 1
    position = np.sqrt(rate_rps) / root_step
    cell = min(max(int(position), 0), last - 1)
    low, high = values[function, replicas - 1, cell], values[function, replicas - 1, cell + 1]
    probability: float = low + (high - low) * min(position - cell, 1.0)
    return probability


@compiled
def _look_up(
    values: FloatArray, root_step: float, rates_rps: FloatArray, replicas: NDArray[np.int64], found: FloatArray
) -> None:
    """Fill `found` (points, F)."""
    for point in range(rates_rps.shape[0]):
        for f in range(rates_rps.shape[1]):
            found[point, f] = interpolated(values, root_step, f, replicas[point, f], rates_rps[point, f])


def build_table(
    models: Sequence[RejectionModel],
    max_replicas: int,
    max_rate_rps: float,
    tolerance: float = DEFAULT_TOLERANCE,
) -> RejectionTable:
    """A table whose interpolation error is at most `tolerance`, on the coarsest grid of 2^k cells that shows it.

    A grid that holds a measured model's knots reaches up to the next of them. It is halved until the error in the
    middle of every cell is at most tolerance / `SAFETY`.

    Args:
        models: F models, one per function.
        max_replicas: N, >= 1.
        max_rate_rps: Largest rate that will be looked up, noise included, requests/s. A node without any traffic
            gets a table up to 1 request/s.
        tolerance: Largest absolute error of an interpolated probability.

    Raises:
        UsageError: A parameter makes no sense, or the tolerance needs more than `MAX_CELLS` cells.
        ValueError: A model breaks its laws by more than rounding.
    """
    if not models or max_replicas < 1 or not 0.0 <= max_rate_rps < np.inf or not tolerance > 0.0:
        raise UsageError(
            "a rejection table needs a model, max_replicas >= 1, a finite max_rate_rps >= 0 and a tolerance > 0, got "
            f"{len(models)} models, {max_replicas}, {max_rate_rps} and {tolerance}"
        )
    top_rps, cells = _first_grid(models, max_rate_rps or 1.0)
    error = np.inf
    values = _lawful(_evaluate(models, np.linspace(0.0, np.sqrt(top_rps), min(cells, MAX_CELLS) + 1), max_replicas))
    while cells <= MAX_CELLS:
        step = np.sqrt(top_rps) / cells
        middle = _evaluate(models, (np.arange(cells) + 0.5) * step, max_replicas)
        error = float(np.abs(middle - (values[..., :-1] + values[..., 1:]) / 2.0).max())
        if error <= tolerance / SAFETY:
            return RejectionTable(values, float(step), top_rps, SAFETY * error)
        values = _lawful(_interleave(values, middle))
        cells *= 2
    raise UsageError(
        f"a rejection table up to {top_rps} requests/s within {tolerance} needs more than {MAX_CELLS} cells "
        f"(error in the middle of a cell {error:.1e}): are the rates in requests/s and the service times in seconds?"
    )


def _first_grid(models: Sequence[RejectionModel], max_rate_rps: float) -> tuple[float, int]:
    """Rate of the last point, requests/s, and the number of cells, of a grid that has the models' knots on it."""
    steps = [model.kink_step for model in models if isinstance(model, MeasuredModel)]
    if not steps:
        return max_rate_rps, FIRST_CELLS
    # Steps are powers of two: the knots of all are multiples of the smallest.
    cells = int(np.ceil(np.sqrt(max_rate_rps) / min(steps)))
    top_rps = (cells * min(steps)) ** 2
    return max(top_rps, max_rate_rps), cells * int(np.ceil(FIRST_CELLS / cells))


def _evaluate(models: Sequence[RejectionModel], roots: FloatArray, max_replicas: int) -> FloatArray:
    """(F, N, L) exact values at the rates whose square roots are given, (L,)."""
    rates = np.square(roots)
    return np.stack([model.rejection_probability(rates, max_replicas).T for model in models])


def _interleave(points: FloatArray, middle: FloatArray) -> FloatArray:
    """The (..., 2 L - 1) grid whose even places are the L points and whose odd places lie between them."""
    finer = np.empty((*points.shape[:-1], points.shape[-1] + middle.shape[-1]))
    finer[..., 0::2], finer[..., 1::2] = points, middle
    return finer


def _lawful(values: FloatArray) -> FloatArray:
    """The values with rounding removed from their laws: in [0, 1], 0 at rate 0, monotone in n and in the rate.

    The running maximum over the rate and then the running minimum over n: the second keeps what the first made.

    Raises:
        ValueError: A law is broken by more than rounding.
    """
    lawful = np.minimum.accumulate(np.maximum.accumulate(values, axis=2), axis=1)
    lawful = np.clip(lawful, 0.0, 1.0)
    lawful[..., 0] = 0.0
    breach = np.abs(lawful - values)
    if not breach.max() <= LAW_SLACK:
        function, replica, point = np.unravel_index(np.argmax(breach), breach.shape)
        raise ValueError(
            f"the rejection model of function {function} must lie in [0, 1], be 0 without traffic, rise with the rate "
            f"and fall with replicas; at {replica + 1} replicas and grid point {point} it is off by {breach.max():.1e}"
        )
    return lawful
