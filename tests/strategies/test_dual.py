"""Dual ascent: its steps by hand, and where they lead."""

import numpy as np
import pytest

from mamo_cli.strategies.multipliers import multipliers_of, weights_at
from mamo_cli.strategies.protocol import CycleReport
from tests.strategies.exact_learner import (
    Stairs,
    keeps_members_apart,
    mixture,
    play,
    resumes,
    strategy_of,
)

THREE = Stairs([[0.1, 0.6], [0.3, 0.2], [0.7, 0.0]], [[0.1]])
TWO_LIMITS = Stairs([[0.1, 0.5, 0.5], [0.4, 0.1, 0.5], [0.6, 0.5, 0.0], [1.0, 0.0, 0.0]], [[0.25, 0.2], [0.1, 0.4]])


def reported(strategy, cycle, *objectives, limits=TWO_LIMITS.spec.limits):
    """What is told, and the multipliers that are proposed next, after one member's objectives `(A, M)`."""
    objectives = np.array([objectives])
    report = CycleReport(cycle, strategy.propose(cycle), objectives, np.zeros_like(objectives), limits)
    told = strategy.observe(report)
    return told, multipliers_of(strategy.propose(cycle + 1), 100.0)[0].tolist()


def test_weights_are_one_and_the_multipliers_over_their_sum():
    assert weights_at(np.array([[3.0], [0.0]])).tolist() == [[0.25, 0.75], [1.0, 0.0]]
    assert weights_at(np.array([1.0, 2.0])).tolist() == [0.25, 0.25, 0.5]
    assert multipliers_of(np.array([0.25, 0.25, 0.5]), 9.0).tolist() == [1.0, 2.0]
    # Where the cost weighs nothing, what weighs anything has the largest multiplier.
    assert multipliers_of(np.array([[0.0, 1.0, 0.0], [0.01, 0.99, 0.0]]), 9.0).tolist() == [[9.0, 0.0], [9.0, 0.0]]


def test_a_multiplier_moves_by_its_excess_and_steps_shrink_by_the_power_of_the_cycle():
    strategy = strategy_of("dual", TWO_LIMITS, initial_alpha=0.5, step=4.0, decay=0.5, largest_multiplier=8.0)
    # An alpha of .5 is halved among two violations: .25 over .5.
    assert multipliers_of(strategy.propose(0), 100.0).tolist() == [[[0.5, 0.5]] * 2]
    # The first agent exceeds .25 by .25 and .2 by .05: + 4 * .25, + 4 * .05; the second holds .1 by .1, .4 by .4.
    told, multipliers = reported(strategy, 0, [0.3, 0.5, 0.25], [0.3, 0.0, 0.0])
    assert multipliers == [pytest.approx([1.5, 0.7]), pytest.approx([0.1, 0.0])]
    assert told["multiplier"] == pytest.approx(np.array([[2.2, 0.1]]))
    assert told["choice"] == pytest.approx(np.array([[2.2 / 3.2, 0.1 / 1.1]]))
    # After the fourth cycle the step is 4 / sqrt(4) = 2, and nothing goes beyond 8.
    told, multipliers = reported(strategy, 3, [0.3, 0.0, 4.2], [0.3, 1.1, 0.0])
    assert multipliers == [pytest.approx([1.0, 8.0]), pytest.approx([2.1, 0.0])]
    assert told["at_largest"].tolist() == [[0.0, 0.0]]  # the cycle had not run there yet
    told, multipliers = reported(strategy, 3, [0.3, 0.25, 0.3], [0.3, 0.1, 0.4])
    assert multipliers == [pytest.approx([1.0, 8.0]), pytest.approx([2.1, 0.0])]
    assert told["at_largest"].tolist() == [[1.0, 0.0]]
    # At the largest, with its limit kept by .1, it comes back, and says so no longer.
    told, multipliers = reported(strategy, 3, [0.3, 0.25, 0.1], [0.3, 0.1, 0.4])
    assert multipliers == [pytest.approx([1.0, 7.8]), pytest.approx([2.1, 0.0])]
    assert told["at_largest"].tolist() == [[0.0, 0.0]]


def test_the_mixture_of_what_dual_steps_saw_is_the_optimum_with_one_limit_and_with_two():
    limits = np.array([0.1])
    _, objectives, _ = play(strategy_of("dual", THREE), THREE, range(30))
    assert mixture(objectives[:, 0, 0], limits) == pytest.approx([0.5, 0.1])
    _, objectives, _ = play(strategy_of("dual", TWO_LIMITS), TWO_LIMITS, range(90))
    for agent, limits in enumerate(TWO_LIMITS.spec.limits):
        best, found = mixture(TWO_LIMITS.points, limits), mixture(objectives[:, 0, agent], limits)
        assert found[0] == pytest.approx(best[0], rel=1e-3)
        assert np.all(found[1:] <= limits + 1e-9)


def test_a_limit_out_of_reach_ends_at_the_largest_multiplier_and_says_so():
    problem = Stairs([[0.1, 0.6], [0.9, 0.3]], [[0.1]])
    _, objectives, told = play(strategy_of("dual", problem, largest_multiplier=9.0), problem, range(12))
    assert (told["multiplier"][-1], told["at_largest"][-1], told["choice"][-1]) == (9.0, 1.0, 0.9)
    assert objectives[-1, 0, 0].tolist() == [0.9, 0.3]
    assert told["at_largest"][0] == 0.0


def test_a_limit_that_nothing_exceeds_ends_at_the_cheapest():
    problem = Stairs(THREE.points, [[1.0]])
    _, objectives, told = play(strategy_of("dual", problem), problem, range(8))
    assert objectives[-1, 0, 0].tolist() == [0.1, 0.6]
    assert told["multiplier"][-1] == 0.0


def test_it_resumes_to_the_last_bit_and_members_do_not_touch_one_another():
    for problem in (THREE, TWO_LIMITS):
        resumes("dual", problem)
        keeps_members_apart("dual", problem)


def test_a_report_that_is_not_finite_moves_nothing():
    strategy = strategy_of("dual", THREE)
    _, multipliers = reported(strategy, 0, [0.3, np.nan], limits=THREE.spec.limits)
    assert multipliers == [[1.0]]
