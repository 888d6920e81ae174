"""The best joint choice of agents that share a budget: a knapsack with one choice an agent, exact."""

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import compiled


@compiled
def best_within(values: AnyFloatArray, allowed: BoolArray, use: IntArray, budgets: IntArray, chosen: IntArray) -> None:
    """Fill the joint choices of greatest total value within each row's budget; of equals the lexicographically least.

    By dynamic programming over what is left of the budget, the last agent first (Kellerer, Pferschy and Pisinger,
    Knapsack Problems, 2004, chapter 11). Where every agent's own best fits, that is the answer.

    Args:
        values: `(rows, A, C)`, finite where allowed; of others only the fit is sure.
        allowed: `(rows, A, C)` what may be chosen.
        use: `(A, C)` whole units of the budget that each choice takes, at least 0.
        budgets: `(rows,)` whole units that there are.
        chosen: `(rows, A)`, to be filled. Where nothing fits, each agent's allowed choice of least use.
    """
    rows, agents, _ = values.shape
    most = 0
    for a in range(agents):
        most += use[a].max()
    best, least = np.empty((agents + 1, most + 1)), np.empty(agents, dtype=np.int64)
    for row in range(rows):
        _alone(values[row], allowed[row], use, chosen[row], least)
        wanted, needed = 0, 0
        for a in range(agents):
            wanted += use[a, chosen[row, a]]
            needed += use[a, least[a]]
        if needed > budgets[row]:
            chosen[row] = least
        elif wanted > budgets[row]:
            _together(values[row], allowed[row], use, min(budgets[row], most), least, best, chosen[row])


@compiled
def _alone(values: AnyFloatArray, allowed: BoolArray, use: IntArray, own: IntArray, least: IntArray) -> None:
    """Fill each agent's best choice, and that of least use: the first of equals; 0 where nothing may be chosen."""
    agents, choices = values.shape
    for a in range(agents):
        own[a] = least[a] = -1
        for c in range(choices):
            if allowed[a, c]:
                if own[a] < 0 or values[a, c] > values[a, own[a]]:
                    own[a] = c
                if least[a] < 0 or use[a, c] < use[a, least[a]]:
                    least[a] = c
        own[a], least[a] = max(own[a], 0), max(least[a], 0)


@compiled
def _together(
    values: AnyFloatArray,
    allowed: BoolArray,
    use: IntArray,
    budget: int,
    least: IntArray,
    best: FloatArray,
    chosen: IntArray,
) -> None:
    """Fill the best joint choice of agents whose choices of least use fit.

    Each leaves the later ones their least, so that what is filled fits whatever the values are, NaN and infinite ones
    too. `best` is room for the greatest value of the agents from each on with what is left.
    """
    agents, choices = values.shape
    best[agents, : budget + 1] = 0.0
    kept = 0  # the least of the agents after the present one
    for a in range(agents - 1, -1, -1):
        for left in range(kept + use[a, least[a]], budget + 1):
            best[a, left] = -np.inf
            for c in range(choices):
                if allowed[a, c] and use[a, c] + kept <= left:
                    best[a, left] = max(best[a, left], values[a, c] + best[a + 1, left - use[a, c]])
        kept += use[a, least[a]]
    left = budget
    for a in range(agents):
        chosen[a] = least[a]
        kept -= use[a, least[a]]
        for c in range(choices):
            fits = allowed[a, c] and use[a, c] + kept <= left
            if fits and values[a, c] + best[a + 1, left - use[a, c]] == best[a, left]:
                chosen[a] = c
                break
        left -= use[a, chosen[a]]


@compiled
def best_with_each(
    values: AnyFloatArray, allowed: BoolArray, use: IntArray, budgets: IntArray, totals: FloatArray
) -> None:
    """Fill the greatest total value within each row's budget of the joint choices that have each single choice in them.

    Args:
        values, allowed, use, budgets: as of `best_within`.
        totals: `(rows, A, C)`, to be filled; minus infinity where a choice is in none that fits.
    """
    rows, agents, choices = values.shape
    most = 0
    for a in range(agents):
        most += use[a].max()
    before, after = np.empty((agents + 1, most + 1)), np.empty((agents + 1, most + 1))
    for row in range(rows):
        budget = min(budgets[row], most)
        before[0, : budget + 1] = after[agents, : budget + 1] = 0.0
        for a in range(agents):
            _extended(values[row, a], allowed[row, a], use[a], budget, before[a], before[a + 1])
            back = agents - 1 - a
            _extended(values[row, back], allowed[row, back], use[back], budget, after[back + 1], after[back])
        for a in range(agents):
            for c in range(choices):
                totals[row, a, c] = -np.inf
                if allowed[row, a, c]:
                    for earlier in range(budget - use[a, c] + 1):
                        others = before[a, earlier] + after[a + 1, budget - use[a, c] - earlier]
                        totals[row, a, c] = max(totals[row, a, c], values[row, a, c] + others)


@compiled
def _extended(
    values: AnyFloatArray, allowed: BoolArray, use: IntArray, budget: int, without: FloatArray, best: FloatArray
) -> None:
    """Fill the greatest value within each budget of some agents and one more."""
    for left in range(budget + 1):
        best[left] = -np.inf
        for c in range(len(values)):
            if allowed[c] and use[c] <= left:
                best[left] = max(best[left], values[c] + without[left - use[c]])
