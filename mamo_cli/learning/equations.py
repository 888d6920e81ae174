"""The equations of double deep Q-learning with prioritised replay, each a pure function.

Axes: K members, B transitions of a batch, F functions (one branch of the action each), A actions of a branch,
M objectives. `_tm1` is the time before the action, `_t` the time after it.
"""

from torch import Tensor


def scalarize(objectives: Tensor, weights: Tensor) -> Tensor:
    """The reward is the weighted sum of the objectives: this is the one place where they meet.

    Args:
        objectives: `(K, B, F, M)`, kept apart in the replay so that they can be weighed anew.
        weights: `(K, F, M)`.

    Returns:
        `(K, B, F)` rewards.
    """
    return (objectives * weights[:, None]).sum(-1)


def double_q_target(r_t: Tensor, discount_t: Tensor, q_t_online: Tensor, q_t_target: Tensor) -> Tensor:
    """The online network picks the next action and the target network values it (van Hasselt et al., 2016).

    Args:
        r_t: `(K, B, F)` rewards.
        discount_t: `(K, B)`, the discount, or 0 where the episode terminated.
        q_t_online: `(K, B, F, A)` values of the next state by the online network.
        q_t_target: `(K, B, F, A)` values of the next state by the target network.

    Returns:
        `(K, B, F)` targets.
    """
    chosen_t = q_t_online.argmax(-1, keepdim=True)
    return r_t + discount_t[..., None] * q_t_target.gather(-1, chosen_t).squeeze(-1)


def importance_weights(probability: Tensor, size: int, exponent: float) -> Tensor:
    """Weights undo the bias of prioritised sampling, scaled so that a batch's largest is 1 (Schaul et al., 2016).

    Args:
        probability: `(K, B)` with which each transition was drawn.
        size: how many transitions the replay holds.
        exponent: beta, 0 (no correction) to 1 (full).

    Returns:
        `(K, B)` weights in (0, 1].
    """
    weights = (size * probability).pow(-exponent)
    return weights / weights.amax(-1, keepdim=True)


def huber_slope(td_error: Tensor) -> Tensor:
    """The slope of the Huber loss: the TD error itself, clipped to [-1, 1]."""
    return td_error.clamp(-1.0, 1.0)


def huber_loss(td_error: Tensor) -> Tensor:
    """Quadratic up to an error of 1 and linear beyond."""
    slope = huber_slope(td_error)
    return slope * (td_error - 0.5 * slope)
