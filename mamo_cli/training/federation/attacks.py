"""What poisoned nodes send in place of their updates. They know what all honest nodes send, and act as one.

Every attack takes the honest nodes' updates as sent `(H, D)`, the poisoned nodes' own `(P, D)`, a scale, and a random
generator, and gives what these send, `(P, D)`.
"""

from collections.abc import Callable, Mapping
from math import floor
from statistics import NormalDist

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.training.federation.settings import ATTACKS


def sign_flip(honest: FloatArray, own: FloatArray, scale: float, rng: np.random.Generator) -> FloatArray:
    """Each its own update, turned round and scaled."""
    return -scale * own


def noise(honest: FloatArray, own: FloatArray, scale: float, rng: np.random.Generator) -> FloatArray:
    """Normal numbers as large as those of honest updates, in the root of their mean square, times the scale."""
    return np.asarray(scale * np.sqrt((honest**2).mean()) * rng.standard_normal(own.shape))


def alie(honest: FloatArray, own: FloatArray, scale: float, rng: np.random.Generator) -> FloatArray:
    """A little is enough (Baruch et al., 2019, algorithm 3): the honest mean less `z` deviations of each number.

    `z`, see `most_deviations`, is the most that hides among the honest; it is multiplied by the scale.
    """
    z = scale * most_deviations(len(honest) + len(own), len(own))
    return np.tile(honest.mean(0) - z * honest.std(0), (len(own), 1))


def most_deviations(nodes: int, poisoned: int) -> float:
    """The z of ALIE: as far from the mean as leaves enough honest nodes beyond for a majority with the poisoned.

    With n nodes, m of them poisoned, `floor(n / 2 + 1) - m` honest ones are needed. Below 0 where these are more than
    half of the honest: then nothing hides.
    """
    needed, honest = floor(nodes / 2 + 1) - poisoned, nodes - poisoned
    return NormalDist().inv_cdf((honest - needed) / honest)


def inner_product(honest: FloatArray, own: FloatArray, scale: float, rng: np.random.Generator) -> FloatArray:
    """Inner-product manipulation (Xie et al., 2019): the honest mean, turned round and scaled."""
    return np.tile(-scale * honest.mean(0), (len(own), 1))


BY_NAME: Mapping[str, Callable[[FloatArray, FloatArray, float, np.random.Generator], FloatArray]] = dict(
    zip(ATTACKS, (sign_flip, noise, alie, inner_product), strict=True)
)
"""As the setting `attack` calls them."""
