"""What a plan costs and how far it violates: two periods, two functions, three replicas at most, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Scope
from mamo_cli.domains.faas.offline.measures import (
    choice_cost,
    choice_violation,
    cost_scale,
    memory_excess,
    plan_cost,
    plan_violation,
    scale_up_price,
)
from mamo_cli.domains.faas.offline.problem import ReplicaProblem

PROBLEM = ReplicaProblem(
    replica_cost=np.array([2.0, 4.0]),
    rejection=np.array([[[0.5, 0.25, 0.0], [0.75, 0.5, 0.125]], [[0.25, 0.125, 0.0], [0.5, 0.25, 0.125]]]),
    max_replicas=3,
    tolerance=np.array([0.125, 0.25]),
    alpha=np.array([0.25, 0.5]),
)
PLAN = np.array([[1, 3], [3, 2]])


@pytest.mark.parametrize("scope", [Scope.STEP, Scope.AVERAGE])
def test_replicas_are_paid_by_the_piece(scope):
    paid = [[2.0, 4.0, 6.0], [4.0, 8.0, 12.0]]
    assert choice_cost(PROBLEM, scope).tolist() == [paid, paid]


def test_a_choice_weighs_its_normalised_cost_and_its_rejection():
    # All replicas cost 6 and 12, 9 on average. First function, 1 - .25 = .75: (.75 x 2/9 + .25 x .5) / 2 at n = 1, ...
    assert cost_scale(PROBLEM) == 9.0
    first = [(0.75 * 2 / 9 + 0.25 * 0.5) / 2, (0.75 * 4 / 9 + 0.25 * 0.25) / 2, 0.75 * 6 / 9 / 2]
    # Second function, .5 each, in the second period: (.5 x 4/9 + .5 x .5) / 2, ...
    last = [(4 / 9 + 0.5) / 4, (8 / 9 + 0.25) / 4, (12 / 9 + 0.125) / 4]
    costs = choice_cost(PROBLEM, Scope.ALPHA)
    assert costs.shape == (2, 2, 3)
    np.testing.assert_allclose(costs[0, 0], first, rtol=1e-14)
    np.testing.assert_allclose(costs[1, 1], last, rtol=1e-14)


def test_a_scale_that_is_given_and_an_expectation_that_is_known_take_the_place_of_their_own():
    noisy = replace(PROBLEM, cost_scale=16.0, expected_rejection=np.full((2, 2, 3), 0.5))
    assert cost_scale(noisy) == 16.0
    # (.75 x 2/16 + .25 x .5) / 2 at one replica of the first function; (.5 x 12/16 + .5 x .5) / 2 at 3 of the other.
    costs = choice_cost(noisy, Scope.ALPHA)
    np.testing.assert_allclose(costs[:, 0, 0], (0.75 / 8 + 0.125) / 2, rtol=1e-14)
    np.testing.assert_allclose(costs[:, 1, 2], (0.375 + 0.25) / 2, rtol=1e-14)
    assert choice_violation(noisy).tolist() == choice_violation(PROBLEM).tolist()  # violations are the model's own


def test_alpha_is_asked_for():
    with pytest.raises(UsageError, match="scope alpha needs --alpha"):
        choice_cost(replace(PROBLEM, alpha=None), Scope.ALPHA)


def test_a_plans_cost_is_a_mean_over_periods_with_what_is_added_between_them():
    # 1 and 3 replicas: 2 + 12; 3 and 2: 6 + 8. Together 28 in two periods.
    assert plan_cost(PROBLEM, Scope.STEP, PLAN) == 14.0
    # Two replicas of the first are added at 0.5 each; the one of the second that goes brings nothing back.
    paid = replace(PROBLEM, scale_up_cost=np.array([0.5, 8.0]))
    assert plan_cost(paid, Scope.AVERAGE, PLAN) == 14.5
    assert plan_cost(paid, Scope.AVERAGE, PLAN[::-1]) == (28 + 8) / 2
    # In scope alpha a replica of the first costs (1 - .25) x .5 / (9 x 2), one of the second (1 - .5) x 8 / 18.
    np.testing.assert_allclose(scale_up_price(paid, Scope.ALPHA), [0.375 / 18, 4 / 18], rtol=1e-14)
    without = plan_cost(PROBLEM, Scope.ALPHA, PLAN)
    assert plan_cost(paid, Scope.ALPHA, PLAN) == pytest.approx(without + 2 * 0.375 / 18 / 2, rel=1e-14)
    assert scale_up_price(paid, Scope.STEP).tolist() == [0.5, 8.0]
    assert scale_up_price(PROBLEM, Scope.ALPHA) is None


def test_violations_are_of_a_period_of_an_average_or_of_nothing():
    # Tolerances 1/8 and 1/4.
    excess = [[[0.375, 0.125, 0.0], [0.5, 0.25, 0.0]], [[0.125, 0.0, 0.0], [0.25, 0.0, 0.0]]]
    assert choice_violation(PROBLEM).tolist() == excess
    plan = np.array([[1, 2], [3, 1]])
    # Period 1: .375 + .25; period 2: 0 + .25. Means .25 and .5 exceed their tolerances by 1/8 and 1/4.
    assert plan_violation(PROBLEM, Scope.STEP, plan).tolist() == [0.625, 0.25]
    assert plan_violation(PROBLEM, Scope.AVERAGE, plan).tolist() == [0.375]
    assert plan_violation(PROBLEM, Scope.ALPHA, plan).tolist() == [0.0]
    # 3 and 3: means 0 and 1/8, both within; what one has to spare is not the other's.
    assert plan_violation(PROBLEM, Scope.AVERAGE, np.array([[3, 3], [3, 3]])).tolist() == [0.0]
    # 3 and 1: means 0 and 5/8: 3/8 too much, though the first has 1/8 to spare.
    assert plan_violation(PROBLEM, Scope.AVERAGE, np.array([[3, 1], [3, 1]])).tolist() == [0.375]


def test_memory_is_measured_by_what_the_node_has():
    # 1 x 2 + 3 x 1 = 5 of 4: a quarter too much; 3 x 2 + 2 x 1 = 8 of 16: half to spare.
    node = replace(PROBLEM, memory_per_replica=np.array([2.0, 1.0]), memory_capacity=np.array([4.0, 16.0]))
    assert memory_excess(node, PLAN).tolist() == [0.25, -0.5]
    assert memory_excess(PROBLEM, PLAN).tolist() == [0.0, 0.0]
    # Nothing fits in nothing, and no number is divided by 0.
    empty = replace(node, memory_per_replica=np.zeros(2), memory_capacity=np.zeros(2))
    assert memory_excess(empty, PLAN).tolist() == [0.0, 0.0]


def test_periods_are_counted_as_periods_and_functions_as_functions():
    # The first period three times over costs what it costs once: 1 and 3 replicas are 2 + 12.
    first = np.repeat(PROBLEM.rejection[:1], 3, axis=0)
    thrice = ReplicaProblem(PROBLEM.replica_cost, first, 3, PROBLEM.tolerance, PROBLEM.alpha, scale_up_cost=0.5)
    plan = np.array([[1, 3]] * 3)
    assert plan_cost(thrice, Scope.STEP, plan) == 14.0
    # (.75 x 2/9 + .25 x .5 + .5 x 12/9 + .5 x .125) / 2, see above.
    weighed = (0.75 * 2 / 9 + 0.125 + 6 / 9 + 0.0625) / 2
    assert plan_cost(thrice, Scope.ALPHA, plan) == pytest.approx(weighed, rel=1e-14)
    np.testing.assert_allclose(scale_up_price(thrice, Scope.ALPHA), [0.375 / 18, 0.25 / 18], rtol=1e-14)
    assert memory_excess(thrice, plan).tolist() == [0.0, 0.0, 0.0]
    assert plan_violation(thrice, Scope.STEP, plan).tolist() == [0.375] * 3
