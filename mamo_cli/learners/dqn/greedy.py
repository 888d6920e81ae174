"""The chooser that takes every agent's own best: the greatest value among what may be chosen."""

import torch
from torch import Tensor

from mamo_cli.core.arrays import BoolArray, Float32Array, IntArray
from mamo_cli.core.compiled import compiled


@compiled
def choose(q: Float32Array, allowed: BoolArray, chosen: IntArray) -> None:
    """Fill the choice of each agent.

    Args:
        q: `(A, C)` values.
        allowed: `(A, C)` what may be chosen.
        chosen: `(A,)`, to be filled: of equal values the first; 0 where nothing may be chosen.
    """
    for a in range(q.shape[0]):
        best = -1
        for c in range(q.shape[1]):
            if allowed[a, c] and (best < 0 or q[a, c] > q[a, best]):
                best = c
        chosen[a] = max(best, 0)


def in_torch(q: Tensor, allowed: Tensor) -> Tensor:
    """The same for values and masks `(..., A, C)`; choices `(..., A)`."""
    return torch.where(allowed, q, -torch.inf).argmax(-1)
