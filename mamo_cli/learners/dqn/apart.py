"""A network of its own for every agent, which sees what that agent observes itself and nothing else.

Agents learn together, by a mixer perhaps, and act apart. Widths are as for `perceptron`: of all inputs, the first
number of each agent, then the second; of the hidden layers of each network; of all outputs. Parameters are one agent's
after another's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import Float32Array, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn import perceptron, shared

if TYPE_CHECKING:
    from torch.nn import Module

_forward, _backward, _own_widths = perceptron.forward, perceptron.backward, shared.own_widths
_row_size, _scratch_size = perceptron.row_size, perceptron.scratch_size


def in_torch(widths: Sequence[int], agents: int) -> "Module":
    """The networks as they are meant, a module of torch: a test holds `forward` and `backward` equal to it."""
    from mamo_cli.learners.dqn.torch_perceptron import Apart  # torch takes its time to import

    return Apart(widths, agents, networks=agents, leak=float(perceptron.LEAK))


def initial(widths: Sequence[int], agents: int, rng: np.random.Generator) -> Float32Array:
    """Parameters `(D,)` to begin with, each agent's as a perceptron's."""
    return np.concatenate([shared.initial(widths, agents, rng) for _ in range(agents)])


@compiled
def row_size(widths: IntArray, agents: int) -> int:
    """Numbers that `forward` leaves of one state: its inputs, a row of every agent's network, and all outputs."""
    size: int = widths[0] + agents * _row_size(_own_widths(widths, agents), 1) + widths[-1]
    return size


@compiled
def scratch_size(widths: IntArray, agents: int, rows: int) -> int:
    """Numbers that `backward` needs room for: one network's, and the slopes of its outputs."""
    own = _own_widths(widths, agents)
    size: int = _scratch_size(own, 1, rows) + rows * own[-1]
    return size


@compiled
def forward(parameters: Float32Array, widths: IntArray, agents: int, activations: Float32Array) -> None:
    """Every agent's network, one after another; see `perceptron.forward`."""
    own = _own_widths(widths, agents)
    rows, size = activations.size // row_size(widths, agents), parameters.size // agents
    observed, choices, block = own[0], own[-1], rows * _row_size(own, 1)
    outputs = activations[activations.size - rows * widths[-1] :]
    for a in range(agents):
        start = rows * widths[0] + a * block
        inner = activations[start : start + block]
        for row in range(rows):
            for i in range(observed):
                inner[row * observed + i] = activations[row * widths[0] + i * agents + a]
        _forward(parameters[a * size : (a + 1) * size], own, 1, inner)
        for row in range(rows):
            for c in range(choices):
                outputs[row * widths[-1] + a * choices + c] = inner[block - (rows - row) * choices + c]


@compiled
def backward(
    parameters: Float32Array,
    widths: IntArray,
    agents: int,
    activations: Float32Array,
    rows: int,
    slope: Float32Array,
    scratch: Float32Array,
    gradient: Float32Array,
) -> None:
    """Write the gradient of a loss in the parameters, each agent's in its own; see `perceptron.backward`."""
    own = _own_widths(widths, agents)
    all_rows, size = activations.size // row_size(widths, agents), parameters.size // agents
    choices, block = own[-1], all_rows * _row_size(own, 1)
    mine, room = scratch[: rows * choices].reshape((rows, choices)), scratch[rows * choices :]
    for a in range(agents):
        start = all_rows * widths[0] + a * block
        for row in range(rows):
            for c in range(choices):
                mine[row, c] = slope[row, a * choices + c]
        part = slice(a * size, (a + 1) * size)
        _backward(parameters[part], own, 1, activations[start : start + block], rows, mine, room, gradient[part])
