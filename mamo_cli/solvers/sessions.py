"""Which solvers there are, and who is tried, in order, for what the user asks."""

from collections.abc import Callable

from mamo_cli.core.errors import SolverError
from mamo_cli.solvers.cbc import open_cbc
from mamo_cli.solvers.gurobi import open_gurobi
from mamo_cli.solvers.highs import open_highs
from mamo_cli.solvers.program import OpenSession, Session, SolverUnavailableError

SESSIONS: dict[str, OpenSession] = {"gurobi": open_gurobi, "cbc": open_cbc, "highs": open_highs}
CHAINS = {"auto": ("gurobi", "cbc"), "gurobi": ("gurobi", "cbc"), "cbc": ("cbc",), "highs": ("highs",)}


def with_first(solver: str, work: Callable[[Session], None]) -> tuple[str, str, list[str]]:
    """Have work done by the first solver of a chain that is here and whose licence goes so far.

    Args:
        solver: see `CHAINS`.
        work: what is left of it; it is called again with the next solver where one refuses on the way.

    Returns:
        The solver's name and version, and why others were passed over.

    Raises:
        SolverError: none can.
    """
    refusals: list[str] = []
    for name in CHAINS[solver]:
        try:
            with SESSIONS[name]() as session:
                work(session)
            return name, session.version, [f"{refusal}; solved with {name} instead" for refusal in refusals]
        except SolverUnavailableError as reason:
            refusals.append(str(reason))
    raise SolverError(f"no solver can answer: {'; '.join(refusals)}")
