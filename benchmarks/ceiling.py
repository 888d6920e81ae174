"""What one core multiplies, and how many updates that would be if an update were nothing but products of matrices."""

from collections.abc import Callable
from itertools import pairwise

import numba
import numpy as np
import scipy

from benchmarks.problem import FLOP_PER_UPDATE, INSTANCE, LEARNER
from benchmarks.rows import Row, measured
from benchmarks.timing import seconds_each
from mamo_cli.runs.engine import limit_threads

SIZE = 1024
TURNS = 2000


def run(repeats: int) -> list[Row]:
    """The ceiling in GFLOP/s and in updates per second and core; then that of the products an update really makes."""
    limit_threads()
    left, right = np.random.default_rng(0).random((2, SIZE, SIZE), dtype=np.float32)
    rates = [2.0 * SIZE**3 / each for each in seconds_each(lambda: left @ right, 3 * repeats)]
    about = {"version": f"NumPy {np.__version__}, SciPy {scipy.__version__}", "cores": 1}
    note = f"single precision, {SIZE} x {SIZE}"
    large = f"large products at {FLOP_PER_UPDATE / 1e6:.2f} MFLOP an update"
    own = [TURNS / each for each in seconds_each(products(), 3 * repeats)]
    return [
        measured("ceiling", "matrix product", "GFLOP/s", [rate / 1e9 for rate in rates], note=note, **about),
        measured(
            "ceiling", "matrix product", "updates/s", [rate / FLOP_PER_UPDATE for rate in rates], note=large, **about
        ),
        measured("ceiling", "an update's own products", "updates/s", own, note="and nothing else", **about),
    ]


def products() -> Callable[[], None]:
    """A call that makes the products of `TURNS` updates, compiled as the learner's are."""
    size, rng = LEARNER.batch_size, np.random.default_rng(0)
    widths = (4, *LEARNER.hidden, INSTANCE.max_replicas)
    weights = tuple(rng.random((wide, narrow), dtype=np.float32) for wide, narrow in pairwise(widths))
    signals = tuple(rng.random((2 * size, width), dtype=np.float32) for width in widths)
    gradients = tuple(np.empty_like(weight) for weight in weights)

    @numba.njit
    def layer(before, weight, after, gradient, size):  # type: ignore[no-untyped-def]
        for _ in range(TURNS):
            np.dot(before, weight, after)  # the states before and after a transition, by the online network
            np.dot(before[size:], weight, after[size:])  # the latter by the target network
            np.dot(before[:size].T, after[:size], gradient)  # the slope in the weights

    @numba.njit
    def below(before, weight, after, size):  # type: ignore[no-untyped-def]
        for _ in range(TURNS):
            np.dot(after[:size], weight.T, before[:size])  # the slope in what the layer was given

    def update() -> None:
        for index, weight in enumerate(weights):
            before, after = signals[index], signals[index + 1]
            layer(before, weight, after, gradients[index], size)
            if index:
                below(before, weight, after, size)

    return update
