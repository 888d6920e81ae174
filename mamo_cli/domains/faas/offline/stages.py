"""Which programs answer a problem, one after the other: least violation where memory forces some, then least cost."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mamo_cli.core.errors import SolverError
from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.enumeration import certificate, cheapest, least_rejection, tolerable
from mamo_cli.domains.faas.offline.formulation import LIMIT_SLACK, Formulation, cost_formulation, violation_formulation
from mamo_cli.domains.faas.offline.measures import (
    MEMORY_ROUNDING,
    choice_cost,
    choice_violation,
    memory_excess,
    plan_cost,
    plan_violation,
)
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.solvers.program import Answer, Booleans, Floats, Integers, NoPlanError, Session

# A program that starts after the deadline still gets this long to find a plan.
LEAST_SECONDS = 0.05


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


class Clock:
    """Shares one time limit among the programs of a solve."""

    def __init__(self, time_limit_s: float | None) -> None:
        self._deadline = None if time_limit_s is None else time.monotonic() + time_limit_s

    def left(self) -> float | None:
        """Seconds left, or None without a limit."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), LEAST_SECONDS)


def best_plan(problem: ReplicaProblem, scope: Scope, session: Session, clock: Clock) -> Outcome:
    """The plan of least violation, then least cost, as the solver of the session finds it.

    Raises:
        SolverError: one replica of each function exceeds the memory, or the solver finds no plan in time.
    """
    _check_memory(problem)
    if scope is Scope.AVERAGE and problem.separable:
        return _merge([_separable(problem.only(f), scope, session, clock) for f in range(problem.shape[1])])
    if problem.separable:
        return _separable(problem, scope, session, clock)
    if problem.memory_capacity is None:
        keep = tolerable(problem) if scope is Scope.STEP else problem.permitted
        return _least_cost(problem, scope, session, clock, keep=keep, start=certificate(problem, scope).plan)
    if scope is Scope.ALPHA:
        ones = np.ones(problem.shape[:2], dtype=np.int64)
        return _least_cost(problem, scope, session, clock, keep=problem.permitted, start=ones)
    return _within_memory(problem, scope, session, clock)


def reachable_violation(problem: ReplicaProblem, scope: Scope) -> Floats:
    """Least violation that the caps leave, memory aside; shaped as `plan_violation`."""
    least = least_rejection(problem)
    if scope is Scope.STEP:
        by_step: Floats = np.maximum(least - problem.tolerance, 0.0).sum(axis=1)
        return by_step
    if scope is Scope.AVERAGE:
        return np.array([np.maximum(least.mean(axis=0) - problem.tolerance, 0.0).sum()])
    return np.zeros(1)


def _separable(problem: ReplicaProblem, scope: Scope, session: Session, clock: Clock) -> Outcome:
    """One program over the horizon.

    In scope average it has only the choices that a plan as cheap as the greedy one can use; the others keep all that
    the caps and tolerances leave, for they cost no time.
    """
    # No known plan goes along: these are quick, and HiGHS takes ten times longer with one than without.
    return _least_cost(problem, scope, session, clock, keep=certificate(problem, scope).keep)


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
    scope: Scope,
    session: Session,
    clock: Clock,
    *,
    keep: Booleans,
    start: Integers | None = None,
    forced: Floats | None = None,
) -> Outcome:
    """Least cost among the choices kept, with no more violation than what memory forces."""
    formulation = cost_formulation(problem, scope, keep, start, forced)
    answer, plan = _solve(formulation, session, clock)
    violation = reachable_violation(problem, scope) if forced is None else forced
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


def _within_memory(problem: ReplicaProblem, scope: Scope, session: Session, clock: Clock) -> Outcome:
    """Scopes step and average under a memory capacity: first least violation, then least cost given that."""
    # A step's own tolerance is enough in scope step; on average, the least rejection at one step may help another.
    least = problem.permitted & (problem.rejection <= least_rejection(problem)[..., None])
    smallest = cheapest(choice_cost(problem, scope), tolerable(problem) if scope is Scope.STEP else least)
    tight = memory_excess(problem, smallest) > MEMORY_ROUNDING
    start, forced = smallest, reachable_violation(problem, scope)
    if tight.any():
        # Where the smallest choices fit, their violation is the least, and there is nothing to decide.
        free = tight[:, None, None] if scope is Scope.STEP else True
        keep = np.where(free, problem.permitted, np.arange(1, problem.shape[2] + 1) == smallest[..., None])
        answer, start = _solve(violation_formulation(problem, scope, keep), session, clock)
        forced = plan_violation(problem, scope, start)
        if answer is None or answer.termination is not Termination.OPTIMAL:
            # The time is spent, and no bound on cost holds while the least violation is not known.
            return Outcome(start, Termination.TIME_LIMIT, plan_cost(problem, scope, start), 0.0, forced)

    keep = _choices_within(problem, forced, tight) if scope is Scope.STEP else problem.permitted
    return _least_cost(problem, scope, session, clock, keep=keep, start=start, forced=forced)


def _choices_within(problem: ReplicaProblem, forced: Floats, tight: Booleans) -> Booleans:
    """(T, F, N) choices that leave every other function at least its own least violation."""
    least = np.maximum(least_rejection(problem) - problem.tolerance, 0.0)
    room = np.maximum(forced - least.sum(axis=1), 0.0)[:, None] + least
    within: Booleans = choice_violation(problem) <= room[..., None] + LIMIT_SLACK
    return np.where(tight[:, None, None], problem.permitted & within, tolerable(problem))


def _check_memory(problem: ReplicaProblem) -> None:
    excess = memory_excess(problem, np.ones(problem.shape[:2], dtype=np.int64))
    over = np.flatnonzero(excess > MEMORY_ROUNDING)
    if over.size:
        raise SolverError(
            f"one replica of each function exceeds the memory at step {over[0]} ({over.size} such steps); "
            "raise memory_capacity or leave functions out"
        )
