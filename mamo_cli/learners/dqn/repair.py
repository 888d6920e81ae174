"""The chooser that repairs: each agent's own best, cut down one agent at a time until all fit the budget they share.

While they take more than there is, of all single changes to a choice that takes less, that one is made which loses the
least value for each unit that it frees; of equals the first agent's, then its first choice. What is left over in the
end is not given back: it is the control beside `knapsack`, which is exact.
"""

from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn import greedy

if TYPE_CHECKING:  # torch takes its time to import
    from torch import Tensor


@compiled
def choose(q: Float32Array, allowed: BoolArray, use: IntArray, budgets: IntArray, chosen: IntArray) -> None:
    """Fill the choice of each agent, row by row.

    Args:
        q: `(rows, A, C)` values.
        allowed: `(rows, A, C)` what may be chosen.
        use: `(A, C)` units of the budget that each choice takes.
        budgets: `(rows,)` units that there are.
        chosen: `(rows, A)`, to be filled; where nothing fits, choices of least use.
    """
    greedy.choose(q, allowed, use, budgets, chosen)
    for row in range(q.shape[0]):
        over = -budgets[row]
        for a in range(q.shape[1]):
            over += use[a, chosen[row, a]]
        while over > 0:
            agent, choice = _cheapest(q[row], allowed[row], use, chosen[row])
            if agent < 0:
                break
            over -= use[agent, chosen[row, agent]] - use[agent, choice]
            chosen[row, agent] = choice


@compiled
def _cheapest(q: Float32Array, allowed: BoolArray, use: IntArray, chosen: IntArray) -> tuple[int, int]:
    """The change, an agent and its choice, that loses the least value a unit that it frees; -1 where there is none."""
    agent, choice, least = -1, -1, 0.0
    for a in range(q.shape[0]):
        for c in range(q.shape[1]):
            freed = use[a, chosen[a]] - use[a, c]
            if allowed[a, c] and freed > 0:
                lost = (q[a, chosen[a]] - q[a, c]) / freed
                if agent < 0 or lost < least:
                    agent, choice, least = a, c, lost
    return agent, choice


def in_torch(q: "Tensor", allowed: "Tensor", use: "Tensor", budgets: "Tensor") -> "Tensor":
    """The same for values and masks `(..., A, C)` and budgets `(...)`, of finite values."""
    chosen = greedy.in_torch(q, allowed, use, budgets)
    taken = use.expand(q.shape)
    while True:
        held = taken.gather(-1, chosen[..., None])
        over = held.sum((-2, -1)) > budgets
        may = allowed & (held > taken) & over[..., None, None]
        moved = may.flatten(-2).any(-1, keepdim=True)
        if not moved.any():
            return chosen
        lost = (q.gather(-1, chosen[..., None]) - q).double() / (held - taken)
        place = lost.masked_fill(~may, np.inf).flatten(-2).argmin(-1, keepdim=True)
        agent, choice = place // q.shape[-1], place % q.shape[-1]
        chosen = chosen.scatter(-1, agent, choice.where(moved, chosen.gather(-1, agent)))
