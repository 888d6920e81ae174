"""What a choice or a plan costs and how far it violates, from the problem's own arrays alone.

A plan is (T, F) replicas. Costs are means over steps, so that every scope speaks of one period; violations are in units
of probability.
"""

import numpy as np

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Scope
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.solvers.program import Floats, Integers

# Memory that fits exactly still fits after rounding: the share of the capacity that is forgiven.
MEMORY_ROUNDING = 1e-9


def choice_cost(problem: ReplicaProblem, scope: Scope) -> Floats:
    """(T, F, N) cost of each choice in one period.

    Scopes step and average: c_f n. Scope alpha: the negative of the TE agent's reward, times its function's share: each
    has its own normalised cost, and the joint reward is their mean, or weighs them by priority.

    Raises:
        UsageError: scope alpha without alpha.
    """
    replicas = np.arange(1, problem.shape[2] + 1)
    paid: Floats = np.broadcast_to(problem.replica_cost[:, None] * replicas, problem.shape)
    if scope is not Scope.ALPHA:
        return paid
    rejection = problem.rejection if problem.expected_rejection is None else problem.expected_rejection
    weights = weights_of(_alpha(problem))[:, None]
    weighted: Floats = -rewards(np.stack((paid, rejection), -1), weights, cost_scale(problem))
    return weighted / problem.shape[1] if problem.priority is None else weighted * problem.priority[:, None]


def cost_scale(problem: ReplicaProblem) -> float:
    """What the normalised cost is measured in: the mean over functions of the cost of all their replicas."""
    if problem.cost_scale is not None:
        return problem.cost_scale
    return float((problem.replica_cost * problem.shape[2]).mean())


def scale_up_price(problem: ReplicaProblem, scope: Scope) -> Floats | None:
    """(F,) price of one added replica in the unit of `choice_cost`; None where scaling up is free."""
    if problem.scale_up_cost is None or scope is not Scope.ALPHA:
        return problem.scale_up_cost
    weighed = (1 - _alpha(problem)) * problem.scale_up_cost
    if problem.priority is None:
        price: Floats = weighed / (cost_scale(problem) * problem.shape[1])
    else:
        price = weighed / cost_scale(problem) * problem.priority
    return price


def plan_cost(problem: ReplicaProblem, scope: Scope, replicas: Integers) -> float:
    """Mean cost of one period under the plan, scaling up included."""
    total = float(at_plan(choice_cost(problem, scope), replicas).sum())
    price = scale_up_price(problem, scope)
    if price is not None:
        total += float((np.maximum(np.diff(replicas, axis=0), 0) * price).sum())
    return total / problem.shape[0]


def choice_violation(problem: ReplicaProblem) -> Floats:
    """(T, F, N) how far each choice exceeds its function's tolerance."""
    excess: Floats = np.maximum(problem.rejection - problem.tolerance[:, None], 0.0)
    return excess


def plan_violation(problem: ReplicaProblem, scope: Scope, replicas: Integers) -> Floats:
    """Summed violation over functions: (T,) by step in scope step, (1,) in scope average, (1,) of 0 in scope alpha."""
    if scope is Scope.STEP:
        by_step: Floats = at_plan(choice_violation(problem), replicas).sum(axis=1)
        return by_step
    if scope is Scope.AVERAGE:
        mean = at_plan(problem.rejection, replicas).mean(axis=0)
        return np.array([np.maximum(mean - problem.tolerance, 0.0).sum()])
    return np.zeros(1)


def memory_excess(problem: ReplicaProblem, replicas: Integers) -> Floats:
    """(T,) memory used beyond the capacity, as a share of the capacity; at most 0 where the plan fits."""
    if problem.memory_capacity is None or problem.memory_per_replica is None:
        return np.zeros(problem.shape[0])
    used = replicas @ problem.memory_per_replica
    excess: Floats = (used - problem.memory_capacity) / np.maximum(problem.memory_capacity, np.finfo(float).tiny)
    return excess


def _alpha(problem: ReplicaProblem) -> Floats:
    if problem.alpha is None:
        raise UsageError("--scope alpha needs --alpha, the weight of rejection in [0, 1]")
    return np.asarray(problem.alpha)
