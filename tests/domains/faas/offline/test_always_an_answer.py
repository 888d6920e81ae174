"""Whatever the load, the scope, the solver and the time: an answer, and one that agrees with the certificate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.known import EQUAL, known
from mamo_cli.domains.faas.offline.measures import memory_excess, plan_cost, plan_violation
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.solvers.smoke import smoke_test
from tests.domains.faas.offline.instances import erlang_table

SOLVERS = [solver for solver in ("gurobi", "cbc", "highs") if smoke_test(solver).available]
TOLERANCES = [0.0, 1e-6, 0.05, 0.3, 1.0]

many = settings(max_examples=30, deadline=None)


@st.composite
def nodes(draw, *, steps=24, memory=False, scale_up=False):
    """Nodes under loads of 0 to 20 times what the cap serves: idle, busy, hopeless, and all of them in turns."""
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape, cap = (draw(st.integers(1, steps)), draw(st.integers(1, 3))), draw(st.integers(1, 8))
    overload = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 20.0]))
    load = seed.uniform(0, overload * cap, shape) * (seed.random(shape) < draw(st.sampled_from([0.5, 1.0])))
    per_replica = seed.uniform(1, 4, shape[1]) if memory else None
    return ReplicaProblem(
        replica_cost=seed.uniform(0.5, 3, shape[1]),
        rejection=erlang_table(load, service_time=1.0, cap=cap),
        max_replicas=seed.integers(1, cap + 1, shape),
        tolerance=draw(st.sampled_from(TOLERANCES)),
        alpha=draw(st.sampled_from([0.0, 0.5, 0.9, 0.9999999, 1.0])),
        memory_per_replica=per_replica,
        memory_capacity=None if per_replica is None else per_replica.sum() * seed.uniform(1, cap, shape[0]),
        scale_up_cost=seed.uniform(0, 2, shape[1]) if scale_up else None,
    )


def assert_as_good_as_known(problem, scope, solution):
    """Neither more violation nor, with as much of it, more cost than what is known without a solver."""
    best, plan = known(problem, scope), solution.plan + 1
    violation = plan_violation(problem, scope, plan).sum() - best.violation.sum()
    assert violation <= 1e-6
    assert violation < -1e-7 or solution.objective <= best.cost * (1 + 1e-9)
    assert solution.objective == plan_cost(problem, scope, plan)
    assert solution.bound <= solution.objective
    assert memory_excess(problem, plan).max() <= 1e-9


@pytest.mark.parametrize("solver", SOLVERS)
@given(problem=nodes(), scope=st.sampled_from(list(Scope)))
@many
def test_every_node_has_its_certified_answer(solver, problem, scope):
    solution, best = solve(problem, scope, solver), known(problem, scope)
    assert_as_good_as_known(problem, scope, solution)
    assert solution.termination is Termination.OPTIMAL or (scope, best.exact) == (Scope.AVERAGE, False)
    assert solution.objective >= best.bound * (1 - 1e-9)
    assert solution.solver == solver or solution.notices
    if scope is Scope.STEP:
        reached = np.where(problem.permitted, problem.rejection, 1.0).min(axis=2)
        np.testing.assert_array_equal(solution.feasible, reached <= problem.tolerance)


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("solver", SOLVERS)
def test_horizons_of_thousands_of_steps(solver, scope):
    rng = np.random.default_rng(3)
    for overload in (0.7, 3.0):
        load = rng.uniform(0, 8 * overload, (3000, 1))
        problem = ReplicaProblem(1.5, erlang_table(load, service_time=1.0, cap=8), 8, 0.05, alpha=0.9)
        solution, best = solve(problem, scope, solver), known(problem, scope)
        assert_as_good_as_known(problem, scope, solution)
        assert (solution.termination, best.exact) == (Termination.OPTIMAL, True)
        assert solution.objective == pytest.approx(best.cost, rel=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@given(problem=nodes(steps=8, memory=True, scale_up=True), scope=st.sampled_from(list(Scope)))
@many
def test_where_memory_and_scaling_up_tie_all_together(solver, problem, scope):
    solution = solve(problem, scope, solver)
    assert_as_good_as_known(problem, scope, solution)
    free = replace(problem, memory_per_replica=None, memory_capacity=None, scale_up_cost=None)
    least = known(free, scope)
    if plan_violation(problem, scope, solution.plan + 1).sum() <= least.violation.sum() + EQUAL:
        assert solution.objective >= least.bound - 1e-6


@pytest.mark.parametrize("solver", SOLVERS)
@given(problem=nodes(steps=200, memory=True, scale_up=True), scope=st.sampled_from(list(Scope)))
@settings(max_examples=6, deadline=None)
def test_no_time_at_all_still_leaves_an_answer(solver, problem, scope):
    assert_as_good_as_known(problem, scope, solve(problem, scope, solver, time_limit_s=0.01))


def test_a_node_that_cannot_hold_its_average_rejects_the_least_it_can():
    # 3 Erlang on 2 servers at night, 12 by day: .5294 and .8468 rejected, at best, where 5 % are allowed.
    table = erlang_table(np.array([3.0, 12.0]), service_time=1.0, cap=2)
    problem = ReplicaProblem(1.0, table[:, None, :], 2, 0.05)
    for solver in SOLVERS:
        solution = solve(problem, "average", solver)
        assert (solution.plan + 1).tolist() == [[2], [2]]
        assert (solution.objective, solution.bound, solution.solver) == (2.0, 2.0, solver)
        assert not solution.feasible.any()
    assert plan_violation(problem, Scope.AVERAGE, np.full((2, 1), 2))[0] == pytest.approx(
        (9 / 17 + 144 / 170) / 2 - 0.05, rel=1e-12
    )
