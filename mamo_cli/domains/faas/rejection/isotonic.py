"""Least squares under monotony in two directions, exact.

Of a block of cells of one value, their mean, the optimum splits off the upper set that has the most weight above that
mean, if any has; both parts are then blocks of their own. When no block splits any further, the means are the optimum:
Spouge, Wan and Wilbur, "Least squares isotonic regression in two dimensions", Journal of Optimization Theory and
Applications 117 (2003); for any partial order, Luss, Rosset and Shahar, Annals of Applied Statistics 6 (2012). An upper
set of a grid is a staircase, and the best one is found by dynamic programming over its columns.
"""

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.compiled import compiled

# Of a block's weight: an excess below this is rounding.
LEAST_GAIN = 1e-13


def isotonic(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The values nearest to some in weighted least squares that never fall along either axis.

    Args:
        values: `(I, J)` finite where the weight is above 0.
        weights: `(I, J)` >= 0; cells of weight 0 get some value that fits the others.

    Returns:
        `(I, J)`.
    """
    fitted = np.zeros(values.shape)
    waiting: list[BoolArray] = [np.ones(values.shape, dtype=np.bool_)]
    seen = weights > 0.0
    while waiting:
        block = waiting.pop()
        counted = block & seen
        total = float(weights[counted].sum())
        mean = float((weights[counted] * values[counted]).sum() / total) if total else 0.0
        excess = np.zeros(values.shape)
        excess[counted] = weights[counted] * (values[counted] - mean)
        upper = np.zeros(values.shape, dtype=np.bool_)
        if _heaviest_upper_set(excess, upper) > LEAST_GAIN * total:
            waiting += [block & upper, block & ~upper]
        else:
            fitted[block] = mean
    return fitted


@compiled
def _heaviest_upper_set(excess: FloatArray, upper: BoolArray) -> float:
    """Mark the upper set of most total excess, and return that.

    It holds, of column j, the rows from `first[j]` on, which never rises with j.
    """
    rows, columns = excess.shape
    best = np.zeros((columns, rows + 1))  # of the columns up to j, where this one begins at row t or before
    starts = np.zeros((columns, rows + 1), dtype=np.int64)
    for j in range(columns):
        above = 0.0
        for t in range(rows, -1, -1):
            if t < rows:
                above += excess[t, j]
            best[j, t] = above + (best[j - 1, t] if j > 0 else 0.0)
            starts[j, t] = t
            if t < rows and best[j, t + 1] >= best[j, t]:
                best[j, t], starts[j, t] = best[j, t + 1], starts[j, t + 1]
    t = 0
    for j in range(columns - 1, -1, -1):
        t = starts[j, t]
        for i in range(t, rows):
            upper[i, j] = True
    heaviest: float = best[columns - 1, 0]
    return heaviest
