"""Which programs answer a problem, one after the other: least violation where memory forces some, then least cost."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.enumeration import least_rejection, tolerable
from mamo_cli.domains.faas.offline.formulation import LIMIT_SLACK, Formulation, cost_formulation, violation_formulation
from mamo_cli.domains.faas.offline.known import EQUAL, Known, Outcome, reachable_violation
from mamo_cli.domains.faas.offline.measures import choice_violation, plan_cost, plan_violation
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.solvers.program import Answer, Booleans, Clock, Floats, Integers, NoPlanError, Session


def best_plan(problem: ReplicaProblem, scope: Scope, session: Session, clock: Clock, known: Known) -> Outcome:
    """The plan of least violation, then least cost, as the solver of the session finds it.

    Raises:
        SolverError: the solver fails, or finds no plan in time where it was given none to start from.
    """
    if scope is Scope.AVERAGE and problem.separable:
        apart = [(problem.only(f), known.keep[:, [f]]) for f in range(problem.shape[1])]
        return _merge([_least_cost(*each, scope, session, clock) for each in apart])
    if problem.separable:
        # No known plan goes along: these are quick, and HiGHS takes ten times longer with one than without.
        return _least_cost(problem, known.keep, scope, session, clock)
    if not known.certified:
        return _within_memory(problem, scope, session, clock, known)
    keep = known.keep | _chosen(problem, known.plan)
    forced = known.violation if np.any(known.violation > reachable_violation(problem, scope) + EQUAL) else None
    least = known.bound if scope is Scope.AVERAGE and problem.scale_up_cost is None else 0.0
    return _least_cost(problem, keep, scope, session, clock, known.plan, forced, least)


def best_of(problem: ReplicaProblem, scope: Scope, outcome: Outcome, known: Known) -> Outcome:
    """Of an answer cut short and of what is known: what violates less, then costs less, under the better bound."""
    if outcome.termination is Termination.OPTIMAL:
        return outcome
    excess = float(plan_violation(problem, scope, outcome.plan).sum() - known.violation.sum())
    worse = excess > LIMIT_SLACK or (excess >= -LIMIT_SLACK and plan_cost(problem, scope, outcome.plan) > known.cost)
    found = known.outcome if worse else outcome
    bound = max(outcome.bound, known.bound) if known.certified else outcome.bound
    return replace(found, termination=outcome.termination, bound=bound)


def _merge(outcomes: list[Outcome]) -> Outcome:
    """Functions solved apart as one outcome; proven only if each is."""
    return Outcome(
        plan=np.concatenate([outcome.plan for outcome in outcomes], axis=1),
        termination=_weakest(outcome.termination for outcome in outcomes),
        objective=sum(outcome.objective for outcome in outcomes),
        bound=sum(outcome.bound for outcome in outcomes),
        least_violation=np.sum([outcome.least_violation for outcome in outcomes], axis=0),
    )


def _weakest(terminations: Iterator[Termination]) -> Termination:
    proven = all(termination is Termination.OPTIMAL for termination in terminations)
    return Termination.OPTIMAL if proven else Termination.TIME_LIMIT


def _least_cost(
    problem: ReplicaProblem,
    keep: Booleans,
    scope: Scope,
    session: Session,
    clock: Clock,
    start: Integers | None = None,
    forced: Floats | None = None,
    least: float = 0.0,
) -> Outcome:
    """Least cost among the choices kept, with no more violation than what the caps and memory force."""
    violation = reachable_violation(problem, scope) if forced is None else forced
    if forced is None and scope is Scope.AVERAGE and violation.any():
        forced = violation  # as a limit with some room: solvers miss one that is met exactly
    formulation = cost_formulation(problem, scope, keep, start, forced, least)
    answer, plan = _solve(formulation, session, clock)
    if answer is None:
        return Outcome(plan, Termination.TIME_LIMIT, plan_cost(problem, scope, plan), 0.0, violation)
    per_step = formulation.unit / problem.shape[0]
    return Outcome(plan, answer.termination, answer.objective * per_step, answer.bound * per_step, violation)


def _solve(formulation: Formulation, session: Session, clock: Clock) -> tuple[Answer | None, Integers]:
    """The solver's answer and its plan; without an answer in time, None and the known plan that it started from."""
    seconds, known = clock.left(), formulation.program.start_values
    try:
        answer = session.run(formulation.program, seconds)
    except NoPlanError:
        # CBC may also crash, or call the program infeasible, when it is stopped early.
        if seconds is None or known is None:
            raise
        return None, formulation.choices.plan(known)
    return answer, formulation.choices.plan(answer.values)


def _within_memory(problem: ReplicaProblem, scope: Scope, session: Session, clock: Clock, known: Known) -> Outcome:
    """Scopes step and average where memory may force a violation: first the least of it, then least cost given that."""
    by_step = scope is Scope.STEP
    # Steps that the known plan serves as well as can be are decided, in scope step.
    tight = known.violation > reachable_violation(problem, scope) + EQUAL
    settled = _chosen(problem, known.plan)
    keep = np.where(tight[:, None, None], problem.permitted, settled) if by_step else problem.permitted
    answer, start = _solve(violation_formulation(problem, scope, keep, known.plan), session, clock)
    forced = plan_violation(problem, scope, start)
    if answer is None or answer.termination is not Termination.OPTIMAL:
        # The time is spent, and no bound on cost holds while the least violation is not known.
        return Outcome(start, Termination.TIME_LIMIT, plan_cost(problem, scope, start), 0.0, forced)
    keep = _choices_within(problem, forced, tight) if by_step else problem.permitted
    return _least_cost(problem, keep, scope, session, clock, start, forced)


def _chosen(problem: ReplicaProblem, plan: Integers) -> Booleans:
    """(T, F, N) the plan's own choices."""
    chosen: Booleans = np.arange(1, problem.shape[2] + 1) == plan[..., None]
    return chosen


def _choices_within(problem: ReplicaProblem, forced: Floats, tight: Booleans) -> Booleans:
    """(T, F, N) choices that leave every other function at least its own least violation."""
    least = np.maximum(least_rejection(problem) - problem.tolerance, 0.0)
    room = np.maximum(forced - least.sum(axis=1), 0.0)[:, None] + least
    within: Booleans = choice_violation(problem) <= room[..., None] + LIMIT_SLACK
    return np.where(tight[:, None, None], problem.permitted & within, tolerable(problem))
