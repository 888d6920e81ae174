"""What is known of the best plan before any solver runs: a plan to start from and to fall back on, and a bound.

Where nothing ties steps or functions together both come from the certificate. Scaling up only adds to what a plan
costs. A memory may cut into it: replicas go, one at a time, where that loses least, until every step fits; on average,
steps that have memory to spare make up for the others.
"""

from dataclasses import dataclass, replace

import numpy as np

from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.enumeration import (
    beyond_reach,
    certificate,
    cheapest,
    least_rejecting,
    least_rejection,
    tolerable,
)
from mamo_cli.domains.faas.offline.joint import joint_certificate, steps_of
from mamo_cli.domains.faas.offline.measures import (
    MEMORY_ROUNDING,
    choice_cost,
    choice_violation,
    memory_excess,
    plan_cost,
    plan_violation,
)
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.solvers.program import Booleans, Floats, Integers

# Summed violations closer than this are equal: a thousandth of what solvers are allowed.
EQUAL = 1e-10


@dataclass(frozen=True, eq=False)
class Outcome:
    """A plan (T, F) and what the solver says of it; costs are means over steps, as in `measures`.

    `least_violation` is the sum over functions that the plan may not exceed: (T,) in scope step, else (1,).
    """

    plan: Integers
    termination: Termination
    objective: float
    bound: float
    least_violation: Floats


@dataclass(frozen=True, eq=False)
class Known:
    """A plan without any solver.

    Attributes:
        method: how it was found: "enumeration", "dynamic programming" or "lagrangian".
        plan: (T, F), within the caps and the memory.
        keep: (T, F, N) the choices that all plans which are better, and violate no more than they must, are made of;
            where memory or scaling up have a say, those that no tolerance rules out.
        violation: what the plan violates by, as `plan_violation`.
        certified: whether no plan violates by less.
        cost: mean cost of the plan.
        bound: no plan of least violation costs less; 0 where that is not known.
    """

    method: str
    plan: Integers
    keep: Booleans
    violation: Floats
    certified: bool
    cost: float
    bound: float

    @property
    def exact(self) -> bool:
        """Whether it is the answer."""
        return self.certified and self.bound >= self.cost

    @property
    def outcome(self) -> Outcome:
        """As what a solver would say of it."""
        termination = Termination.OPTIMAL if self.exact else Termination.BOUNDED
        return Outcome(self.plan, termination, self.cost, self.bound, self.violation)

    @property
    def standing_in(self) -> str:
        """In a sentence: that it takes a solver's place, and how far it is proven."""
        if not self.certified:
            return "a plan that fits the memory stands in, without a bound"
        return f"the {self.method}'s certified plan and bound stand in"


def known(problem: ReplicaProblem, scope: Scope) -> Known:
    """The certificate's plan, made to fit the memory."""
    steps = steps_of(problem)
    joint = None if steps is None else joint_certificate(problem, scope, steps)
    if joint is not None:
        violation = plan_violation(problem, scope, joint.plan)
        method = "lagrangian" if scope is Scope.AVERAGE else "dynamic programming"
        return Known(method, joint.plan, joint.keep, violation, True, joint.upper, joint.lower)
    free = replace(problem, memory_per_replica=None, memory_capacity=None, scale_up_cost=None)
    without = certificate(free, scope)
    plan = _within_memory(problem, scope, without.plan)
    violation = plan_violation(problem, scope, plan)
    certified = bool(np.all(violation <= reachable_violation(problem, scope) + EQUAL))
    return Known(
        method="lagrangian" if scope is Scope.AVERAGE else "enumeration",
        plan=plan,
        keep=without.keep if problem.separable or scope is not Scope.AVERAGE else _reaching(problem),
        violation=violation,
        certified=certified,
        cost=plan_cost(problem, scope, plan),
        bound=without.lower if certified else 0.0,
    )


def reachable_violation(problem: ReplicaProblem, scope: Scope) -> Floats:
    """Least violation that the caps leave, memory aside; shaped as `plan_violation`."""
    least = least_rejection(problem)
    if scope is Scope.STEP:
        by_step: Floats = np.maximum(least - problem.tolerance, 0.0).sum(axis=1)
        return by_step
    if scope is Scope.AVERAGE:
        return np.array([np.maximum(least.mean(axis=0) - problem.tolerance, 0.0).sum()])
    return np.zeros(1)


def _reaching(problem: ReplicaProblem) -> Booleans:
    """(T, F, N) scope average: of functions that cannot meet their tolerance, only choices of the least rejection."""
    return np.where(beyond_reach(problem)[:, None], least_rejecting(problem), problem.permitted)


def _within_memory(problem: ReplicaProblem, scope: Scope, plan: Integers) -> Integers:
    """A plan (T, F) that fits, as near as may be to one that need not."""
    memory = problem.memory_per_replica
    if memory is None or not np.any(memory_excess(problem, plan) > MEMORY_ROUNDING):
        return plan
    if scope is Scope.ALPHA:
        return _fitted(problem, memory, plan, choice_cost(problem, scope))
    if scope is Scope.STEP:
        return _fitted(problem, memory, plan, choice_violation(problem))
    by_step = cheapest(choice_cost(problem, scope), tolerable(problem))
    fitting = [_fitted(problem, memory, each, problem.rejection) for each in (plan, by_step, problem.max_replicas)]
    tries = [_mixed(problem, each, fitting[-1]) for each in fitting]
    return min(tries, key=lambda each: (plan_violation(problem, scope, each)[0], plan_cost(problem, scope, each)))


def _fitted(problem: ReplicaProblem, memory: Floats, plan: Integers, loss: Floats) -> Integers:
    """The plan with replicas taken away, one at a time, where that loses least (T, F, N) for the memory (F,) freed."""
    fitted = plan.copy()
    while True:
        steps = np.flatnonzero(memory_excess(problem, fitted) > MEMORY_ROUNDING)
        if not steps.size:
            return fitted
        here, of = fitted[steps], loss[steps]
        lost = at_plan(of, np.maximum(here - 1, 1)) - at_plan(of, here)
        frees = (here > 1) & (memory > 0)
        chosen = np.where(frees, lost / np.where(memory > 0, memory, 1.0), np.inf).argmin(axis=1)
        fitted[steps, chosen] -= 1


def _mixed(problem: ReplicaProblem, poor: Integers, rich: Integers) -> Integers:
    """The poor plan, made the rich one at as few steps as leave the means the least violation, best value first."""
    rejection = at_plan(problem.rejection, poor)
    gain = rejection - at_plan(problem.rejection, rich)
    paid = ((rich - poor) * problem.replica_cost).sum(axis=1)
    order = np.argsort(-gain.sum(axis=1) / np.maximum(paid, np.finfo(float).tiny), kind="stable")
    sums = rejection.sum(axis=0) - np.vstack((np.zeros(problem.shape[1]), gain[order].cumsum(axis=0)))
    violation = np.maximum(sums / problem.shape[0] - problem.tolerance, 0.0).sum(axis=1)
    moved = order[: int(np.argmax(violation <= violation.min() + EQUAL))]
    mixed = poor.copy()
    mixed[moved] = rich[moved]
    return mixed
