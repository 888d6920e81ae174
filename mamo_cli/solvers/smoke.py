"""Whether each solver works here: it solves a problem small enough for every licence."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from mamo_cli.core.errors import MamoError, UsageError
from mamo_cli.core.seam import Termination
from mamo_cli.solvers.program import Program, ProgramBuilder, SolverUnavailableError
from mamo_cli.solvers.sessions import SESSIONS

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
    """Opens one solver, without any fallback, and has it solve a program whose answer is known.

    Raises:
        UsageError: unknown solver.
    """
    if solver not in SESSIONS:
        raise UsageError(f"unknown solver '{solver}'; choose from {', '.join(SESSIONS)}")
    try:
        with SESSIONS[solver]() as session:
            answer = session.run(_smallest_of_two(), None)
    except (SolverUnavailableError, MamoError) as error:
        return SolverCheck(solver, available=False, reason=str(error))
    chosen = np.flatnonzero(answer.values > 0.5).tolist()
    if (answer.termination, round(answer.objective, 6), chosen) != (Termination.OPTIMAL, 3.0, [1, 3]):
        reason = f"it answers {answer.objective:g} ({answer.termination}) with {chosen} where 3 with [1, 3] is optimal"
        return SolverCheck(solver, available=False, reason=reason)
    days = _days_until(session.licence_expiry, datetime.now(tz=UTC).date())
    return SolverCheck(solver, available=True, version=session.version, licence_days_left=days)


def _smallest_of_two() -> Program:
    """Two steps of three choices costing 1, 2 and 3, whose violations may add up to 0.2: (2, 1) costs 3."""
    builder = ProgramBuilder()
    columns = builder.add_columns([1.0, 2.0, 3.0] * 2, 6, binary=True)
    builder.add_rows("one_choice", [(columns // 3, columns, 1.0)], 1.0, 1.0, 2)
    violation = np.array([0.3, 0.1, 0.0, 0.1, 0.0, 0.0])
    builder.add_rows("budget", [(np.zeros_like(columns), columns, violation)], -np.inf, 0.2, 1)
    return builder.build(None)


def _days_until(expiry: int | None, today: date) -> int | None:
    """Whole days from today to a date given as yyyymmdd."""
    if expiry is None or expiry == NEVER_EXPIRES:
        return None
    return (date(expiry // 10000, expiry // 100 % 100, expiry % 100) - today).days
