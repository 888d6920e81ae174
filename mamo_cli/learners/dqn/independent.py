"""The mixer that mixes nothing: each agent's value is learnt by itself, from its own reward."""

from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import Float32Array
from mamo_cli.core.compiled import compiled

if TYPE_CHECKING:
    from torch.nn import Module


def in_torch(inputs: int, agents: int) -> "Module":
    """The mixer as it is meant, a module of torch."""
    from mamo_cli.learners.dqn.torch_mixers import Independent  # torch takes its time to import

    return Independent()


def initial(inputs: int, agents: int, rng: np.random.Generator) -> Float32Array:
    """It has no parameters."""
    return np.empty(0, dtype=np.float32)


@compiled
def learnt(agents: int) -> int:
    """Values that are learnt of a transition: one for each agent."""
    return agents


@compiled
def kept_size(inputs: int, agents: int, rows: int) -> int:
    """Numbers that `mix` keeps for `unmix`: none."""
    return 0


@compiled
def mix(
    parameters: Float32Array, states: Float32Array, values: Float32Array, kept: Float32Array, mixed: Float32Array
) -> None:
    """Fill `mixed` `(rows, A)` with the agents' values `(rows, A)`."""
    for row in range(values.shape[0]):
        for a in range(values.shape[1]):
            mixed[row, a] = values[row, a]


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
    """Fill `back` `(rows, A)`, the loss's derivative in the agents' values, of that in what is learnt."""
    for row in range(values.shape[0]):
        for a in range(values.shape[1]):
            back[row, a] = slope[row, a]
