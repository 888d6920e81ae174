"""What is made of the updates that nodes send, `(N, D)`, a row each: the one update `(D,)` that all take over.

`faulty` is how many of the rows an aggregate is to do without, whichever they are.
"""

from collections.abc import Callable, Mapping

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.training.federation.settings import AGGREGATES

CLOSE = 1e-9
"""How far, a share of N, the sum of unit vectors from a geometric median may be from what it is at the very point."""
MOST_STEPS = 10_000


def mean(updates: FloatArray, faulty: int = 0) -> FloatArray:
    """The mean of all rows, which any one of them can move anywhere (McMahan et al., 2017: FedAvg, of equal nodes)."""
    return np.asarray(updates.mean(0))


def median(updates: FloatArray, faulty: int = 0) -> FloatArray:
    """The median of each number (Yin et al., 2018, definition 1); of an even count the mean of the middle two."""
    return np.asarray(np.median(updates, 0))


def trimmed_mean(updates: FloatArray, faulty: int) -> FloatArray:
    """Of each number the mean, the `faulty` largest and as many smallest left out (Yin et al., 2018, definition 2).

    `2 faulty < N`.
    """
    return np.asarray(np.sort(updates, 0)[faulty : len(updates) - faulty].mean(0))


def multi_krum(updates: FloatArray, faulty: int) -> FloatArray:
    """The mean of the `N - faulty` rows of least score; of equal scores the first (Blanchard et al., 2017).

    A row's score is the sum of its squared distances to the `N - faulty - 2` others that are closest to it.
    `2 faulty + 2 < N`.
    """
    count = len(updates)
    scores = np.empty(count)
    for i, row in enumerate(updates):
        distances = np.delete(((updates - row) ** 2).sum(1), i)
        scores[i] = np.sort(distances)[: count - faulty - 2].sum()
    chosen = np.sort(np.argsort(scores, kind="stable")[: count - faulty])
    return np.asarray(updates[chosen].mean(0))


def geometric_median(updates: FloatArray, faulty: int = 0) -> FloatArray:
    """The point of least sum of distances to all rows; where several are, one of the rows.

    Weiszfeld's iteration as Vardi and Zhang (2000) mend it at a row, where a distance is 0: it begins at the best of
    the rows, which it leaves unless that is the median, and never meets another, as each step lessens the sum.
    """
    sums = np.array([_distances(updates, row).sum() for row in updates])
    point: FloatArray = updates[sums.argmin()]
    for _ in range(MOST_STEPS):
        distances = _distances(updates, point)
        apart = distances > 0.0
        here = len(updates) - int(apart.sum())
        inverse = 1.0 / distances[apart]
        pull = (inverse[:, None] * (updates[apart] - point)).sum(0)
        strength = float(np.sqrt((pull**2).sum()))
        if strength <= here + CLOSE * len(updates):
            break
        point = point + (1.0 - here / strength) * pull / inverse.sum()
    return point


def _distances(updates: FloatArray, point: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(((updates - point) ** 2).sum(1)))


BY_NAME: Mapping[str, Callable[[FloatArray, int], FloatArray]] = dict(
    zip(AGGREGATES, (mean, median, trimmed_mean, multi_krum, geometric_median), strict=True)
)
"""As the setting `aggregate` calls them."""
