"""A population of multilayer perceptrons held in one flat tensor, with the backward pass written out.

All parameters of all K members lie in one vector, layer after layer, each layer's weights as a contiguous
`(K, inputs, outputs)` block: every layer is one batched product, and the optimiser and the copy to the target network
are one kernel each. Autograd would cost more than the small products it records; a test holds `backward` equal to it.

To swap the network, write a class with this interface and name it in `learner.py`.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

# Widths and block starts are multiples of 16 floats (64 bytes). Every member then meets the same vector lanes, so its
# numbers do not depend on its place in the population; and a product with 16 columns is three times as fast as with 10.
LANES = 16


# A plain ReLU that a large step has pushed below zero for all inputs never comes back, and after some dozen phases,
# each restarting the learning rate, whole networks were dead. A slight slope keeps every unit alive.
LEAK = 0.01


class Layer(NamedTuple):
    """Views into a parameter or gradient vector: weight `(K, inputs, outputs)`, bias `(K, 1, outputs)`."""

    weight: Tensor
    bias: Tensor


class PopulationMLP:
    """Fully connected networks with leaky rectifiers, of one shape, one for each of K members."""

    def __init__(self, members: int, sizes: Sequence[int]) -> None:
        """Args: members: K. sizes: inputs, hidden widths (multiples of 16), outputs (padded to one inside)."""
        self.members = members
        self.outputs = sizes[-1]
        widths = [sizes[0], *(lanes(width) for width in sizes[1:])]
        self._shapes = list(pairwise(widths))
        self._bias_width = sum(widths[1:])
        self.parameters = lanes(sum(members * i * o for i, o in self._shapes)) + members * self._bias_width

    def blocks(self, vector: Tensor) -> list[Tensor]:
        """View a parameter vector as its contiguous blocks: each layer's weights, then all biases `(K, sum)`."""
        blocks, start = [], 0
        for inputs, outputs in self._shapes:
            count = self.members * inputs * outputs
            blocks.append(vector[start : start + count].view(self.members, inputs, outputs))
            start += count
        return [*blocks, vector[lanes(start) :].view(self.members, self._bias_width)]

    def layers(self, vector: Tensor) -> list[Layer]:
        """View a parameter vector as the layers' weights and biases."""
        *weights, biases = self.blocks(vector)
        parts = torch.split(biases[:, None], [outputs for _, outputs in self._shapes], -1)
        return [Layer(weight, bias) for weight, bias in zip(weights, parts, strict=True)]

    def initialise(self, generators: Sequence[np.random.Generator]) -> Tensor:
        """Draw a parameter vector, each member's part from its own generator: uniform within 1/sqrt(inputs).

        The padding beyond the true outputs stays 0, and as no gradient reaches it, it stays so.
        """
        vector = torch.zeros(self.parameters)
        layers = self.layers(vector)
        for member, rng in enumerate(generators):
            for layer in layers:
                true_outputs = self.outputs if layer is layers[-1] else layer.weight.shape[2]
                bound = 1.0 / np.sqrt(layer.weight.shape[1])
                for block in (layer.weight[member], layer.bias[member]):
                    drawn = rng.uniform(-bound, bound, (block.shape[0], true_outputs))
                    block[:, :true_outputs] = torch.from_numpy(drawn)
        return vector

    def by_member(self, vector: Tensor) -> Tensor:
        """Copy a parameter vector into `(K, D)`: one row a member, whatever the population it trains in."""
        return torch.cat([block.flatten(1) for block in self.blocks(vector)], 1)

    def load_by_member(self, vector: Tensor, rows: Tensor) -> None:
        """Fill a parameter vector from the rows that `by_member` made."""
        blocks = self.blocks(vector)
        sizes = [block.flatten(1).shape[1] for block in blocks]
        for block, part in zip(blocks, torch.split(rows, sizes, 1), strict=True):
            block.copy_(part.view_as(block))

    def forward(self, layers: Sequence[Layer], states: Tensor) -> list[Tensor]:
        """Return the activations of every layer, inputs first and padded outputs last.

        Args:
            layers: views made by `layers`.
            states: `(K, B, inputs)`.
        """
        activations = [states]
        for layer in layers[:-1]:
            preactivation = torch.baddbmm(layer.bias, activations[-1], layer.weight)
            activations.append(leaky_relu(preactivation, LEAK, inplace=True))
        activations.append(torch.baddbmm(layers[-1].bias, activations[-1], layers[-1].weight))
        return activations

    def backward(
        self, layers: Sequence[Layer], activations: Sequence[Tensor], slope: Tensor, gradients: Sequence[Layer]
    ) -> None:
        """Write the gradient of a loss into `gradients`.

        Args:
            layers: the parameters that `forward` used.
            activations: what `forward` returned (or the same rows of each), `(K, B, width)`.
            slope: `(K, B, padded outputs)`, derivative of the loss in the outputs, 0 in the padding.
            gradients: views into a gradient vector, overwritten.
        """
        for index in reversed(range(len(layers))):
            inputs = activations[index]
            torch.bmm(inputs.transpose(1, 2), slope, out=gradients[index].weight)
            torch.sum(slope, 1, keepdim=True, out=gradients[index].bias)
            if index > 0:
                slope = torch.bmm(slope, layers[index].weight.transpose(1, 2))
                slope = torch.ops.aten.leaky_relu_backward(slope, inputs, LEAK, True)

    @staticmethod
    def norms(blocks: Sequence[Tensor]) -> Tensor:
        """Euclidean norm `(K, 1)` of each member's part of a gradient vector's blocks."""
        parts = [torch.linalg.vector_norm(block.flatten(1), dim=1) for block in blocks]
        norms: Tensor = torch.linalg.vector_norm(torch.stack(parts, 1), dim=1, keepdim=True)
        return norms


def lanes(count: int) -> int:
    """Round up to a multiple of `LANES`."""
    return -(-count // LANES) * LANES
