"""Gurobi, where it is installed and its licence allows the model.

The package from PyPI carries a licence for small models: 2,000 variables and rows, refused at `optimize()`. An expired
licence may be refused when the environment starts. Refusals are told apart by `errno`, never by their message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mamo_cli.core.errors import SolverError
from mamo_cli.core.seam import Termination
from mamo_cli.solvers.program import Answer, Clock, NoPlanError, Program, Session, SolverUnavailableError

PARAMETERS = {"MIPGap": 1e-9, "MIPGapAbs": 1e-9, "FeasibilityTol": 1e-9, "IntFeasTol": 1e-9}

SMALL = 2000  # variables, or rows, of the licence that comes with the package
NO_LICENCE = 10009
TOO_LARGE = 10010
# A licence served from elsewhere refuses: the network, the job queue, the cloud, a compute server's worker.
LICENCE_SERVICE = {10022, 10023, 10028, 10030}


@contextmanager
def open_gurobi() -> Iterator[Session]:
    """A session with Gurobi; one environment, so one licence check, for all its programs.

    Raises:
        SolverUnavailableError: Gurobi is not installed or its licence refuses, now or at a program within the session.
    """
    try:
        import gurobipy
    except ImportError:
        raise SolverUnavailableError("Gurobi is not installed (pip install gurobipy)") from None
    try:
        with gurobipy.Env(empty=True) as environment:
            # Set before the start, or the licence banner reaches stdout.
            environment.setParam("OutputFlag", 0)
            _start(gurobipy, environment)
            version = ".".join(str(part) for part in gurobipy.gurobi.version())
            expiry = _licence_expiry(gurobipy, environment)
            yield Session("gurobi", version, lambda program, limit: _run(gurobipy, environment, program, limit), expiry)
    except gurobipy.GurobiError as error:
        raise _refusal(error) from None


def _start(gurobipy: Any, environment: Any) -> None:
    try:
        environment.start()
    except gurobipy.GurobiError as error:
        if error.errno in {NO_LICENCE, *LICENCE_SERVICE}:
            raise
        raise SolverUnavailableError(f"Gurobi cannot start (error {error.errno})") from None


def _run(gurobipy: Any, environment: Any, program: Program, time_limit_s: float | None) -> Answer:
    clock = Clock(time_limit_s)
    if max(len(program.cost), len(program.row_names)) > SMALL:
        _require_large(gurobipy, environment)
    with gurobipy.Model("replicas", env=environment) as model:
        kinds = np.where(program.integer, gurobipy.GRB.BINARY, gurobipy.GRB.CONTINUOUS)
        variables = model.addMVar(len(program.cost), ub=program.upper, obj=program.cost, vtype=kinds).tolist()

        for i, name in enumerate(program.row_names):
            entries = slice(program.row_start[i], program.row_start[i + 1])
            row = [variables[j] for j in program.row_column[entries].tolist()]
            sense, side = _sense(gurobipy, program.row_lower[i], program.row_upper[i])
            model.addLConstr(gurobipy.LinExpr(program.row_value[entries].tolist(), row), sense, side, name)

        if program.start_values is not None:
            for variable, value in zip(variables, program.start_values.tolist(), strict=False):
                variable.Start = value
        for name, value in PARAMETERS.items():
            model.setParam(name, value)
        seconds = clock.left()
        if seconds is not None:
            model.setParam("TimeLimit", seconds)
        model.optimize()
        return _answer(gurobipy, model)


def _require_large(gurobipy: Any, environment: Any) -> None:
    """Have the licence refuse, if it must, a model of the size that is quick to build: a large one takes seconds."""
    with gurobipy.Model(env=environment) as model:
        model.addMVar(SMALL + 1)
        model.optimize()


def _sense(gurobipy: Any, lower: float, upper: float) -> tuple[str, float]:
    """The row as Gurobi's sense and right-hand side; no row of ours has two different finite sides."""
    if lower == upper:
        return gurobipy.GRB.EQUAL, float(upper)
    if np.isneginf(lower):
        return gurobipy.GRB.LESS_EQUAL, float(upper)
    return gurobipy.GRB.GREATER_EQUAL, float(lower)


def _answer(gurobipy: Any, model: Any) -> Answer:
    status, codes = model.Status, gurobipy.GRB
    if status == codes.INTERRUPTED:
        # Gurobi catches the interrupt and returns as if all were well.
        raise KeyboardInterrupt
    terminations = {codes.OPTIMAL: Termination.OPTIMAL, codes.TIME_LIMIT: Termination.TIME_LIMIT}
    if status not in terminations:
        raise NoPlanError(f"Gurobi ended with status {status}")
    if model.SolCount == 0:
        raise NoPlanError("Gurobi found no plan within its time limit; give it a longer --time-limit")
    return Answer(np.array(model.getAttr("X", model.getVars())), terminations[status], model.ObjVal, model.ObjBound)


def _licence_expiry(gurobipy: Any, environment: Any) -> int | None:
    """yyyymmdd, 99999999 for never; None where a token server keeps it to itself."""
    with gurobipy.Model(env=environment) as model:
        try:
            return int(model.LicenseExpiration)
        except (AttributeError, gurobipy.GurobiError):
            return None


def _refusal(error: Any) -> Exception:
    """What a Gurobi error means for us: a refused licence is a reason to go on with another solver, the rest is not."""
    if error.errno == NO_LICENCE:
        return SolverUnavailableError("Gurobi has no valid licence, or an expired one (error 10009)")
    if error.errno == TOO_LARGE:
        return SolverUnavailableError("Gurobi's licence is limited to smaller models (error 10010)")
    if error.errno in LICENCE_SERVICE:
        return SolverUnavailableError(f"Gurobi's licence service refuses (error {error.errno})")
    return SolverError(f"Gurobi failed with error {error.errno}: {error}")
