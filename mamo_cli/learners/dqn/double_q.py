"""The target of double deep Q-learning, one step ahead (van Hasselt et al., 2016)."""

from typing import TYPE_CHECKING

from mamo_cli.core.arrays import Float32Array, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn.replay import Batch, Memory, unpack

if TYPE_CHECKING:  # torch takes its time to import
    from torch import Tensor


@compiled
def follow(memory: Memory, k: int, discount: float, batch: Batch) -> None:
    """What followed each of a member's transitions, as far as the target looks.

    Args:
        memory: the replay.
        k: the member.
        discount: of the next period's value.
        batch: whose `places` are known; to be filled: `objectives`, the second half of `states` (those whose value
            counts for all that comes later), `discounts` of that value (0 where the episode terminated), and
            `allowed`, what may be chosen there, within which of `budgets`.
    """
    size, agents, weighed = batch.objectives.shape
    for b in range(size):
        place = batch.places[b]
        for i in range(memory.states.shape[3]):
            batch.states[size + b, i] = memory.states[k, place, 1, i]
        for a in range(agents):
            for m in range(weighed):
                batch.objectives[b, a, m] = memory.outcomes[k, place, agents + a * weighed + m]
        batch.discounts[b] = discount if memory.outcomes[k, place, -1] >= 0.0 else 0.0
    unpack(memory, k, batch.places, batch.allowed, batch.budgets)


@compiled
def bootstrap(q_t_online: Float32Array, q_t_target: Float32Array, chosen: IntArray, values: Float32Array) -> None:
    """The online network picks the next choices and the target network values them.

    Args:
        q_t_online: `(B, A, C)` values of the choices in the states after, by the online network.
        q_t_target: `(B, A, C)` the same by the target network.
        chosen: `(B, A)` what the chooser makes of the online network's.
        values: `(B, A)`, to be filled.
    """
    size, agents = chosen.shape
    for b in range(size):
        for a in range(agents):
            values[b, a] = q_t_target[b, a, chosen[b, a]]


def in_torch(q_t_online: "Tensor", q_t_target: "Tensor", chosen: "Tensor") -> "Tensor":
    """The same for values `(..., C)` and choices `(...)`."""
    return q_t_target.gather(-1, chosen[..., None])[..., 0]
