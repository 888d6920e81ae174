"""One member's network, a perceptron: compiled, its backward pass written out, and the same as a module of torch.

Widths are those of the inputs, the hidden layers and the outputs; D is the number of parameters, layer after layer the
weights `(inputs, outputs)` and then the biases.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import Float32Array, IntArray
from mamo_cli.core.compiled import compiled

if TYPE_CHECKING:
    from torch.nn import Module

# A plain rectifier that a large step has pushed below zero for all inputs never comes back, and after some dozen
# phases, each restarting the learning rate, whole networks were dead. A slight slope keeps every unit alive.
LEAK = np.float32(0.01)


def in_torch(widths: Sequence[int], agents: int) -> "Module":
    """The network as it is meant, a module of torch: a test holds `forward` and `backward` equal to it."""
    from mamo_cli.learners.dqn.torch_perceptron import Perceptron  # torch takes its time to import

    return Perceptron(widths, float(LEAK))


def initial(widths: Sequence[int], agents: int, rng: np.random.Generator) -> Float32Array:
    """Parameters `(D,)` to begin with: uniform within 1/sqrt(inputs) of a layer."""
    parts = []
    for inputs, outputs in pairwise(widths):
        bound = 1.0 / np.sqrt(inputs)
        parts += [rng.uniform(-bound, bound, inputs * outputs), rng.uniform(-bound, bound, outputs)]
    return np.concatenate(parts).astype(np.float32)


@compiled
def row_size(widths: IntArray, agents: int) -> int:
    """Numbers that `forward` leaves of one state: its inputs, and what each layer makes of them."""
    size = 0
    for width in widths:
        size += width
    return size


@compiled
def _widest(widths: IntArray) -> int:
    widest = 0
    for width in widths:
        widest = max(widest, width)
    return widest


@compiled
def scratch_size(widths: IntArray, agents: int, rows: int) -> int:
    """Numbers that `backward` needs room for: two layers' slopes, and the weights of one."""
    widest = _widest(widths)
    return 2 * rows * widest + widest * widest


@compiled
def forward(parameters: Float32Array, widths: IntArray, agents: int, activations: Float32Array) -> None:
    """A perceptron with leaky rectifiers.

    Args:
        parameters: `(D,)`: layer after layer, weights `(inputs, outputs)` and then biases.
        widths: of the inputs, the hidden layers and the outputs.
        agents: A, each of which has an equal part of the outputs; to a perceptron they are all alike.
        activations: `(rows * row_size,)`: the inputs `(rows, widths[0])` first, the outputs `(rows, widths[-1])` last.
    """
    rows = activations.size // row_size(widths, agents)
    weight, inputs = 0, 0
    for layer in range(widths.size - 1):
        wide, narrow = widths[layer], widths[layer + 1]
        bias, outputs = weight + wide * narrow, inputs + rows * wide
        made = activations[outputs : outputs + rows * narrow].reshape((rows, narrow))
        np.dot(
            activations[inputs:outputs].reshape((rows, wide)),
            parameters[weight:bias].reshape((wide, narrow)),
            made,
        )
        shift = parameters[bias : bias + narrow]
        if layer < widths.size - 2:
            for row in range(rows):
                for j in range(narrow):
                    signal = made[row, j] + shift[j]
                    made[row, j] = max(signal, LEAK * signal)
        else:
            for row in range(rows):
                for j in range(narrow):
                    made[row, j] += shift[j]
        weight, inputs = bias + narrow, outputs


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
    """Write the gradient of a loss in the parameters.

    Args:
        parameters: as `forward` took them.
        widths: as `forward` took them.
        agents: as `forward` took them.
        activations: as `forward` left them.
        rows: the first so many rows of `activations` count.
        slope: `(rows, outputs)` the loss's derivative in the outputs.
        scratch: `(scratch_size,)`, just as long; overwritten.
        gradient: `(D,)`, overwritten.
    """
    all_rows, widest = activations.size // row_size(widths, agents), _widest(widths)
    turned, slopes = scratch[: widest * widest], scratch[widest * widest :].reshape((2, rows * widest))
    end, outputs = parameters.size, activations.size - all_rows * widths[-1]
    for layer in range(widths.size - 2, -1, -1):
        wide, narrow = widths[layer], widths[layer + 1]
        bias, inputs = end - narrow, outputs - all_rows * wide
        weight = bias - wide * narrow
        before = activations[inputs : inputs + rows * wide].reshape((rows, wide))
        np.dot(before.T, slope, gradient[weight:bias].reshape((wide, narrow)))
        shift = gradient[bias:end]
        for j in range(narrow):
            shift[j] = 0.0
        for row in range(rows):
            for j in range(narrow):
                shift[j] += slope[row, j]
        if layer > 0:
            below = slopes[1, : rows * wide].reshape((rows, wide))
            across, back = (
                parameters[weight:bias].reshape((wide, narrow)),
                turned[: wide * narrow].reshape((narrow, wide)),
            )
            # Transposed here: BLAS would take longer over a transposed factor of this size.
            for i in range(wide):
                for j in range(narrow):
                    back[j, i] = across[i, j]
            np.dot(slope, back, below)
            slope = slopes[0, : rows * wide].reshape((rows, wide))
            for row in range(rows):
                for j in range(wide):
                    slope[row, j] = below[row, j] if before[row, j] > 0.0 else LEAK * below[row, j]
        end, outputs = weight, inputs
