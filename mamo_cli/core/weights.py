"""The weights of the objectives, and the one place where objectives meet in a reward.

With one constraint alpha is its weight and the cost weighs 1 - alpha. The reward of a period is the negative of the
weighted sum of its objectives.
"""

import numpy as np

from mamo_cli.core.arrays import Float32Array, FloatArray
from mamo_cli.core.compiled import compiled
from mamo_cli.core.seam import Spec

GRID_ROUNDING = 1e-9
"""What a sum of multiples of a grid's step may be wrong by."""


def weights_of(alpha: FloatArray) -> FloatArray:
    """Weights `(..., 2)` of cost and violation, `1 - alpha` and `alpha`."""
    return np.stack((1.0 - alpha, alpha), -1)


def weights_beside(alphas: FloatArray) -> FloatArray:
    """Weights `(..., M)` of cost and violations, of which those of the violations are `(..., M - 1)`."""
    left = np.ones(alphas.shape[:-1])
    for m in range(alphas.shape[-1]):
        left = left - alphas[..., m]
    return np.concatenate((left[..., None], alphas), -1)


def alpha_of(weights: FloatArray) -> FloatArray:
    """The weight `(...)` of the one constraint in weights `(..., 2)`."""
    alpha: FloatArray = weights[..., 1]
    return alpha


def alpha_grid(step: float) -> FloatArray:
    """The alphas from 0 to 1: 0, step, 2 step, ... and 1."""
    return np.unique(np.append(np.round(np.arange(0.0, 1.0, step), 12), 1.0))


def weights_grid(step: float, violations: int) -> FloatArray:
    """Weights `(G, M)` of so many violations on a grid, multiples of a step each: with one, those of `alpha_grid`."""
    each = alpha_grid(step)
    alphas = np.stack(np.meshgrid(*[each] * violations, indexing="ij"), -1).reshape(-1, violations)
    within = alphas.sum(1) <= 1.0 + GRID_ROUNDING
    weights = weights_beside(alphas[within])
    return np.maximum(weights, 0.0)


def shared_alpha(alpha: FloatArray, violations: int) -> FloatArray:
    """Weights `(..., M)` at which so many violations together weigh `alpha`, each as much as another."""
    return np.stack((1.0 - alpha, *[alpha / violations] * violations), -1)


def joint_weights(spec: Spec, cost: float, violations: FloatArray) -> FloatArray:
    """Weights `(A, M)` at which a play weighs the mean cost and every agent's violations `(A, M - 1)` by so much.

    A joint play weighs an agent's share by its priority: its own weights are what this makes that of.
    """
    agents = len(spec.agents)
    priorities = np.full(agents, 1.0 / agents) if spec.priorities is None else spec.priorities
    own = np.concatenate((np.full((agents, 1), cost / agents), violations), 1)
    return np.asarray(own / priorities[:, None])


@compiled
def scalarize(objectives: Float32Array, weights: FloatArray) -> float:
    """The reward of one agent's objectives `(M,)` under weights `(M,)`."""
    reward = 0.0
    for m in range(len(weights)):
        reward -= objectives[m] * weights[m]
    return reward


def rewards(objectives: FloatArray, weights: FloatArray, cost_scale: float = 1.0) -> FloatArray:
    """The same `(...)` for objectives `(..., M)` under weights that broadcast to them.

    Args:
        objectives: whose cost may be in the domain's own unit.
        weights: of the objectives.
        cost_scale: normalises the cost.
    """
    total = weights[..., 0] * objectives[..., 0] / cost_scale
    for m in range(1, objectives.shape[-1]):
        total = total + weights[..., m] * objectives[..., m]
    return np.asarray(-total)
