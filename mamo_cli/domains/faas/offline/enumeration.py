"""Exact answers without a solver, where nothing ties steps or functions together; what every solver is tested against.

Scopes step and alpha are separable by (step, function): the best choice is an argmin. Scope average has one constraint
for each function (a multiple-choice knapsack): a Lagrangian gives a bound, a greedy plan within one choice of it, and a
proof that most choices cannot occur in any better plan.
"""

from dataclasses import dataclass

import numpy as np

from mamo_cli.core.seam import Scope
from mamo_cli.domains.faas.offline.measures import choice_cost, plan_cost
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.solvers.program import Booleans, Floats, Integers

# Halvings of [0, 1) in the search for the multiplier: fine, yet 1 - weight stays well above rounding.
HALVINGS = 45
# What a step's rejection may be wrong by: choices that differ by less reject alike.
ROUNDING = 1e-14
# A bound on a number of replicas that is so close above a whole one may be that one.
WHOLE_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is known of the optimum before any solver runs.

    Attributes:
        keep: (T, F, N) the choices some optimal plan is made of; no plan cheaper than `plan` uses any other.
        plan: (T, F) a plan of least violation.
        lower: no plan of least violation has a smaller mean cost.
        upper: mean cost of `plan`, which is optimal where `lower` equals `upper`.
    """

    keep: Booleans
    plan: Integers
    lower: float
    upper: float


def certificate(problem: ReplicaProblem, scope: Scope) -> Certificate:
    """Bounds on a separable problem: exact in scopes step and alpha, within one choice a function in scope average."""
    if scope is Scope.AVERAGE:
        return _average(problem)
    keep = tolerable(problem) if scope is Scope.STEP else problem.permitted
    plan = cheapest(choice_cost(problem, scope), keep)
    cost = plan_cost(problem, scope, plan)
    return Certificate(keep, plan, cost, cost)


def cheapest(cost: Floats, keep: Booleans) -> Integers:
    """(T, F) the replicas of least cost among the choices kept, the fewest of equals."""
    plan: Integers = np.where(keep, cost, np.inf).argmin(axis=2) + 1
    return plan


def least_rejection(problem: ReplicaProblem) -> Floats:
    """(T, F) the least rejection within reach of the cap."""
    least: Floats = np.where(problem.permitted, problem.rejection, np.inf).min(axis=2)
    return least


def tolerable(problem: ReplicaProblem) -> Booleans:
    """(T, F, N) choices within the tolerance, or with the least rejection where none is."""
    limit = np.maximum(problem.tolerance, least_rejection(problem))
    return problem.permitted & (problem.rejection <= limit[..., None])


def least_rejecting(problem: ReplicaProblem) -> Booleans:
    """(T, F, N) choices with the least rejection, up to rounding."""
    return problem.permitted & (problem.rejection <= least_rejection(problem)[..., None] + ROUNDING)


def beyond_reach(problem: ReplicaProblem) -> Booleans:
    """(F,) functions that cannot meet their tolerance on average, whatever they run."""
    beyond: Booleans = problem.tolerance * problem.shape[0] < least_rejection(problem).sum(axis=0)
    return beyond


def average_limit(problem: ReplicaProblem) -> Floats:
    """(F,) rejection allowed over the whole horizon, raised to the least reachable where the tolerance is not."""
    limit: Floats = np.maximum(problem.tolerance * problem.shape[0], least_rejection(problem).sum(axis=0))
    return limit


def _average(problem: ReplicaProblem) -> Certificate:
    """Scope average: weigh rejection by w and replicas by 1 - w, and search the w at which the tolerance is met.

    A function that cannot meet it takes the least rejection at every step, whose fewest replicas are the best plan.
    """
    steps, functions, _ = problem.shape
    limit = average_limit(problem)
    low, high = np.zeros(functions), np.ones(functions)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        met = at_plan(problem.rejection, _weighted_plan(problem, middle)).sum(axis=0) <= limit
        low, high = np.where(met, low, middle), np.where(met, middle, high)
    plan = _greedy(problem, limit, starved=_weighted_plan(problem, low), safe=_weighted_plan(problem, high))

    multiplier = low / (1 - low)
    score = np.arange(1, problem.shape[2] + 1) + multiplier[:, None] * problem.rejection
    least = np.where(problem.permitted, score, np.inf).min(axis=2)
    rounding = 1e-9 + 1e-14 * multiplier * steps
    bound = least.sum(axis=0) - multiplier * limit - rounding
    # A plan with this choice costs at least bound + (score - least): beyond the greedy plan's cost it is no better.
    slack = plan.sum(axis=0) - bound + rounding
    keep = problem.permitted & (score - least[..., None] <= slack[:, None])

    beyond = beyond_reach(problem)
    smallest = cheapest(choice_cost(problem, Scope.AVERAGE), least_rejecting(problem))
    plan = np.where(beyond, smallest, plan)
    keep = np.where(beyond[:, None], np.arange(1, problem.shape[2] + 1) == smallest[..., None], keep)
    # A plan is made of whole replicas, at least one a step.
    fewest = np.where(beyond, plan.sum(axis=0), np.maximum(np.ceil(bound - WHOLE_ROUNDING), steps))
    upper = plan_cost(problem, Scope.AVERAGE, plan)
    lower = upper - float(((plan.sum(axis=0) - fewest) * problem.replica_cost).sum()) / steps
    return Certificate(keep, plan, lower, upper)


def _weighted_plan(problem: ReplicaProblem, weight: Floats) -> Integers:
    """(T, F) the best plan when rejection weighs w and a replica 1 - w."""
    replicas = np.arange(1, problem.shape[2] + 1)
    score = (1 - weight)[:, None] * replicas + weight[:, None] * problem.rejection
    return cheapest(score, problem.permitted)


def _greedy(problem: ReplicaProblem, limit: Floats, starved: Integers, safe: Integers) -> Integers:
    """(T, F) the safe plan, moved to the starved one at as many steps as the limit (F,) leaves room for."""
    kept = at_plan(problem.rejection, safe)
    added = np.maximum(at_plan(problem.rejection, starved) - kept, 0.0)
    order = added.argsort(axis=0, kind="stable")
    fits_in_order = np.take_along_axis(added, order, axis=0).cumsum(axis=0) <= limit - kept.sum(axis=0) - 1e-12
    fits = np.zeros_like(fits_in_order)
    np.put_along_axis(fits, order, fits_in_order, axis=0)
    return np.where(fits & (starved < safe), starved, safe)
