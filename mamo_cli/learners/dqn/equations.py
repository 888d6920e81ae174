"""The equations of deep Q-learning with prioritised replay, of one transition each."""

from typing import NamedTuple

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import compiled

# Added to |TD error| so that no transition is forgotten for good (Schaul et al., 2016).
PRIORITY_FLOOR = 1e-3


class Rules(NamedTuple):
    """Settings of the update; see `LearnerConfig`."""

    discount: float
    importance_exponent: float
    priority_exponent: float
    max_gradient_norm: float
    target_interval: int
    sharing: float = 0.0


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
def share_rewards(own: FloatArray, sharing: float) -> None:
    """Mix into each agent's own reward `(A,)` the mean of all, a share of 0 to 1 (Peysakhovich and Lerer, 2018)."""
    mean = own.sum() / own.size
    for a in range(own.size):
        own[a] = (1.0 - sharing) * own[a] + sharing * mean
