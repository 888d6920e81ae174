"""No status is trusted: time limits, wrong plans and false proofs are seen."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import DataError, SolverError
from mamo_cli.core.seam import Termination
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.solvers import cbc
from mamo_cli.solvers.program import NoPlanError
from mamo_cli.solvers.sessions import SESSIONS
from tests.domains.faas.offline.instances import hard, reference


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_a_time_limit_is_no_proof(solver):
    solution = solve(hard(), "average", solver, time_limit_s=0.7)
    assert solution.termination is Termination.TIME_LIMIT
    assert solution.gap > 1e-5
    assert solution.bound < solution.objective
    assert solution.constraint_residual <= 1e-6


def test_a_solver_stopped_without_a_plan_leaves_the_known_one(monkeypatch):
    monkeypatch.setattr(cbc, "_run", stopped)
    solution = solve(hard(), "average", "cbc", time_limit_s=1)
    assert (solution.termination, solution.bound, solution.gap) == (Termination.TIME_LIMIT, 0.0, 1.0)
    with pytest.raises(NoPlanError):
        solve(hard(), "average", "cbc")
    with pytest.raises(NoPlanError):
        solve(reference(), "average", "cbc", time_limit_s=1)


def test_an_unproven_violation_proves_nothing_of_the_cost(monkeypatch):
    tamper(monkeypatch, lambda answer, _: replace(answer, termination=Termination.TIME_LIMIT))
    table = np.tile([0.6, 0.4, 0.0], (2, 2, 1))
    crowded = ReplicaProblem(1.0, table, 3, 0.1, memory_per_replica=1.0, memory_capacity=4.0)
    solution = solve(crowded, "average", "cbc")
    assert (solution.termination, solution.bound) == (Termination.TIME_LIMIT, 0.0)


def tamper(monkeypatch, change):
    """Makes CBC's session pass every answer through `change(answer, program)`."""
    honest = SESSIONS["cbc"]

    @contextmanager
    def tampered():
        with honest() as session:

            def run(program, limit):
                return change(session.run(program, limit), program)

            yield replace(session, run=run)

    monkeypatch.setitem(SESSIONS, "cbc", tampered)


def stopped(_executable, _program, _limit):
    raise NoPlanError("stopped")


def two_choices(answer, _program):
    return replace(answer, values=np.ones_like(answer.values))


def dearer_plan(answer, program):
    """The last choice of every step, at its true cost: feasible, but not the optimum that it is said to be."""
    values = np.zeros_like(answer.values)
    values[program.row_column[program.row_start[1:289] - 1]] = 1
    cost = float(values @ program.cost)
    return replace(answer, values=values, objective=cost, bound=cost)


def wrong_objective(answer, _program):
    return replace(answer, objective=answer.objective + 1, bound=answer.bound)


def bound_too_high(answer, _program):
    return replace(answer, bound=answer.objective + 1, termination=Termination.TIME_LIMIT)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (two_choices, "one choice"),
        (dearer_plan, "optimum lies in"),
        (wrong_objective, "states the cost"),
        (bound_too_high, "states the bound"),
    ],
)
def test_a_false_answer_is_refused(monkeypatch, fault, message):
    tamper(monkeypatch, fault)
    with pytest.raises(SolverError, match=message):
        solve(reference(), "step", "cbc")


def test_a_plan_over_its_average_is_refused(monkeypatch):
    def starved(answer, program):
        values = np.zeros_like(answer.values)
        values[program.row_column[program.row_start[:288]]] = 1
        return replace(answer, values=values)

    tamper(monkeypatch, starved)
    with pytest.raises(SolverError, match="breaks a constraint"):
        solve(reference(), "average", "cbc")


def test_memory_too_small_for_one_replica_each_names_the_step():
    crowded = reference(memory_per_replica=2.0, memory_capacity=np.where(np.arange(288) == 7, 1.0, 99.0))
    with pytest.raises(SolverError, match=r"step 7 \(1 such steps\)"):
        solve(crowded, "step", "cbc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rejection": np.zeros((2, 3))}, "shape"),
        ({"rejection": np.full((2, 1, 3), np.nan)}, "rejection must be finite"),
        ({"replica_cost": 0.0}, "replica_cost must be above 0"),
        ({"max_replicas": 4}, "max_replicas must be finite and in"),
        ({"max_replicas": 1.5}, "whole"),
        ({"tolerance": np.zeros(2)}, "tolerance must have the shape"),
        ({"memory_per_replica": 1.0}, "together"),
    ],
)
def test_bad_data_is_refused(changes, message):
    good = {"replica_cost": 1.0, "rejection": np.zeros((2, 1, 3)), "max_replicas": 3, "tolerance": 0.1}
    with pytest.raises(DataError, match=message):
        ReplicaProblem(**{**good, **changes})
