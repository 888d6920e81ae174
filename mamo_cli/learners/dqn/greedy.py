"""The chooser that takes every agent's own best: the greatest value among what may be chosen."""

import torch
from torch import Tensor

from mamo_cli.core.arrays import BoolArray, Float32Array, IntArray
from mamo_cli.core.compiled import compiled


@compiled
def choose(q: Float32Array, allowed: BoolArray, chosen: IntArray) -> None:
    """Fill the choice of each agent, row by row.

    Args:
        q: `(rows, A, C)` values.
        allowed: `(rows, A, C)` what may be chosen.
        chosen: `(rows, A)`, to be filled: of equal values the first; 0 where nothing may be chosen.
    """
    rows, agents, choices = q.shape
    for row in range(rows):
        for a in range(agents):
            best, value = -1, q[row, a, 0]
            for c in range(choices):
                if allowed[row, a, c] and (best < 0 or q[row, a, c] > value):
                    best, value = c, q[row, a, c]
            chosen[row, a] = max(best, 0)


def in_torch(q: Tensor, allowed: Tensor) -> Tensor:
    """The same for values and masks `(..., A, C)`."""
    return torch.where(allowed, q, -torch.inf).argmax(-1)
