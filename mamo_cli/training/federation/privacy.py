"""Differential privacy of a node: each update is clipped and noised before it leaves, so that nobody is trusted.

What a node has seen may be replaced by anything else: its clipped update then moves by twice the clip at most. Normal
noise on all numbers hides that. Every node sends in every round; nothing is sampled, and nothing gained by it.
"""

from math import log, sqrt

import numpy as np

from mamo_cli.core.arrays import FloatArray

DELTA = 1e-5


def clipped(updates: FloatArray, clip: float) -> FloatArray:
    """Updates `(N, D)`, each scaled to a norm of at most `clip`."""
    norms = np.sqrt((updates**2).sum(1, keepdims=True))
    return np.asarray(updates * np.minimum(1.0, clip / np.maximum(norms, np.finfo(np.float64).tiny)))


def noised(updates: FloatArray, clip: float, noise: float, rng: np.random.Generator) -> FloatArray:
    """Updates `(N, D)` of norms up to `clip`, with normal noise of deviation `noise * clip` on every number."""
    return updates + noise * clip * rng.standard_normal(updates.shape)


def epsilon(rounds: int, noise: float, delta: float = DELTA) -> float:
    """What all that a node sends in so many rounds tells of it: `(epsilon, delta)`-differential privacy.

    A round is zero-concentrated with rho = (2 clip)^2 / (2 (noise clip)^2) = 2 / noise^2, rounds add up, and rho gives
    epsilon = rho + 2 sqrt(rho ln(1 / delta)) (Bun and Steinke, 2016, propositions 1.6 and 1.3, lemma 2.3).
    """
    rho = 2.0 * rounds / noise**2
    return rho + 2.0 * sqrt(rho * log(1.0 / delta))
