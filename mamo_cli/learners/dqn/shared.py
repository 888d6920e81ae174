"""One network for all agents, each of which it shows what that agent observes itself and nothing else.

What acts needs no more than an agent sees: agents learn together and act apart. Agents whose observations are alike act
alike. Widths are as for `perceptron`: of all inputs, the first number of each agent, then the second; of the hidden
layers of the network; of all outputs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import Float32Array, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn import perceptron

if TYPE_CHECKING:
    from torch.nn import Module

_forward, _backward = perceptron.forward, perceptron.backward
_row_size, _scratch_size = perceptron.row_size, perceptron.scratch_size


def in_torch(widths: Sequence[int], agents: int) -> "Module":
    """The network as it is meant, a module of torch: a test holds `forward` and `backward` equal to it."""
    from mamo_cli.learners.dqn.torch_perceptron import Apart  # torch takes its time to import

    return Apart(widths, agents, networks=1, leak=float(perceptron.LEAK))


def initial(widths: Sequence[int], agents: int, rng: np.random.Generator) -> Float32Array:
    """Parameters `(D,)` to begin with, as a perceptron's of one agent."""
    return perceptron.initial((widths[0] // agents, *widths[1:-1], widths[-1] // agents), 1, rng)


@compiled
def own_widths(widths: IntArray, agents: int) -> IntArray:
    """Those of one agent's inputs, hidden layers and outputs."""
    own = widths.copy()
    own[0] //= agents
    own[-1] //= agents
    return own


@compiled
def row_size(widths: IntArray, agents: int) -> int:
    """Numbers that `forward` leaves of one state: its inputs, and a row of the network for every agent."""
    size: int = widths[0] + agents * _row_size(own_widths(widths, agents), 1)
    return size


@compiled
def scratch_size(widths: IntArray, agents: int, rows: int) -> int:
    """Numbers that `backward` needs room for: the network's, for a row of every agent."""
    return _scratch_size(own_widths(widths, agents), 1, rows * agents)


@compiled
def forward(parameters: Float32Array, widths: IntArray, agents: int, activations: Float32Array) -> None:
    """The network over a row of every agent, all at once; see `perceptron.forward`."""
    own = own_widths(widths, agents)
    rows, observed = activations.size // row_size(widths, agents), own[0]
    inner = activations[rows * widths[0] :]
    for row in range(rows):
        for a in range(agents):
            for i in range(observed):
                inner[(row * agents + a) * observed + i] = activations[row * widths[0] + i * agents + a]
    _forward(parameters, own, 1, inner)


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
    """Write the gradient of a loss in the parameters, to which every agent adds; see `perceptron.backward`."""
    own = own_widths(widths, agents)
    inner = activations[activations.size // row_size(widths, agents) * widths[0] :]
    _backward(parameters, own, 1, inner, rows * agents, slope.reshape((rows * agents, own[-1])), scratch, gradient)
