"""Whether each solver works here: it solves a problem small enough for every licence."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from mamo_cli.errors import MamoError, UsageError
from mamo_cli.offline.problem import ReplicaProblem, Scope
from mamo_cli.offline.program import SolverUnavailableError
from mamo_cli.offline.solution import audited
from mamo_cli.offline.solve import SESSIONS
from mamo_cli.offline.stages import Clock, best_plan

NEVER_EXPIRES = 99999999


@dataclass(frozen=True)
class SolverCheck:
    """What a smoke solve found.

    Attributes:
        solver: "gurobi", "cbc" or "highs".
        available: whether it solved the smoke problem correctly.
        version: its version, None where it could not be opened.
        reason: why it is not available, None where it is.
        licence_days_left: whole days until its licence expires; None where it needs none, never expires or does not
            tell.
    """

    solver: str
    available: bool
    version: str | None = None
    reason: str | None = None
    licence_days_left: int | None = None


def smoke_test(solver: str) -> SolverCheck:
    """Opens one solver, without any fallback, and has it solve two steps of three choices.

    Raises:
        UsageError: unknown solver.
    """
    if solver not in SESSIONS:
        raise UsageError(f"unknown solver '{solver}'; choose from {', '.join(SESSIONS)}")
    problem = ReplicaProblem(
        replica_cost=np.ones(1),
        rejection=np.array([[[0.3, 0.1, 0.0]], [[0.1, 0.0, 0.0]]]),
        max_replicas=np.full((2, 1), 3),
        tolerance=np.full(1, 0.1),
    )
    try:
        with SESSIONS[solver]() as session:
            outcome = best_plan(problem, Scope.AVERAGE, session, Clock(None))
            audited(problem, Scope.AVERAGE, outcome, solver=solver, version=session.version, seconds=0.0, notices=())
    except (SolverUnavailableError, MamoError) as error:
        return SolverCheck(solver, available=False, reason=str(error))
    days = _days_until(session.licence_expiry, datetime.now(tz=UTC).date())
    return SolverCheck(solver, available=True, version=session.version, licence_days_left=days)


def _days_until(expiry: int | None, today: date) -> int | None:
    """Whole days from today to a date given as yyyymmdd."""
    if expiry is None or expiry == NEVER_EXPIRES:
        return None
    return (date(expiry // 10000, expiry // 100 % 100, expiry % 100) - today).days
