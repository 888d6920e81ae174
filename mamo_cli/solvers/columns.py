"""The cheapest mixture of plays whose mean violations keep their limits, from an oracle that knows the best play alone.

Column generation (Dantzig and Wolfe 1960; Desrosiers and Lubbecke, "A primer in column generation", 2005): a linear
program mixes the plays that are known, its multipliers say at which weights another would improve it, and the oracle
answers with the best play there. What that play costs under the multipliers bounds the cost of all mixtures from below,
so that every answer says how far it may be from the least. First the violation beyond the limits is made as small as it
can be, then the cost.

The program's multipliers leap about while few plays are known, the more so the more limits there are. So the oracle is
asked between them and those of the best bound so far (smoothing: Wentges 1997; Pessoa, Sadykov, Uchoa and Vanderbeck
2018), and closer to the program's own as often as its answer is known already.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linprog

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import SolverError

Oracle = Callable[[FloatArray], FloatArray]
"""Weights `(B, 1 + L)` of B problems' cost and violations to the objectives `(B, 1 + L)` of each one's best play."""

ROUNDING = 1e-12
CLOSE = 1e-11
"""Of a cost: the gap at which nothing more is asked."""

MOST_LIMITS = 24
"""Within which plays of agents that touch one another are mixed: those asked for grow faster than their number."""

MOST_ASKED = 2000
"""Plays that are asked for, at most."""

TOWARDS = 0.2
"""Of the way from the best bound's multipliers to the program's, at first: a third of the plays that 1 takes (a ring of
ten nodes: 119 against 340)."""

OPTIONS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10, "presolve": False}


class Mixed(NamedTuple):
    """The cheapest mixture of J plays, or where no mixture keeps the limits that of least excess.

    Attributes:
        weights: `(J, 1 + L)` at which each play is best.
        shares: `(J,)` of the time, all above 0.
        objectives: `(1 + L,)` mean cost and violations of the mixture.
        multipliers: `(L,)` of the limits, at which the bound was found.
        excess: of the violations over the limits, summed: 0 where these are kept.
        gap: no mixture costs less than this one less so much; of an excess likewise.
    """

    weights: FloatArray
    shares: FloatArray
    objectives: FloatArray
    multipliers: FloatArray
    excess: float
    gap: float


def cheapest(oracle: Oracle, limits: FloatArray) -> list[Mixed]:
    """The cheapest mixture of each of B problems, which are asked together.

    Args:
        oracle: knows the best plays.
        limits: `(B, L)` of the mean violations.
    """
    problems = [_Problem(own) for own in limits]
    for _ in range(MOST_ASKED):
        weights = np.stack([problem.wanted for problem in problems])
        for problem, own, play in zip(problems, weights, oracle(weights), strict=True):
            problem.told(own, play)
        if all(problem.done for problem in problems):
            break
    return [problem.mixed() for problem in problems]


def _solved(costs: FloatArray, rows: FloatArray, limits: FloatArray, one: FloatArray) -> Any:
    """What the program's solver says of least costs with rows within limits, and shares that sum to 1.

    Raises:
        SolverError: it has no answer.
    """
    found = linprog(costs, rows, limits, one[None], [1.0], method="highs-ds", options=OPTIONS)
    if found.status != 0:
        raise SolverError(f"no mixture of {len(costs)} plays was found: {found.message}")
    return found


class _Problem:
    """One problem on its way: first the least excess is sought, then, where that is none, the least cost."""

    def __init__(self, limits: FloatArray) -> None:
        """Args: limits: `(L,)` of the mean violations."""
        self._limits, count = limits, len(limits)
        self._weights, self._plays = np.zeros((0, count + 1)), np.zeros((0, count + 1))
        self._shares, self._multipliers = np.zeros(0), np.zeros(count)
        self._seeking_excess, self._value, self._bound = True, np.inf, -np.inf
        self.done = False
        self._own: FloatArray = np.r_[1.0, np.zeros(count)]  # the program's weights: at first of cost alone
        self._repeated = 0

    @property
    def wanted(self) -> FloatArray:
        """`(1 + L,)` weights that are asked next."""
        towards = min(TOWARDS * (1 + self._repeated), 1.0)
        if towards == 1.0 or not np.isfinite(self._bound):
            return self._own
        centre = np.r_[self._own[0], self._multipliers]
        return np.asarray(centre + towards * (self._own - centre))

    def told(self, weights: FloatArray, play: FloatArray) -> None:
        """Take in the best play at some weights."""
        if self.done:
            return
        if len(self._plays):  # what is best under the multipliers bounds the least from below
            bound = float(weights @ play - weights[1:] @ self._limits)
            if bound > self._bound:
                self._bound, self._multipliers = bound, weights[1:]
            known = bool((self._plays == play).all(1).any())
            last = known and np.array_equal(weights, self._own)
            if last or self._value - self._bound <= CLOSE * max(abs(self._value), ROUNDING):
                self.done = True
                return
            if known:
                self._repeated += 1
                return
        self._repeated = 0
        self._weights, self._plays = np.vstack((self._weights, weights)), np.vstack((self._plays, play))
        self._solve()

    def _solve(self) -> None:
        """Mix what is known, and say at which weights a play could improve on it."""
        if self._seeking_excess:
            multipliers, excess = self._least_excess()
            if excess > ROUNDING:
                self._value, self._own = excess, np.r_[0.0, multipliers]
                return
            self._seeking_excess, self._bound = False, -np.inf
        self._own = np.r_[1.0, self._least_cost()]

    def _least_excess(self) -> tuple[FloatArray, float]:
        plays, count = len(self._plays), len(self._limits)
        within = np.hstack((self._plays[:, 1:].T, -np.eye(count)))
        cost, one = np.r_[np.zeros(plays), np.ones(count)], np.r_[np.ones(plays), np.zeros(count)]
        found = _solved(cost, within, self._limits, one)
        self._shares = found.x[:plays]
        return np.maximum(-found.ineqlin.marginals, 0.0), float(found.fun)

    def _least_cost(self) -> FloatArray:
        costs, violations = self._plays[:, 0], self._plays[:, 1:]
        found = _solved(costs, violations.T, self._limits + ROUNDING / 2, np.ones(len(costs)))
        self._shares, self._value = found.x, float(found.fun)
        return np.asarray(np.maximum(-found.ineqlin.marginals, 0.0))

    def mixed(self) -> Mixed:
        """What has been found."""
        used = self._shares > 0.0
        shares = self._shares[used] / self._shares[used].sum()
        objectives = shares @ self._plays[used]
        excess = float(np.maximum(objectives[1:] - self._limits, 0.0).sum()) if self._seeking_excess else 0.0
        gap = max(self._value - self._bound, 0.0)
        return Mixed(self._weights[used], shares, objectives, self._multipliers, excess, gap)
