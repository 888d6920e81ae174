"""What is known without a solver where a memory ties functions together, and nothing ties steps.

Scopes step and alpha ask for the best joint choice of each step: a knapsack. In scope average a Lagrangian prices the
rejection of each function, and under its prices the steps fall apart again; the prices at which its bound is highest
are found by column generation. Around them plans are tried, and the bound tells which choices no better plan can have.
"""

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from mamo_cli.core.seam import Scope
from mamo_cli.domains.faas.memory import MOST_UNITS
from mamo_cli.domains.faas.offline.enumeration import Certificate, average_limit
from mamo_cli.domains.faas.offline.measures import MEMORY_ROUNDING, choice_cost, choice_violation, plan_cost
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.domains.faas.units import whole_units
from mamo_cli.solvers.columns import cheapest
from mamo_cli.solvers.knapsack import best_with_each, best_within
from mamo_cli.solvers.program import Floats, Integers
from mamo_cli.solvers.rounding import pieced

WORTH_ALL = 1e7
"""What violation weighs against the cost of the dearest plan: so little as a ten-millionth of it is worth more."""
ROUNDING = 1e-9
SCALES = np.geomspace(0.25, 4.0, 17)
"""Of the prices around the best ones, at which plans are tried."""


class Steps:
    """The joint choices of each step, by their scores."""

    def __init__(self, problem: ReplicaProblem, use: Integers, budgets: Integers) -> None:
        """Args: use: `(F, N)` units of memory of each choice. budgets: `(T,)`."""
        self._problem, self._use, self._budgets = problem, use, budgets

    def best(self, scores: Floats) -> Integers:
        """`(T, F)` replicas of least total score `(T, F, N)`."""
        chosen = np.empty(scores.shape[:2], dtype=np.int64)
        best_within(-scores, self._problem.permitted, self._use, self._budgets, chosen)
        return chosen + 1

    def beyond_least(self, scores: Floats) -> Floats:
        """`(T, F, N)` by how much the least total with each choice in it is above the least."""
        totals = np.empty(scores.shape)
        best_with_each(-scores, self._problem.permitted, self._use, self._budgets, totals)
        beyond: Floats = totals.max(axis=(1, 2), keepdims=True) - totals
        return beyond


def steps_of(problem: ReplicaProblem) -> Steps | None:
    """The joint choices of a problem; None where steps are tied, or memory has no unit worth counting in."""
    if problem.memory_per_replica is None or problem.memory_capacity is None or problem.scale_up_cost is not None:
        return None
    if not problem.memory_per_replica.all():
        return None
    unit, use = whole_units(problem.memory_per_replica.tolist())
    counts = [Fraction(str(mb * (1 + MEMORY_ROUNDING))) // unit for mb in problem.memory_capacity.tolist()]
    table = np.outer(use, np.arange(1, problem.shape[2] + 1))
    if table[:, -1].sum() > MOST_UNITS:
        return None
    return Steps(problem, table, np.minimum(counts, table[:, -1].sum()).astype(np.int64))


def joint_certificate(problem: ReplicaProblem, scope: Scope, steps: Steps) -> Certificate | None:
    """Bounds on a problem whose steps are apart: exact in scopes step and alpha. None where no plan is found."""
    if scope is Scope.AVERAGE:
        return _average(problem, steps)
    scores = choice_cost(problem, scope)
    if scope is Scope.STEP:
        dearest = float(scores.max(axis=2).sum(axis=1).max())
        scores = scores / dearest + WORTH_ALL * choice_violation(problem)
    plan, beyond = steps.best(scores), steps.beyond_least(scores)
    cost = plan_cost(problem, scope, plan)
    kept = beyond <= (ROUNDING if scope is Scope.ALPHA else 1e-7)
    return Certificate(kept & problem.permitted, plan, cost, cost)


def _average(problem: ReplicaProblem, steps: Steps) -> Certificate | None:
    """A plan near the best, a bound beneath it, and the choices that leave a better one between the two."""
    count, limit = problem.shape[0], average_limit(problem)
    cost = choice_cost(problem, Scope.AVERAGE)

    def play(weights: Floats) -> Integers:
        return steps.best(weights[0] * cost + weights[1:, None] * problem.rejection)

    def oracle(weights: Floats) -> Floats:
        plans = [play(own) for own in weights]
        brought = [
            np.r_[plan_cost(problem, Scope.AVERAGE, p), at_plan(problem.rejection, p).mean(axis=0)] for p in plans
        ]
        return np.stack(brought)

    mixed = cheapest(oracle, limit[None] / count)[0]
    if mixed.excess > 0:
        return None
    prices = mixed.multipliers
    pool = [play(np.r_[1.0, prices * scale]) for scale in SCALES]
    pool += [play(own) for own in mixed.weights]
    for f in range(problem.shape[1]):
        pool += [play(np.r_[1.0, np.where(np.arange(len(prices)) == f, prices * scale, prices)]) for scale in SCALES]
    plans = np.stack(pool)
    rejection = np.stack([at_plan(problem.rejection, plan) for plan in pool])
    chosen = pieced((plans * problem.replica_cost).sum(axis=2), rejection, limit, prices)
    if chosen is None:
        return None
    plan = plans[chosen, np.arange(count)]
    beyond = steps.beyond_least(cost + prices[:, None] * problem.rejection)
    least = float(mixed.objectives[0] - mixed.gap) * count - ROUNDING * count
    upper = plan_cost(problem, Scope.AVERAGE, plan) * count
    lower = min(_whole(problem, least), upper)
    keep = problem.permitted & (beyond <= upper - least + ROUNDING)
    return Certificate(keep, plan, lower / count, upper / count)


def _whole(problem: ReplicaProblem, least: float) -> float:
    """The least cost of a plan of whole replicas that is not below a bound on the sum over steps."""
    exact = [Fraction(str(cost)) for cost in problem.replica_cost.tolist()]
    scale = lcm(*(cost.denominator for cost in exact))
    unit = gcd(*(int(cost * scale) for cost in exact)) / scale
    return float(np.ceil(least / unit - 1e-6)) * unit
