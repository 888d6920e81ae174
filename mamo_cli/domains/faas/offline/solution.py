"""The answer to a replica problem, audited: nothing in it is taken on a solver's word alone.

A plan is replicas here, and choices (one less) from the `Optimum` on.
"""

import numpy as np

from mamo_cli.core.errors import SolverError
from mamo_cli.core.seam import Optimum, Scope, Termination
from mamo_cli.domains.faas.offline.known import Known, Outcome
from mamo_cli.domains.faas.offline.measures import (
    choice_cost,
    choice_violation,
    memory_excess,
    plan_cost,
    plan_violation,
)
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.solvers.program import Booleans, Integers

# Beyond this, relative to the dearest plan or in units of probability, a figure is wrong rather than rounded.
RESIDUAL_TOLERANCE = 1e-6
# Two choices whose costs are closer, relative to themselves, are equally good.
CHOICE_ROUNDING = 1e-12


def audited(
    problem: ReplicaProblem,
    scope: Scope,
    outcome: Outcome,
    known: Known,
    *,
    solver: str,
    version: str,
    seconds: float,
    notices: tuple[str, ...],
) -> Optimum:
    """The outcome as a solution, once its plan, objective, bound and proof stand up to the problem's own arrays.

    Raises:
        SolverError: the plan breaks a constraint, or what the solver says of it is not so.
    """
    objective = plan_cost(problem, scope, outcome.plan)
    broken = constraint_residual(problem, scope, outcome)
    if broken > RESIDUAL_TOLERANCE:
        raise SolverError(f"{solver} returned a plan that breaks a constraint by {broken:.3g}")
    residual = abs(objective - outcome.objective)
    _check_claims(problem, scope, outcome, objective, solver)
    if problem.separable:
        _check_proof(problem, scope, outcome, known, solver)
    bound = min(max(outcome.bound, 0.0), objective)
    return Optimum(
        plan=outcome.plan - 1,
        feasible=_feasible(problem, scope, outcome.plan),
        solver=solver,
        solver_version=version,
        termination=outcome.termination,
        objective=objective,
        bound=bound,
        gap=(objective - bound) / objective if objective > bound else 0.0,
        seconds=seconds,
        objective_residual=residual,
        constraint_residual=max(broken, 0.0),
        notices=notices,
    )


def constraint_residual(problem: ReplicaProblem, scope: Scope, outcome: Outcome) -> float:
    """Largest excess of the plan over caps, memory and the least violation; at most 0 where all hold."""
    plan = outcome.plan
    over_cap = np.max(np.maximum(plan - problem.max_replicas, 1 - plan))
    if over_cap > 0:
        return float(over_cap)
    excess = plan_violation(problem, scope, plan) - outcome.least_violation
    return float(max(excess.max(), memory_excess(problem, plan).max()))


def _check_claims(problem: ReplicaProblem, scope: Scope, outcome: Outcome, objective: float, solver: str) -> None:
    """Compares the solver's figures with the plan's."""
    margin = RESIDUAL_TOLERANCE * float(choice_cost(problem, scope).max(axis=2).sum(axis=1).mean())
    proven = outcome.termination is Termination.OPTIMAL
    if proven and abs(objective - outcome.objective) > margin:
        raise SolverError(f"{solver} states the cost {outcome.objective:.9g} for a plan of {objective:.9g}")
    if outcome.bound > objective + margin:
        raise SolverError(f"{solver} states the bound {outcome.bound:.9g} above its plan's cost {objective:.9g}")


def _check_proof(problem: ReplicaProblem, scope: Scope, outcome: Outcome, known: Known, solver: str) -> None:
    """Compares a plan with the certificate, as finely as two plans can differ."""
    proven, cost = outcome.termination is Termination.OPTIMAL, choice_cost(problem, scope)
    own, least = (at_plan(cost, plan) for plan in (outcome.plan, known.plan))
    if scope is Scope.AVERAGE:
        margin = 0.5 * float(problem.replica_cost.min()) / problem.shape[0]
        objective, low, high = (float(each) for each in (own.sum(axis=1).mean(), known.bound, known.cost))
        if objective < low - margin or (proven and objective > high + margin):
            raise SolverError(
                f"{solver} calls the cost {objective:.9g} {outcome.termination}, but the optimum lies in "
                f"[{low:.9g}, {high:.9g}]"
            )
        return
    wrong = int(np.sum(np.abs(own - least) > CHOICE_ROUNDING * np.abs(least)))
    if proven and wrong:
        raise SolverError(f"{solver} calls a plan optimal that is not at {wrong} of {own.size} choices")


def _feasible(problem: ReplicaProblem, scope: Scope, plan: Integers) -> Booleans:
    if scope is Scope.STEP:
        met: Booleans = at_plan(choice_violation(problem), plan) <= 0
        return met
    mean = at_plan(problem.rejection, plan).mean(axis=0)
    met = np.broadcast_to(mean <= problem.tolerance + RESIDUAL_TOLERANCE, plan.shape)
    return met if scope is Scope.AVERAGE else np.ones(plan.shape, dtype=bool)
