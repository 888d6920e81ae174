"""Piecewise-linear schedules over a phase of training."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def piecewise_linear(points: Sequence[tuple[float, float]], progress: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of the schedule at each progress: linear between the points, constant beyond the outer ones.

    Args:
        points: `(progress, value)` pairs with rising progress in [0, 1].
        progress: any shape, 0 at the start of the phase and 1 at its end.
    """
    at, values = zip(*points, strict=True)
    return np.asarray(np.interp(progress, at, values))
