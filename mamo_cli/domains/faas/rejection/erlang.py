"""Erlang-B: the share of requests that a loss system with n servers rejects."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def erlang_b(offered_load: ArrayLike, max_replicas: int) -> FloatArray:
    """Rejection probability of the M/G/n/n loss system, for every n = 1..N at once.

    The inverse of Erlang-B obeys 1/B_n = 1 + (n / a) / B_{n-1} with B_0 = 1: sums of positive terms only, so nothing
    cancels, and an overflow of the inverse means a probability too small for a float, which is 0.

    Args:
        offered_load: (...) offered load a = arrival rate x mean service time, in Erlang, >= 0.
        max_replicas: N.

    Returns:
        (..., N) rejection probability for n = 1..N replicas, in [0, 1]; 0 where the load is 0.

    Raises:
        ValueError: A load is negative or NaN.
    """
    load = non_negative(offered_load, "offered_load")
    rejection = np.empty((max_replicas, *load.shape))
    inverse = np.ones_like(load)
    with np.errstate(divide="ignore", over="ignore"):
        for n in range(1, max_replicas + 1):
            inverse = 1.0 + inverse * (n / load)
            rejection[n - 1] = 1.0 / inverse
    return np.moveaxis(rejection, 0, -1)


def non_negative(values: ArrayLike, name: str) -> FloatArray:
    """The values as float64, all of them >= 0.

    Raises:
        ValueError: A value is negative or NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.all(array >= 0.0):
        raise ValueError(f"{name} must be >= 0 everywhere, got {array[~(array >= 0.0)].flat[0]}")
    return array
