"""One member's network, a perceptron, and its backward pass written out; D is the number of its parameters."""

import numpy as np
from numpy.typing import NDArray

from mamo_cli.compiled import compiled

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]

# A plain rectifier that a large step has pushed below zero for all inputs never comes back, and after some dozen
# phases, each restarting the learning rate, whole networks were dead. A slight slope keeps every unit alive.
LEAK = np.float32(0.01)


@compiled
def forward(parameters: Float32Array, widths: IntArray, activations: Float32Array) -> None:
    """A perceptron with leaky rectifiers.

    Args:
        parameters: `(D,)`: layer after layer, weights `(inputs, outputs)` and then biases.
        widths: of the inputs, the hidden layers and the outputs.
        activations: `(rows * sum(widths),)`: the inputs `(rows, widths[0])`, and room for what the layers make of them.
    """
    rows = activations.size // widths.sum()
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
    activations: Float32Array,
    rows: int,
    slopes: Float32Array,
    turned: Float32Array,
    gradient: Float32Array,
) -> None:
    """Write the gradient of a loss in the parameters.

    Args:
        parameters: as `forward` took them.
        widths: as `forward` took them.
        activations: as `forward` left them.
        rows: the first so many rows of `activations` count.
        slopes: `(2, rows * max(widths))`: the loss's derivative in the outputs where `slopes[0]` begins; overwritten.
        turned: `(max(widths)^2,)`, room for a layer's weights.
        gradient: `(D,)`, overwritten.
    """
    all_rows = activations.size // widths.sum()
    end, outputs = parameters.size, activations.size - all_rows * widths[-1]
    for layer in range(widths.size - 2, -1, -1):
        wide, narrow = widths[layer], widths[layer + 1]
        bias, inputs = end - narrow, outputs - all_rows * wide
        weight = bias - wide * narrow
        slope = slopes[0, : rows * narrow].reshape((rows, narrow))
        before = activations[inputs : inputs + rows * wide].reshape((rows, wide))
        np.dot(before.T, slope, gradient[weight:bias].reshape((wide, narrow)))
        shift = gradient[bias:end]
        shift[:] = 0.0
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
