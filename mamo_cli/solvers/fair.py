"""The fairest mixture of plays within a budget of mean cost, among plays that are known or that an oracle finds.

A mean of violations that is convex is the greatest of its tangents. A linear program mixes the plays that are known so
that the greatest of the tangents that are known is least, and what the mixture brings tells the next tangent (Kelley,
"The cutting-plane method for solving convex programs", 1960). Its multipliers say at which weights of cost and
violations another play could improve on it; an oracle answers with the best play there, which bounds the least from
below (Dantzig and Wolfe, 1960): every answer says how far it may be off. Where one mean comes before another, as of
max-min, the earlier are held at what was least.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linprog

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import SolverError
from mamo_cli.core.fairness import Mean

Oracle = Callable[[FloatArray], FloatArray]
"""Weights `(1 + A,)` of mean cost and violations to those `(1 + A,)` of the best play."""

CLOSE = 1e-9
"""Of a mean: what is as good as the least."""

HELD = 1e-9
"""By how much an earlier mean may be larger than the least it was found to be: what rounding needs."""

MOST_ASKED = 2000
"""Rounds, at most."""

OPTIONS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10, "presolve": False}


class Fairest(NamedTuple):
    """The fairest mixture of J plays.

    Attributes:
        plays: `(J, 1 + A)` mean cost and violations, the given ones first.
        shares: `(J,)` of the time.
        prices: `(L, 1 + A)` of cost and violations, for each of the means: where another play weighs less, it improves
            on the mixture.
        values: `(L,)` the means, the first first.
        gap: no mixture has a mean that is smaller by more, of the first that may be.
    """

    plays: FloatArray
    shares: FloatArray
    prices: FloatArray
    values: FloatArray
    gap: float

    @property
    def brought(self) -> FloatArray:
        """`(1 + A,)` mean cost and violations of the mixture."""
        return np.asarray(self.shares @ self.plays)


def fairest(
    means: Sequence[Mean], plays: FloatArray, budget: float | None = None, oracle: Oracle | None = None
) -> Fairest:
    """The mixture that makes the first mean least, of those the second, and so on.

    Args:
        means: of the violations.
        plays: `(J, 1 + A)` mean cost and violations that are known, at least one.
        budget: of the mean cost; None: any. Where no known play is within it, the least that one costs takes its place.
        oracle: finds others; None: there are none.

    Raises:
        SolverError: the program has no answer.
    """
    search = _Search(means, plays, budget, oracle)
    for _ in means:
        search.make_least()
    return Fairest(search.plays, search.shares, np.stack(search.prices), np.array(search.values), search.gap)


class _Search:
    """One mixture on its way, mean after mean."""

    def __init__(self, means: Sequence[Mean], plays: FloatArray, budget: float | None, oracle: Oracle | None) -> None:
        self._means, self._oracle = means, oracle
        self.plays = np.asarray(plays, dtype=float)
        self._budget = np.inf if budget is None else max(float(budget), float(self.plays[:, 0].min()))
        self._tangents: list[list[tuple[FloatArray, float]]] = []
        self.shares, self.gap = np.zeros(len(plays)), 0.0
        self.prices: list[FloatArray] = []
        self.values: list[float] = []

    def make_least(self) -> None:
        """Make the next mean least, those before it held."""
        first = self.plays[self.plays[:, 0].argmin(), 1:]
        self._tangents.append([self._means[len(self.values)].tangent(first)])
        best, bound = np.inf, -np.inf
        for _ in range(MOST_ASKED):
            prices, offset = self._solve()
            violations = self.shares @ self.plays[:, 1:]
            told = np.array([float(mean.of(violations)) for mean in self._means[: self._level + 1]])
            met = self._cut(told)
            best = told[-1] if met else np.inf
            known = self._oracle is None
            if self._oracle is not None:
                play = self._oracle(prices)
                bound = max(bound, float(prices @ play) + offset)
                known = bool((self.plays == play).all(1).any())
                if not known:
                    self._add(play)
            if known and met:
                bound = max(bound, self._least)  # no play that is left is better than those that are mixed
            if (known and met) or best - bound <= CLOSE:
                break
        self.shares = np.r_[self.shares, np.zeros(len(self.plays) - len(self.shares))]
        self.prices.append(prices)
        self.values.append(float(told[-1]))
        off = float(told[-1] - bound)
        self.gap = max(self.gap, off if off > CLOSE else 0.0)

    @property
    def _level(self) -> int:
        return len(self._tangents) - 1

    def _add(self, play: FloatArray) -> None:
        self.plays = np.vstack((self.plays, play))

    def _cut(self, told: FloatArray) -> bool:
        """Add the tangents that the mixture is told to be above; whether there are none.

        Where somebody is served nothing, a mean may be above its own tangent: that one would cut nothing off.
        """
        violations, met = self.shares @ self.plays[: len(self.shares), 1:], True
        for level, (value, known) in enumerate(zip(told, self._tangents, strict=True)):
            held = self._least if level == self._level else self.values[level] + HELD
            slope, offset = self._means[level].tangent(violations)
            if min(value, slope @ violations + offset) > held + CLOSE / 2:
                known.append((slope, offset))
                met = False
        return met

    def _solve(self) -> tuple[FloatArray, float]:
        """Mix what is known; the prices `(1 + A,)`, and what is to be added to a play's price for the bound."""
        violations, count = self.plays[:, 1:], len(self.plays)
        rows, limits, slopes, offsets = [], [], [], []
        for level, tangents in enumerate(self._tangents):
            for slope, offset in tangents:
                last = level == self._level
                rows.append(np.r_[violations @ slope, -1.0 if last else 0.0])
                limits.append(-offset if last else self.values[level] + HELD - offset)
                slopes.append(slope)
                offsets.append(-limits[-1])
        if np.isfinite(self._budget):
            rows.append(np.r_[self.plays[:, 0], 0.0])
            limits.append(self._budget)
        found = self._solved(np.array(rows), np.array(limits), count)
        self.shares, self._least = found.x[:count], float(found.x[count])
        multipliers = np.maximum(-found.ineqlin.marginals, 0.0)
        tangents_only = multipliers[: len(slopes)]
        of_cost = float(multipliers[len(slopes) :].sum())
        prices = np.r_[of_cost, tangents_only @ np.array(slopes)]
        paid = of_cost * self._budget if of_cost else 0.0
        return prices, float(tangents_only @ np.array(offsets)) - paid

    def _solved(self, rows: FloatArray, limits: FloatArray, count: int) -> Any:
        one = np.r_[np.ones(count), 0.0][None]
        for options in (OPTIONS, {}):  # slopes where next to nothing is served are too steep for the finest tolerances
            found = linprog(np.r_[np.zeros(count), 1.0], rows, limits, one, [1.0], method="highs-ds", options=options)
            if found.status == 0:
                return found
        raise SolverError(f"no mixture of {count} plays was found: {found.message}")
