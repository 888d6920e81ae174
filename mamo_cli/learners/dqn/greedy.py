"""The chooser for agents that share nothing: every agent's own best, the greatest value among what may be chosen."""

from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, IntArray
from mamo_cli.core.compiled import compiled

if TYPE_CHECKING:  # torch takes its time to import
    from torch import Tensor


@compiled
def choose(q: Float32Array, allowed: BoolArray, use: IntArray, budgets: IntArray, chosen: IntArray) -> None:
    """Fill the choice of each agent, row by row.

    Args:
        q: `(rows, A, C)` values.
        allowed: `(rows, A, C)` what may be chosen.
        use: of a budget, which is not looked at.
        budgets: which are not looked at.
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


def in_torch(q: "Tensor", allowed: "Tensor", use: "Tensor", budgets: "Tensor") -> "Tensor":
    """The same for values and masks `(..., A, C)`."""
    return q.masked_fill(~allowed, -np.inf).argmax(-1)
