"""Steps within the phases, by hand."""

import numpy as np
import pytest

from mamo_cli.strategies.multipliers import multipliers_of, weights_at
from mamo_cli.strategies.protocol import CycleReport
from tests.learners.agents import through_a_file
from tests.strategies.exact_learner import Stairs, mixture, strategy_of

THREE = Stairs([[0.1, 0.6], [0.3, 0.2], [0.7, 0.0]], [[0.1]])
TWO_LIMITS = Stairs([[0.1, 0.5, 0.5], [0.4, 0.1, 0.5], [0.6, 0.5, 0.0], [1.0, 0.0, 0.0]], [[0.25, 0.25]])

LIMITS = TWO_LIMITS.spec.limits


def phases(strategy, problem, cycles, iterations=10):
    """Weights and answers `(steps, A, M)` of a member through phases, as the loop asks and tells."""
    weights, answers = [], []
    for cycle in cycles:
        for iteration in range(iterations):
            at = strategy.propose(cycle) if iteration == 0 else strategy.within(at, answered, problem.spec.limits)  # noqa: F821
            answered = problem.answer(at[0])[None]
            weights.append(at[0])
            answers.append(answered[0])
        strategy.observe(CycleReport(cycle, at, answered, np.zeros_like(answered), problem.spec.limits))
    return np.array(weights), np.array(answers)


def test_a_step_after_an_iteration_shrinks_by_how_many_there_were_in_all():
    strategy = strategy_of("rcpo", TWO_LIMITS, initial_alpha=0.5, step=4.0, decay=0.5, largest_multiplier=5.0)
    first = strategy.propose(0)
    assert multipliers_of(first, 100.0).tolist() == [[[0.5, 0.5]]]
    # + 4 * .25 and - 4 * .25, then 4 / sqrt(2) times 0 and .25.
    second = strategy.within(first, np.array([[[0.3, 0.5, 0.0]]]), LIMITS)
    assert second == pytest.approx(weights_at(np.array([[[1.5, 0.0]]])))
    third = strategy.within(second, np.array([[[0.3, 0.25, 0.5]]]), LIMITS)
    assert third == pytest.approx(weights_at(np.array([[[1.5, 0.5**0.5]]])))
    told = strategy.observe(CycleReport(0, third, np.array([[[0.3, 0.9, 0.9]]]), np.zeros((1, 1, 3)), LIMITS))
    assert told["multiplier"] == pytest.approx(1.5 + 0.5**0.5)
    assert strategy.propose(1).tolist() == third.tolist()  # the cycle's end moves nothing
    # The third: 4 / sqrt(3) times 1.75, up to the largest.
    fourth = strategy.within(third, np.array([[[0.3, 2.0, 0.25]]]), LIMITS)
    assert multipliers_of(fourth, 100.0)[0, 0] == pytest.approx([5.0, 0.5**0.5])


def test_the_mixture_of_what_was_seen_is_the_optimum():
    weights, answers = phases(strategy_of("rcpo", THREE), THREE, range(10))
    assert mixture(answers[:, 0], np.array([0.1])) == pytest.approx([0.5, 0.1])
    assert np.abs(weights[-20:, 0, 1] - 2 / 3).max() < 0.1  # about the kink, mu = 2


def test_a_copy_from_a_file_goes_on_bit_identically():
    strategy, copy = strategy_of("rcpo", THREE), strategy_of("rcpo", THREE)
    phases(strategy, THREE, range(3))
    copy.propose(0)
    copy.load_state_dict(through_a_file(strategy.state_dict()))
    ahead, again = phases(strategy, THREE, range(3, 6))[0], phases(copy, THREE, range(3, 6))[0]
    assert np.array_equal(ahead, again)
    assert len(np.unique(ahead)) > 10
