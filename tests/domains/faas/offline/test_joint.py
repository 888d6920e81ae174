"""What is known without a solver where memory ties functions together, against every joint plan."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.joint import steps_of
from mamo_cli.domains.faas.offline.known import known
from mamo_cli.domains.faas.offline.measures import memory_excess, plan_cost
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.solvers.knapsack import best_with_each
from tests.domains.faas.offline.brute_force import TIE, best, costs, violations
from tests.domains.faas.offline.instances import problems


@pytest.mark.parametrize("scope", ["step", "alpha"])
@settings(max_examples=40, deadline=None)
@given(problem=problems(steps=3, memory=True))
def test_the_best_joint_choice_of_each_step_is_exact(scope, problem):
    found, (violation, cost) = known(problem, Scope(scope)), best(problem, scope)
    assert found.method == "dynamic programming"
    assert found.exact
    assert found.cost == pytest.approx(cost, abs=1e-9)
    assert found.violation.sum() == pytest.approx(violation, abs=TIE)
    assert memory_excess(problem, found.plan).max() <= 1e-9


@settings(max_examples=40, deadline=None)
@given(problem=problems(steps=3, memory=True))
def test_an_average_lies_between_what_is_proven_and_what_is_found(problem):
    found, (violation, cost) = known(problem, Scope.AVERAGE), best(problem, "average")
    assume(found.certified)
    assert found.violation.sum() == pytest.approx(violation, abs=TIE)
    assert found.bound <= cost + 1e-9
    assert cost <= found.cost + 1e-9
    everything = np.array(list(product(*(range(1, cap + 1) for cap in problem.max_replicas.ravel()))))
    plans = everything.reshape(-1, *problem.shape[:2])
    fits = np.all(plans @ problem.memory_per_replica <= problem.memory_capacity + 1e-9, axis=1)
    better = fits & (violations(problem, "average", plans) <= violation + 1e-12)
    better &= costs(problem, "average", plans) < found.cost - 1e-9
    for plan in plans[better]:  # whatever is better is made of choices that were kept
        assert np.take_along_axis(found.keep, plan[..., None] - 1, 2).all()


def test_a_memory_that_binds_at_one_step_by_hand():
    # Two functions, two steps; one replica takes 2 and 3 MB. Within .1 is what 2 replicas of each keep, at most
    # 10 MB: step 1 has 10, step 0 has 8. There f0 alone can have two (7 MB): f1 rejects .3, or f0 .4 with f1's two.
    rejection = np.array([[0.4, 0.1, 0.0], [0.3, 0.1, 0.0]])
    problem = ReplicaProblem(
        replica_cost=np.array([1.0, 2.0]),
        rejection=np.broadcast_to(rejection, (2, 2, 3)),
        max_replicas=3,
        tolerance=0.1,
        memory_per_replica=np.array([2.0, 3.0]),
        memory_capacity=np.array([8.0, 10.0]),
        alpha=0.5,
    )
    step = known(problem, Scope.STEP)
    assert step.plan.tolist() == [[2, 1], [2, 2]]  # .2 too much against .3 with f1's two
    assert step.violation.tolist() == pytest.approx([0.2, 0.0])
    assert step.cost == step.bound == pytest.approx((4 + 6) / 2)
    # On average f1 has .1 by .3 at step 0 and none left at step 1: .15 at best, with 3 there (10 < 2 + 9).
    # Forced, so that a solver must say by how much; f0 stays within .1 with 2 and 2.
    average = solve(problem, "average", "highs")
    assert average.termination is Termination.OPTIMAL
    assert (average.plan + 1).tolist() == [[2, 1], [2, 2]]
    assert average.objective == pytest.approx(5.0)


def test_priorities_weigh_the_functions():
    problem = ReplicaProblem(
        replica_cost=1.0,
        rejection=np.array([[[0.9, 0.4, 0.0], [0.9, 0.4, 0.0]]]),
        max_replicas=3,
        tolerance=0.5,
        memory_per_replica=1.0,
        memory_capacity=4.0,
        alpha=1.0,
    )
    # Four replicas: of two each .4 + .4 are rejected, of three and one 0 + .9.
    assert known(problem, Scope.ALPHA).plan.tolist() == [[2, 2]]
    shares = replace(problem, priority=np.array([0.8, 0.2]))
    assert known(shares, Scope.ALPHA).plan.tolist() == [[3, 1]]
    assert known(shares, Scope.ALPHA).cost == pytest.approx(0.2 * 0.9)
    assert plan_cost(shares, Scope.ALPHA, np.array([[2, 2]])) == pytest.approx(0.4)


def test_steps_that_are_tied_have_no_joint_choices():
    problem = ReplicaProblem(1.0, np.full((2, 1, 2), 0.1), 2, 0.5, memory_per_replica=1.0, memory_capacity=2.0)
    assert steps_of(problem) is not None
    assert steps_of(replace(problem, scale_up_cost=np.ones(1))) is None
    assert steps_of(replace(problem, memory_per_replica=None, memory_capacity=None)) is None
    odd = {"memory_per_replica": np.array([1.0, 1.0 / 3.0]), "memory_capacity": 9.0}  # of no unit worth counting in
    assert steps_of(ReplicaProblem(1.0, np.full((2, 2, 2), 0.1), 2, 0.5, **odd)) is None


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_best_with_each_choice_in_it_equals_enumeration(seed):
    rng = np.random.default_rng(seed)
    values, use = rng.integers(-3, 4, (2, 3, 3)).astype(float), rng.integers(0, 4, (3, 3))
    allowed = rng.random((2, 3, 3)) < 0.8
    allowed[..., 0] = True
    budgets = rng.integers(0, 10, 2)
    totals = np.empty((2, 3, 3))
    best_with_each(values, allowed, use, budgets, totals)
    for row, a, c in np.ndindex(totals.shape):
        sums = [
            sum(values[row, i, joint[i]] for i in range(3))
            for joint in product(range(3), repeat=3)
            if joint[a] == c
            and all(allowed[row, i, joint[i]] for i in range(3))
            and sum(use[i, joint[i]] for i in range(3)) <= budgets[row]
        ]
        assert totals[row, a, c] == max(sums, default=-np.inf)
