"""Every solver, the enumeration and brute force say the same."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.enumeration import certificate
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.solvers.smoke import smoke_test
from tests.clock import spends_less_than
from tests.domains.faas.offline.brute_force import best, violations
from tests.domains.faas.offline.instances import problems, reference

SOLVERS = [solver for solver in ("gurobi", "cbc", "highs") if smoke_test(solver).available]
SCOPES = list(Scope)

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
more = settings(max_examples=40, deadline=None)


def test_cbc_and_highs_are_here():
    assert {"cbc", "highs"} <= set(SOLVERS)


def assert_best(problem, scope, solver):
    violation, cost = best(problem, scope)
    solution = solve(problem, scope, solver)
    assert solution.termination is Termination.OPTIMAL
    assert solution.solver == solver
    assert solution.objective == pytest.approx(cost, abs=1e-7)
    assert violations(problem, scope, solution.plan[None] + 1)[0] == pytest.approx(violation, abs=1e-6)
    assert solution.gap <= 1e-7


@pytest.mark.parametrize("solver", SOLVERS)
@given(problem=problems(), scope=st.sampled_from(SCOPES))
@few
def test_separable_problems_match_brute_force(solver, problem, scope):
    assert_best(problem, scope, solver)


@pytest.mark.parametrize("solver", SOLVERS)
@given(problem=problems(steps=3, memory=True), scope=st.sampled_from(SCOPES))
@few
def test_memory_matches_brute_force(solver, problem, scope):
    assert_best(problem, scope, solver)


@pytest.mark.parametrize("solver", SOLVERS)
@given(problem=problems(steps=3, scale_up=True), scope=st.sampled_from(SCOPES))
@few
def test_scaling_up_matches_brute_force(solver, problem, scope):
    assert_best(problem, scope, solver)


@given(problem=problems(steps=3, memory=True, scale_up=True), scope=st.sampled_from(SCOPES))
@few
def test_memory_and_scaling_up_match_brute_force(problem, scope):
    assert_best(problem, scope, "highs")


@pytest.mark.parametrize("solver", SOLVERS)
def test_cbc_preprocessing_lost_this_optimum(solver):
    # With preprocessing, CBC 2.10.3 calls [[2, 1], [1, 2]] the plan of least violation; it is [[1, 2], [1, 2]].
    first = [[0.25, 0.140625, 0.109375], [0.359375, 0.171875, 0.015625]]
    second = [[1.0, 0.484375, 0.21875], [0.671875, 0.265625, 0.25]]
    problem = ReplicaProblem(
        replica_cost=np.array([0.5, 2.0]),
        rejection=np.array([first, second]),
        max_replicas=np.array([[2, 3], [1, 3]]),
        tolerance=0.125,
        memory_per_replica=np.array([2.0, 3.0]),
        memory_capacity=np.array([9.0, 10.0]),
    )
    assert_best(problem, Scope.STEP, solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_rejection_below_the_tolerance_at_one_step_helps_another(solver):
    # The least rejection, three replicas at step 0, does not fit in the memory: the best mean comes from one.
    problem = ReplicaProblem(
        replica_cost=2.0,
        rejection=np.array([[[0.125, 0.671875, 0.09375]], [[0.4375, 0.5625, 0.515625]]]),
        max_replicas=np.array([[3], [1]]),
        tolerance=0.125,
        memory_per_replica=2.0,
        memory_capacity=np.array([4.0, 9.0]),
    )
    assert_best(problem, Scope.AVERAGE, solver)


@given(problem=problems(), scope=st.sampled_from(SCOPES))
@more
def test_the_certificate_holds_the_optimum_and_is_exact_where_it_says_so(problem, scope):
    violation, cost = best(problem, scope)
    known = certificate(problem, scope)
    assert known.lower <= cost + 1e-9 <= known.upper + 2e-9
    assert violations(problem, scope, known.plan[None])[0] == pytest.approx(violation, abs=1e-9)
    assert scope is Scope.AVERAGE or known.lower == known.upper


@pytest.mark.parametrize("solver", SOLVERS)
def test_reference_instance_at_every_step(solver):
    solution = solve(reference(), "step", solver)
    rejection = reference().rejection[np.arange(288), 0, solution.plan[:, 0]]
    assert (solution.plan + 1).sum() == 1939
    assert solution.objective == pytest.approx(6.7326, abs=5e-5)
    assert rejection.mean() == pytest.approx(0.0328, abs=5e-5)
    assert solution.feasible.all()
    assert solution.solver == solver


@pytest.mark.parametrize("solver", SOLVERS)
def test_reference_instance_on_average(solver):
    with spends_less_than(5.0):
        solution = solve(reference(), "average", solver)
    assert solution.objective == pytest.approx(6.191, abs=5e-4)
    assert solution.termination is Termination.OPTIMAL
    assert solution.seconds > 0


def test_infeasible_steps_are_marked_and_take_the_least_rejection_at_the_least_cost():
    # Step 0 can be met; step 1 cannot: 0.3 is its least rejection, and two replicas reach it as three do.
    table = np.array([[[0.4, 0.05, 0.01]], [[0.6, 0.3, 0.3]]])
    problem = ReplicaProblem(replica_cost=1.0, rejection=table, max_replicas=3, tolerance=0.1)
    for solver in SOLVERS:
        solution = solve(problem, "step", solver)
        assert (solution.plan + 1).tolist() == [[2], [2]]
        assert solution.feasible.tolist() == [[True], [False]]
