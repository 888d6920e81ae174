"""A perceptron with leaky rectifiers as a module of torch: see `perceptron`."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu


class Perceptron(torch.nn.Module):
    """The network as it is meant."""

    def __init__(self, widths: Sequence[int], leak: float) -> None:
        """Args: widths: of the layers. leak: of the rectifiers. The parameters are left unset."""
        super().__init__()
        self.leak = leak
        self.layers = torch.nn.ParameterList()
        for inputs, outputs in pairwise(widths):
            self.layers.extend([torch.empty(inputs, outputs), torch.empty(outputs)])

    def forward(self, signal: Tensor) -> Tensor:
        """Values `(rows, outputs)` of states `(rows, inputs)`."""
        parameters = list(self.layers)
        for layer in range(0, len(parameters), 2):
            signal = leaky_relu(signal, self.leak) if layer else signal
            signal = torch.addmm(parameters[layer + 1], signal, parameters[layer])
        return signal


class Apart(torch.nn.Module):
    """Networks that each see what one agent observes: one for all agents, or one for each; see `shared` and `apart`."""

    def __init__(self, widths: Sequence[int], agents: int, networks: int, leak: float) -> None:
        """Args: widths: of all agents. agents: A. networks: 1 or A. leak: of the rectifiers."""
        super().__init__()
        self.agents, own = agents, (widths[0] // agents, *widths[1:-1], widths[-1] // agents)
        self.networks = torch.nn.ModuleList(Perceptron(own, leak) for _ in range(networks))

    def forward(self, signal: Tensor) -> Tensor:
        """Values `(rows, outputs)`, agent after agent, of states `(rows, inputs)`, number after number."""
        seen = signal.reshape(len(signal), -1, self.agents)
        each = [self.networks[a % len(self.networks)](seen[:, :, a]) for a in range(self.agents)]
        return torch.cat(each, 1)
