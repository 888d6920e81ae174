"""The equations of double deep Q-learning with prioritised replay, of one member and mostly of one transition.

Axes: B transitions of a batch, F functions (one branch of the action each), A actions of a branch, M objectives.
`_t` is the time after the action.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.compiled import compiled

Float32Array = NDArray[np.float32]
FloatArray = NDArray[np.float64]

# Added to |TD error| so that no transition is forgotten for good (Schaul et al., 2016).
PRIORITY_FLOOR = 1e-3


class Rules(NamedTuple):
    """Settings of the update; see `LearnerConfig`."""

    discount: float
    importance_exponent: float
    priority_exponent: float
    max_gradient_norm: float
    target_interval: int


@compiled
def scalarize(objectives: Float32Array, weights: FloatArray) -> float:
    """The reward is the weighted sum of the objectives `(M,)`: this is the one place where they meet."""
    reward = 0.0
    for m in range(len(weights)):
        reward += objectives[m] * weights[m]
    return reward


@compiled
def double_q_target(r_t: float, discount_t: float, q_t_online: Float32Array, q_t_target: Float32Array) -> float:
    """The online network picks the next action and the target network values it (van Hasselt et al., 2016).

    Args:
        r_t: reward.
        discount_t: the discount, or 0 where the episode terminated.
        q_t_online: `(A,)` values of the next state by the online network.
        q_t_target: `(A,)` values of the next state by the target network.
    """
    chosen: float = q_t_target[np.argmax(q_t_online)]
    return r_t + discount_t * chosen


@compiled
def importance_weight(probability: float, least: float, exponent: float) -> float:
    """Weight in (0, 1] that undoes the bias of prioritised sampling (Schaul et al., 2016).

    Args:
        probability: with which the transition was drawn.
        least: smallest such probability in the batch, whose weight is 1.
        exponent: beta, 0 (no correction) to 1 (full).
    """
    weight: float = (probability / least) ** -exponent
    return weight


@compiled
def huber_slope(td_error: float) -> float:
    """The slope of the Huber loss: the TD error itself, clipped to [-1, 1]."""
    return min(max(td_error, -1.0), 1.0)


@compiled
def huber_loss(td_error: float) -> float:
    """Quadratic up to an error of 1 and linear beyond."""
    slope = huber_slope(td_error)
    return slope * (td_error - 0.5 * slope)


@compiled
def temporal_difference(
    q: Float32Array,
    q_t_target: Float32Array,
    outcomes: Float32Array,
    probability: FloatArray,
    weights: FloatArray,
    rules: Rules,
    slope: Float32Array,
    priority: FloatArray,
) -> float:
    """All of a member's update that lies between the networks' forward and backward pass.

    Args:
        q: `(2B, F A)` values by the online network, of the B states before and the B states after.
        q_t_target: `(B, F A)` values of the states after by the target network.
        outcomes: `(B, F + F M + 1)` see `Memory`.
        probability: `(B,)` with which each transition was drawn.
        weights: `(F, M)` of the objectives in the reward.
        rules: settings.
        slope: `(B, F A)`, to be filled with the loss's derivative in the values before.
        priority: `(B,)`, to be filled, from the largest TD error of a transition's branches.

    Returns:
        The loss: Huber, importance-weighted, mean over batch and branches.
    """
    size, (branches, weighed) = priority.size, weights.shape
    choices = slope.shape[1] // branches
    least, loss = probability.min(), 0.0
    slope[:] = 0.0
    for b in range(size):
        share = importance_weight(probability[b], least, rules.importance_exponent) / (size * branches)
        discount = rules.discount * outcomes[b, -1]
        largest = 0.0
        for f in range(branches):
            first, at = f * choices, branches + f * weighed
            reward = scalarize(outcomes[b, at : at + weighed], weights[f])
            online, target = q[size + b, first : first + choices], q_t_target[b, first : first + choices]
            column = first + int(outcomes[b, f])
            error = q[b, column] - double_q_target(reward, discount, online, target)
            slope[b, column] = share * huber_slope(error)
            loss += share * huber_loss(error)
            largest = max(largest, abs(error))
        priority[b] = (largest + PRIORITY_FLOOR) ** rules.priority_exponent
    return loss
