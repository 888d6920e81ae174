"""The one door to the exact optimum: a problem and a scope in, an audited solution out."""

import time

import numpy as np

from mamo_cli import __version__
from mamo_cli.core.errors import SolverError, UsageError
from mamo_cli.core.seam import Optimum, Scope, Termination
from mamo_cli.domains.faas.offline.known import EQUAL, Outcome, known, reachable_violation
from mamo_cli.domains.faas.offline.measures import MEMORY_ROUNDING, memory_excess
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solution import audited
from mamo_cli.domains.faas.offline.stages import best_of, best_plan
from mamo_cli.solvers.program import Clock, SolverUnavailableError
from mamo_cli.solvers.sessions import CHAINS, SESSIONS

# Where nothing ties steps together, a solver repeats what the certificate says: beyond so many choices it takes minutes
# and gigabytes for that.
MOST_CHOICES = 150_000


def solve(
    problem: ReplicaProblem, scope: Scope | str, solver: str = "auto", time_limit_s: float | None = None
) -> Optimum:
    """The plan of least violation, then least cost, solved by the solver asked for or its fallback.

    There is always an answer: what is known without a solver stands in where one fails, finds nothing better in time,
    or would only repeat it. The solution then carries the method's name instead, and a line that says why.

    Args:
        problem: the instance.
        scope: "step", "average" or "alpha".
        solver: "auto", "gurobi", "cbc" or "highs"; where Gurobi is unavailable or its licence refuses the model, CBC
            answers and the solution carries a one-line notice.
        time_limit_s: seconds after which the best plan so far is the answer, its gap stated; None for no limit.

    Returns:
        The audited solution.

    Raises:
        UsageError: unknown scope or solver, or scope alpha without alpha.
        SolverError: memory is too small for one replica of each function, or the solver asked for by name is not here.
    """
    scope, chain = _checked(scope, solver)
    start, clock = time.monotonic(), Clock(time_limit_s)
    _check_memory(problem)
    best = known(problem, scope)

    def answer(outcome: Outcome, name: str, version: str, notices: list[str]) -> Optimum:
        return audited(
            problem, scope, outcome, best, solver=name, version=version, seconds=time.monotonic() - start,
            notices=tuple(notices),
        )  # fmt: skip

    def without(reason: str) -> Optimum:
        return answer(best.outcome, best.method, __version__, [f"{best.standing_in}: {reason}"] if reason else [])

    if problem.separable and best.keep.sum() > MOST_CHOICES:
        return without("" if solver == "auto" else f"{solver} would only repeat {best.keep.sum()} choices")
    refusals: list[str] = []
    for name in chain:
        try:
            with SESSIONS[name]() as session:
                outcome = best_plan(problem, scope, session, clock, best)
            if best.exact and outcome.termination is not Termination.OPTIMAL:
                return without(f"{name} ran out of time")
            outcome = best_of(problem, scope, outcome, best)
            notices = [f"scope {scope}: {refusal}; solved with {name} instead" for refusal in refusals]
            return answer(outcome, name, session.version, [*notices, *_unproven(problem, scope, outcome)])
        except SolverUnavailableError as reason:
            refusals.append(str(reason))
        except SolverError as failure:
            return without(str(failure))
    if solver == "auto":
        return without(f"no solver can answer: {'; '.join(refusals)}")
    raise SolverError(f"no solver can answer: {'; '.join(refusals)}")


def _unproven(problem: ReplicaProblem, scope: Scope, outcome: Outcome) -> list[str]:
    """What to say of a plan that violates more than the caps force, without a proof that it must."""
    violation = outcome.least_violation.mean() - reachable_violation(problem, scope).mean()
    if outcome.termination is Termination.OPTIMAL or violation <= EQUAL:
        return []
    return [
        f"scope {scope}: stopped at the time limit with a plan that violates the tolerance by {violation:.3g} more "
        "than the caps force on average: a better one may fit the memory, with a longer --time-limit"
    ]


def _check_memory(problem: ReplicaProblem) -> None:
    excess = memory_excess(problem, np.ones(problem.shape[:2], dtype=np.int64))
    over = np.flatnonzero(excess > MEMORY_ROUNDING)
    if over.size:
        raise SolverError(
            f"one replica of each function exceeds the memory at step {over[0]} ({over.size} such steps); "
            "raise --node-memory or leave functions out"
        )


def _checked(scope: Scope | str, solver: str) -> tuple[Scope, tuple[str, ...]]:
    """The scope and the chain of solvers, or what is allowed instead."""
    if scope not in list(Scope):
        raise UsageError(f"unknown scope '{scope}'; choose from {', '.join(Scope)}")
    if solver not in CHAINS:
        raise UsageError(f"unknown solver '{solver}'; choose from {', '.join(CHAINS)}")
    return Scope(scope), CHAINS[solver]
