"""No status is trusted: time limits, wrong plans and false proofs are seen."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import DataError, SolverError
from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.known import known
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
    best = known(hard(), Scope.AVERAGE)
    for limit, solver, termination in ((1, "cbc", Termination.TIME_LIMIT), (None, "lagrangian", Termination.BOUNDED)):
        solution = solve(hard(), "average", "cbc", time_limit_s=limit)
        np.testing.assert_array_equal(solution.plan + 1, best.plan)
        assert (solution.solver, solution.termination, solution.feasible.all()) == (solver, termination, True)
        # Without scaling up, whole replicas within the tolerance cost as much; with it, nothing less is possible.
        assert solution.bound == best.bound == solve(replace(hard(), scale_up_cost=None), "average", "highs").objective


def test_a_solver_that_fails_leaves_the_certified_plan(monkeypatch):
    monkeypatch.setattr(cbc, "_run", stopped)
    solution = solve(reference(), "average", "cbc")
    assert (solution.solver, solution.termination, solution.gap) == ("lagrangian", Termination.OPTIMAL, 0.0)
    assert solution.notices == ("the lagrangian's certified plan and bound stand in: stopped",)
    assert (solution.plan + 1).sum() == 1783


def test_a_plan_that_was_cut_short_is_never_worse_than_the_known_one(monkeypatch):
    # The program's plan is one replica everywhere, at a bound of 0.
    def at_once(answer, program):
        values = np.zeros_like(answer.values)
        values[program.row_column[program.row_start[:864]]] = 1
        return replace(answer, values=values, bound=0.0, termination=Termination.TIME_LIMIT)

    tamper(monkeypatch, at_once)
    monkeypatch.setitem(SESSIONS, "gurobi", SESSIONS["cbc"])
    best = known(hard(), Scope.AVERAGE)
    solution = solve(hard(), "average", time_limit_s=1)
    assert (solution.plan + 1).tolist() == best.plan.tolist()
    assert solution.feasible.all()
    assert (solution.objective, solution.bound) == (best.cost, best.bound)


def test_an_unproven_violation_proves_nothing_of_the_cost(monkeypatch):
    tamper(monkeypatch, lambda answer, _: replace(answer, termination=Termination.TIME_LIMIT))
    table = np.tile([0.6, 0.4, 0.0], (2, 2, 1))
    crowded = ReplicaProblem(1.0, table, 3, 0.1, memory_per_replica=1.0, memory_capacity=4.0)
    solution = solve(crowded, "average", "cbc")
    assert (solution.termination, solution.bound) == (Termination.TIME_LIMIT, 0.0)
    # Four replicas fit: 3 and 1, then 1 and 3, make means of .3, twice .2 too much; alone, each could reject nothing.
    assert solution.notices == (
        "scope average: stopped at the time limit with a plan that violates the tolerance by 0.4 more than the caps "
        "force on average: a better one may fit the memory, with a longer --time-limit",
    )


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
    [(two_choices, "one choice"), (dearer_plan, "not at 231 of 288 choices"), (wrong_objective, "states the cost")],
)
def test_a_false_answer_is_set_aside_for_the_enumerations(monkeypatch, fault, message):
    tamper(monkeypatch, fault)
    solution = solve(reference(), "step", "cbc")
    assert (solution.plan + 1).sum() == 1939
    assert (solution.solver, solution.termination) == ("enumeration", Termination.OPTIMAL)
    (notice,) = solution.notices
    assert notice.startswith("the enumeration's certified plan and bound stand in: ")
    assert message in notice


def test_a_bound_above_its_own_plan_is_set_aside(monkeypatch):
    tamper(monkeypatch, bound_too_high)
    solution = solve(reference(scale_up_cost=0.5), "step", "cbc")
    assert "states the bound" in solution.notices[0]
    # 1,939 replicas a day; from 6 at midnight to 9 at noon, 3 are added, and 3 more on the way up from the night's 3.
    assert (solution.plan + 1).sum() == 1939
    assert solution.bound == pytest.approx(1939 / 288)
    assert solution.objective == pytest.approx((1939 + 0.5 * np.maximum(np.diff(solution.plan[:, 0]), 0).sum()) / 288)


def test_a_plan_over_its_average_is_set_aside(monkeypatch):
    def starved(answer, program):
        values = np.zeros_like(answer.values)
        values[program.row_column[program.row_start[:288]]] = 1
        return replace(answer, values=values)

    tamper(monkeypatch, starved)
    solution = solve(reference(), "average", "cbc")
    assert "breaks a constraint" in solution.notices[0]
    assert solution.feasible.all()
    assert solution.objective == 1783 / 288


@pytest.mark.parametrize("solver", ["cbc", "highs"])
@pytest.mark.parametrize("alpha", [0.999, 0.9999999])
def test_a_weight_that_leaves_next_to_nothing_of_the_cost_still_has_its_argmin(solver, alpha):
    # At .9999999 a replica weighs 1e-8: in a program of such costs HiGHS is wrong at ten steps and calls it optimal.
    problem = reference(alpha=alpha)
    weighed = (1 - alpha) * np.arange(1, 11) / 10 + alpha * problem.rejection[:, 0]
    solution = solve(problem, "alpha", solver)
    np.testing.assert_array_equal(solution.plan[:, 0], weighed.argmin(axis=1))
    assert solution.objective == pytest.approx(weighed.min(axis=1).mean(), rel=1e-12)
    assert solution.bound == pytest.approx(solution.objective, rel=1e-8)
    assert (solution.solver, solution.notices) == (solver, ())


def test_a_wrong_choice_that_hardly_costs_anything_is_seen_all_the_same(monkeypatch):
    # At midnight nine replicas instead of ten: with this alpha that makes a mean of .01 larger by some 1e-6.
    def one_less(answer, program):
        values = answer.values.copy()
        values[[8, 9]] = 1.0, 0.0
        objective = float(values @ program.cost)
        return replace(answer, values=values, objective=objective, bound=objective)

    tamper(monkeypatch, one_less)
    solution = solve(reference(alpha=0.9999999), "alpha", "cbc")
    assert solution.solver == "enumeration"
    assert "cbc calls a plan optimal that is not at 1 of 288 choices" in solution.notices[0]


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
