"""Grid and random, which learn nothing, Bayesian optimisation, and what all three settle on."""

import warnings

import numpy as np
import pytest

from mamo_cli.strategies.protocol import CycleReport
from tests.strategies.exact_learner import Stairs, keeps_members_apart, play, resumes, strategy_of

THREE = Stairs([[0.1, 0.6], [0.3, 0.2], [0.7, 0.0]], [[0.25]])
TWO_LIMITS = Stairs([[0.1, 0.5, 0.5], [0.4, 0.1, 0.5], [0.6, 0.5, 0.0], [1.0, 0.0, 0.0]], [[0.25, 0.2], [0.1, 0.4]])


def alphas(strategy, cycles):
    return [strategy.propose(cycle)[0, 0, 1] for cycle in cycles]


def test_the_grid_goes_round_from_the_initial_alpha():
    assert alphas(strategy_of("grid", THREE, alpha_step=0.25), range(7)) == [0.0, 0.25, 0.5, 0.75, 1.0, 0.0, 0.25]
    one_more = strategy_of("grid", THREE, alpha_step=0.5, initial_alpha=0.6)
    assert alphas(one_more, range(6)) == [0.6, 1.0, 0.0, 0.5, 0.6, 1.0]
    on_it = strategy_of("grid", THREE, initial_alpha=0.3)
    assert alphas(on_it, range(12)) == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 0.0, 0.1, 0.2, 0.3]


def test_the_grid_of_several_limits_has_all_weights_that_sum_to_one():
    grid = strategy_of("grid", TWO_LIMITS, alpha_step=0.5)
    weights = [grid.propose(cycle)[0, 0].tolist() for cycle in range(7)]
    assert weights == [[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5], [0, 1, 0], [1, 0, 0]]
    thirds = strategy_of("grid", TWO_LIMITS, alpha_step=1 / 3)
    each = np.array([thirds.propose(cycle)[0, 0] for cycle in range(10)])
    assert len(np.unique(each.round(9), axis=0)) == 10  # 4 + 3 + 2 + 1
    assert each.min() == 0.0
    assert each.sum(1) == pytest.approx(1.0, abs=1e-9)


def test_random_weights_are_uniform_on_the_simplex_after_the_initial_ones():
    for problem, violations in ((THREE, 1), (TWO_LIMITS, 2)):
        strategy = strategy_of("random", problem, range(200), initial_alpha=0.4)
        share = 0.4 / violations
        assert strategy.propose(0).tolist() == [[[0.6] + [share] * violations] * len(problem.spec.agents)] * 200
        drawn = np.stack([strategy.propose(cycle) for cycle in range(1, 21)]).reshape(-1, violations + 1)
        assert drawn.sum(-1) == pytest.approx(np.ones(len(drawn)))
        # A coordinate of the uniform distribution on the simplex of m is beta(1, m - 1): mean 1 / m, variance
        # (m - 1) / (m^2 (m + 1)); above x with probability (1 - x)^(m - 1). Four standard errors of 4000 draws.
        m = violations + 1
        error = np.sqrt((m - 1) / (m**2 * (m + 1)) / len(drawn))
        assert drawn.mean(0) == pytest.approx(np.full(m, 1 / m), abs=4 * error)
        expected = 0.5 ** (m - 1)
        assert (drawn > 0.5).mean(0) == pytest.approx(np.full(m, expected), abs=4 * np.sqrt(0.25 / len(drawn)))


def test_no_two_draws_are_the_same_and_cycles_can_be_asked_in_any_order():
    strategy = strategy_of("random", TWO_LIMITS, (1, 2))
    drawn = {cycle: strategy.propose(cycle) for cycle in (5, 2, 9)}
    assert len(np.unique([each[..., 1] for each in drawn.values()])) == 3 * 2 * 2
    assert np.array_equal(strategy_of("random", TWO_LIMITS, (1, 2)).propose(2), drawn[2])


@pytest.mark.parametrize("name", ["grid", "random", "bayes"])
def test_the_cheapest_within_the_limits_is_settled_on_or_the_least_beyond(name):
    strategy = strategy_of(name, THREE)
    first = strategy.propose(0)
    assert np.array_equal(strategy.settled(), first)
    expected = [0, 1, 1, 3, 4, 4]
    brought = [(0.1, 0.6), (0.3, 0.3), (0.2, 0.5), (0.9, 0.25), (0.8, 0.1), (0.8, 0.0)]
    tried = []
    for cycle, (objectives, best) in enumerate(zip(brought, expected, strict=True)):
        tried.append(strategy.propose(cycle))
        report = CycleReport(cycle, tried[-1], np.array([[objectives]]), np.zeros((1, 1, 2)), THREE.spec.limits)
        told = strategy.observe(report)
        assert np.array_equal(strategy.settled(), tried[best])
        assert told["choice"] == tried[best][..., 1]


def test_several_limits_count_together():
    strategy = strategy_of("random", TWO_LIMITS)
    tried = [strategy.propose(cycle) for cycle in range(3)]
    # Excesses of the first agent's .25 and .2: .05, .1 + .1, 0 + .04; of the second's .1 and .4: .2, 0 (.9), 0 (.8).
    for cycle, both in enumerate(
        [[[0.1, 0.3, 0.2], [0.1, 0.3, 0.0]], [[0.0, 0.35, 0.3], [0.9, 0.1, 0.4]], [[0.9, 0.1, 0.24], [0.8, 0.0, 0.1]]]
    ):
        strategy.observe(
            CycleReport(cycle, tried[cycle], np.array([both]), np.zeros((1, 2, 3)), TWO_LIMITS.spec.limits)
        )
    assert np.array_equal(strategy.settled()[0, 0], tried[2][0, 0])
    assert np.array_equal(strategy.settled()[0, 1], tried[2][0, 1])


@pytest.mark.parametrize("name", ["grid", "random", "bayes"])
def test_they_resume_to_the_last_bit_and_members_do_not_touch_one_another(name):
    resumes(name, THREE, first=3, last=8)
    if name != "grid":  # which is the same for all
        keeps_members_apart(name, TWO_LIMITS, cycles=7)


def tried_by(strategy, problem, cycles, start=8):
    """Alphas of one agent's cycles after the random ones."""
    weights, _, _ = play(strategy, problem, range(cycles))
    return weights[start:, 0, 0, 1]


def test_trials_gather_where_it_is_cheap_within_the_limit():
    # (.3, .2) is the best within .25, at alphas from 1/3 to 2/3; a third of uniform draws would lie there.
    found = [tried_by(strategy_of("bayes", THREE, (seed,)), THREE, 24) for seed in range(6)]
    assert np.mean([(each > 1 / 3) & (each < 2 / 3) for each in found]) > 0.5
    # With the limit out of its reach they gather where that is kept, above 2/3.
    tight = Stairs(THREE.points, [[0.1]])
    found = [tried_by(strategy_of("bayes", tight, (seed,)), tight, 24) for seed in range(6)]
    assert np.mean([each > 2 / 3 for each in found]) > 0.5


def test_multipliers_of_trials_stay_within_the_largest_and_nothing_is_warned_of(capfd):
    strategy = strategy_of("bayes", TWO_LIMITS, initial_alpha=1.0, largest_multiplier=3.0, random_trials=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights, _, _ = play(strategy, TWO_LIMITS, range(8))
    assert weights[0].tolist() == [[[1 / 7, 3 / 7, 3 / 7]] * 2]
    assert (weights[..., 1:] / weights[..., :1]).max() <= 3.0 + 1e-12
    assert capfd.readouterr().err == ""
