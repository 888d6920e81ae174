"""The one door to the exact optimum: a problem and a scope in, an audited solution out."""

import time

from mamo_cli.core.errors import SolverError, UsageError
from mamo_cli.core.seam import Optimum, Scope
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solution import audited
from mamo_cli.domains.faas.offline.stages import Clock, best_plan
from mamo_cli.solvers.program import SolverUnavailableError
from mamo_cli.solvers.sessions import CHAINS, SESSIONS


def solve(
    problem: ReplicaProblem, scope: Scope | str, solver: str = "auto", time_limit_s: float | None = None
) -> Optimum:
    """The plan of least violation, then least cost, solved by the solver asked for or its fallback.

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
        SolverError: no solver is available, none found a plan in time, memory is too small for one replica of each
            function, or a solver's answer failed the audit.
    """
    scope, chain = _known(scope, solver)
    refusals: list[str] = []
    start = time.monotonic()
    for name in chain:
        try:
            with SESSIONS[name]() as session:
                outcome = best_plan(problem, scope, session, Clock(time_limit_s))
        except SolverUnavailableError as reason:
            refusals.append(str(reason))
            continue
        return audited(
            problem,
            scope,
            outcome,
            solver=name,
            version=session.version,
            seconds=time.monotonic() - start,
            notices=tuple(f"{refusal}; solved with {name} instead" for refusal in refusals),
        )
    raise SolverError(f"no solver can answer: {'; '.join(refusals)}")


def _known(scope: Scope | str, solver: str) -> tuple[Scope, tuple[str, ...]]:
    """The scope and the chain of solvers, or what is allowed instead."""
    if scope not in list(Scope):
        raise UsageError(f"unknown scope '{scope}'; choose from {', '.join(Scope)}")
    if solver not in CHAINS:
        raise UsageError(f"unknown solver '{solver}'; choose from {', '.join(CHAINS)}")
    return Scope(scope), CHAINS[solver]
