"""The chooser for agents that share a budget: of the joint choices that fit, exactly that of greatest total value."""

from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.solvers.knapsack import best_within

if TYPE_CHECKING:  # torch takes its time to import
    from torch import Tensor


@compiled
def choose(q: Float32Array, allowed: BoolArray, use: IntArray, budgets: IntArray, chosen: IntArray) -> None:
    """Fill the joint choice of each row; see `best_within`.

    Args:
        q: `(rows, A, C)` values.
        allowed: `(rows, A, C)` what may be chosen.
        use: `(A, C)` units of the budget that each choice takes.
        budgets: `(rows,)` units that there are.
        chosen: `(rows, A)`, to be filled: of equals the lexicographically least; where nothing fits, the least use.
    """
    best_within(q, allowed, use, budgets, chosen)


def in_torch(q: "Tensor", allowed: "Tensor", use: "Tensor", budgets: "Tensor") -> "Tensor":
    """The same for finite values and masks `(..., A, C)` and budgets `(...)`."""
    values, units = q.double().masked_fill(~allowed, -np.inf).flatten(0, -3), budgets.flatten()
    taken, (rows, agents, _) = use.expand(values.shape), values.shape
    joint = taken.masked_fill(~allowed.flatten(0, -3), int(use.max()) + 1).argmin(-1)  # the least use of each
    fits = taken.gather(-1, joint[..., None]).sum((1, 2)) <= units
    most = int(use.amax(-1).sum())
    left = use.new_ones(most + 1).cumsum(0) - 1
    best = [values.new_zeros(rows, most + 1)]  # of the agents from one on, by what is left; beyond the last one first
    for a in reversed(range(agents)):
        rest = left[:, None] - use[a]
        total = values[:, a, None] + best[-1][:, rest.clamp(min=0)]
        best.append(total.masked_fill(rest < 0, -np.inf).amax(-1))
    units = units.clamp(0, most)
    for a in range(agents):
        rest = units[:, None] - use[a]
        total = values[:, a] + best[agents - 1 - a].gather(1, rest.clamp(min=0))
        pick = total.masked_fill(rest < 0, -np.inf).argmax(-1)
        joint[:, a] = pick.where(fits, joint[:, a])
        units = units - use[a][pick]
    return joint.view(q.shape[:-1])
