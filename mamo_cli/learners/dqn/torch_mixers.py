"""The mixers as modules of torch: from the agents' values `(rows, A)` in states `(rows, S)` to those learnt."""

import torch
from torch import Tensor
from torch.nn.functional import elu


class Independent(torch.nn.Module):
    """See `independent`."""

    def forward(self, values: Tensor, states: Tensor) -> Tensor:
        """The same `(rows, A)`."""
        return values


class Summed(torch.nn.Module):
    """See `summed`."""

    def forward(self, values: Tensor, states: Tensor) -> Tensor:
        """Their sum `(rows, 1)`."""
        return values.sum(-1, keepdim=True)


class Monotone(torch.nn.Module):
    """See `monotone`."""

    def __init__(self, inputs: int, agents: int, hidden: int) -> None:
        """Args: inputs: S. agents: A. hidden: units. The parameters are left unset."""
        super().__init__()
        self.widths = [agents * hidden, hidden, hidden, hidden]
        self.weights = torch.nn.Parameter(torch.empty(inputs, sum(self.widths)))
        self.shift = torch.nn.Parameter(torch.empty(sum(self.widths)))
        self.last_weights = torch.nn.Parameter(torch.empty(hidden))
        self.last_shift = torch.nn.Parameter(torch.empty(1))

    def forward(self, values: Tensor, states: Tensor) -> Tensor:
        """The mixed value `(rows, 1)`."""
        made = states @ self.weights + self.shift
        first, shift, second, beside = torch.split(made, self.widths, -1)
        weights = first.view(*values.shape, -1).abs()
        hidden = elu((weights * values[..., None]).sum(-2) + shift)
        mixed = (hidden * second.abs()).sum(-1, keepdim=True) + (beside.relu() * self.last_weights).sum(
            -1, keepdim=True
        )
        return torch.add(mixed, self.last_shift)
