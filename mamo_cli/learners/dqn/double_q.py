"""The target of double deep Q-learning, one step ahead (van Hasselt et al., 2016)."""

from torch import Tensor

from mamo_cli.core.arrays import BoolArray, Float32Array
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn.replay import Memory, unpack


@compiled
def follow(
    memory: Memory,
    k: int,
    place: int,
    discount: float,
    objectives: Float32Array,
    after: Float32Array,
    allowed: BoolArray,
) -> float:
    """What followed a member's transition, as far as the target looks.

    Args:
        memory: the replay.
        k: the member.
        place: of the transition; `successor` tells the one after it.
        discount: of the next period's value.
        objectives: `(A, M)`, to be filled.
        after: `(observation,)`, to be filled: the state whose value counts for all that comes later.
        allowed: `(A, C)`, to be filled: what may be chosen there.

    Returns:
        The discount of that value, 0 where the episode terminated.
    """
    agents, weighed = objectives.shape
    outcome, state = memory.outcomes[k, place], memory.states[k, place, 1]
    for i in range(after.size):
        after[i] = state[i]
    for a in range(agents):
        for m in range(weighed):
            objectives[a, m] = outcome[agents + a * weighed + m]
    unpack(memory.masks[k, place], allowed)
    remaining: float = discount * outcome[-2]
    return remaining


@compiled
def bootstrap(q_t_online: Float32Array, q_t_target: Float32Array, chosen: int) -> float:
    """The online network picks the next choice and the target network values it.

    Args:
        q_t_online: `(C,)` values of one agent's choices in the state after, by the online network.
        q_t_target: `(C,)` the same by the target network.
        chosen: what the chooser makes of the online network's.
    """
    value: float = q_t_target[chosen]
    return value


def in_torch(q_t_online: Tensor, q_t_target: Tensor, chosen: Tensor) -> Tensor:
    """The same for values `(..., C)` and choices `(...)`."""
    return q_t_target.gather(-1, chosen[..., None])[..., 0]
