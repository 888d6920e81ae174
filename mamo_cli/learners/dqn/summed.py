"""The mixer `sum`: the agents' values add up to one that is learnt from the sum of their rewards.

These are value-decomposition networks (VDN; Sunehag et al., 2018). With one agent it is `independent`.
"""

from typing import TYPE_CHECKING

from mamo_cli.core.arrays import Float32Array
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn.independent import initial, kept_size

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["in_torch", "initial", "kept_size", "learnt", "mix", "unmix"]


def in_torch(inputs: int, agents: int) -> "Module":
    """The mixer as it is meant, a module of torch."""
    from mamo_cli.learners.dqn.torch_mixers import Summed  # torch takes its time to import

    return Summed()


@compiled
def learnt(agents: int) -> int:
    """Values that are learnt of a transition: one for all agents."""
    return 1


@compiled
def mix(
    parameters: Float32Array, states: Float32Array, values: Float32Array, kept: Float32Array, mixed: Float32Array
) -> None:
    """Fill `mixed` `(rows, 1)` with the sum of the agents' values `(rows, A)`."""
    for row in range(values.shape[0]):
        total = 0.0
        for a in range(values.shape[1]):
            total += values[row, a]
        mixed[row, 0] = total


@compiled
def unmix(
    parameters: Float32Array,
    states: Float32Array,
    values: Float32Array,
    kept: Float32Array,
    slope: Float32Array,
    back: Float32Array,
    gradient: Float32Array,
) -> None:
    """Fill `back` `(rows, A)`, the loss's derivative in the agents' values, of that in their sum."""
    for row in range(values.shape[0]):
        for a in range(values.shape[1]):
            back[row, a] = slope[row, 0]
