"""HiGHS through its own array interface."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mamo_cli.core.seam import Termination
from mamo_cli.solvers.program import Answer, Clock, NoPlanError, Program, Session, SolverUnavailableError

# Presolve takes many times longer than the search on thousands of disjoint choice rows, and ignores the time limit.
OPTIONS: dict[str, Any] = {
    "output_flag": False,
    "presolve": "off",
    "mip_rel_gap": 1e-9,
    "mip_abs_gap": 1e-9,
    "mip_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
}

SECONDS_TO_STOP = 3.0
# HiGHS looks at its clock now and then: so long after its end it is stopped.
GRACE_SECONDS = 0.3


@contextmanager
def open_highs() -> Iterator[Session]:
    """A session with HiGHS.

    Raises:
        SolverUnavailableError: highspy is not installed.
    """
    try:
        import highspy
    except ImportError:
        raise SolverUnavailableError("HiGHS is not installed (pip install highspy)") from None
    module: Any = highspy
    with _nothing_printed():
        solver = module.Highs()
    yield Session("highs", solver.version(), lambda program, limit: _run(module, program, limit))


@contextmanager
def _nothing_printed() -> Iterator[None]:
    """Standard output leads nowhere: from 1.16 on the first solver of a process prints a banner before it can be told.

    It does so in C, past `sys.stdout`, straight to the descriptor.
    """
    try:
        kept = os.dup(1)
    except OSError:  # closed: nothing can be printed
        yield
        return
    flush_all = ctypes.CDLL(None).fflush
    flush_all(None)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        flush_all(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _run(highspy: Any, program: Program, time_limit_s: float | None) -> Answer:
    clock = Clock(time_limit_s)
    with _nothing_printed():
        solver = highspy.Highs()
    for name, value in OPTIONS.items():
        solver.setOptionValue(name, value)
    solver.passModel(_model(highspy, program))
    start = program.start_values
    if start is not None:
        solver.setSolution(len(start), np.arange(len(start), dtype=np.int32), start)
    seconds = clock.left()
    if seconds is not None:
        solver.setOptionValue("time_limit", seconds)
    _search(solver, clock)
    return _answer(highspy, solver)


def _search(solver: Any, clock: Clock) -> None:
    """Runs the search in a thread of its own: while it lasts, the main thread can still take a signal and stop it.

    It also stops a search that does not look at its clock.
    """
    solver.HandleUserInterrupt = True
    solver.startSolve()
    try:
        while not solver.wait(0.1)[0]:
            if clock.over(GRACE_SECONDS):
                solver.cancelSolve()
    except BaseException:
        solver.cancelSolve()
        solver.wait(SECONDS_TO_STOP)
        raise


def _model(highspy: Any, program: Program) -> Any:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(program.cost), len(program.row_names)
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, np.zeros(len(program.cost)), program.upper
    kinds = highspy.HighsVarType
    model.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in program.integer.tolist()]

    model.row_lower_, model.row_upper_, model.row_names_ = program.row_lower, program.row_upper, program.row_names
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.num_col_, matrix.num_row_ = model.num_col_, model.num_row_
    matrix.start_, matrix.index_ = program.row_start.astype(np.int32), program.row_column.astype(np.int32)
    matrix.value_ = program.row_value
    return model


def _answer(highspy: Any, solver: Any) -> Answer:
    status, info = solver.getModelStatus(), solver.getInfo()
    statuses = highspy.HighsModelStatus
    stopped = dict.fromkeys((statuses.kTimeLimit, statuses.kInterrupt), Termination.TIME_LIMIT)
    terminations = {statuses.kOptimal: Termination.OPTIMAL, **stopped}
    if status not in terminations:
        raise NoPlanError(f"HiGHS ended with '{solver.modelStatusToString(status)}'")
    if info.primal_solution_status != int(highspy.SolutionStatus.kSolutionStatusFeasible):
        raise NoPlanError("HiGHS found no plan within its time limit; give it a longer --time-limit")
    values = np.asarray(solver.getSolution().col_value)
    return Answer(values, terminations[status], info.objective_function_value, info.mip_dual_bound)
