"""Short cases of `python -m benchmarks.reference`: the learner learns what others' learners do."""

import numpy as np
import pytest

from benchmarks.reference import Result, save
from benchmarks.reference_cliffwalk import PROPORTIONAL, UNIFORM, replay_of, speed_up, truth_of, updates_needed
from benchmarks.reference_control import ACROBOT, CARTPOLE, mean_returns, train


def shortened(case, iterations, seeds):
    """The case's schedules over fewer steps: how many, and the greedy policies' mean returns after them."""
    short = case._replace(phase=case.phase.model_copy(update={"iterations": iterations}))
    return short.steps, mean_returns(short, train(short, seeds), len(seeds), episodes=5)


@pytest.mark.slow
def test_cartpole_is_balanced_within_15000_steps():
    steps, returns = shortened(CARTPOLE, 3, range(3))
    assert steps == 15_000
    assert returns.mean() > 195  # a random policy's return is about 22


@pytest.mark.slow
def test_acrobot_swings_up_within_30000_steps():
    steps, returns = shortened(ACROBOT, 3, range(3))
    assert steps == 30_000
    assert np.median(returns) > -150  # a random policy's return is about -500


def test_budgets_are_those_that_are_claimed():
    assert (CARTPOLE.steps, ACROBOT.steps) == (50_000, 100_000)


def test_the_cliffwalks_replay_holds_all_sequences_and_one_reward():
    replay = replay_of(3)
    assert len(replay.states) == 2**4 - 2
    assert replay.rewards.sum() == 1.0
    # Episodes by their choices: wrong at once (four times), right and wrong (twice), right twice and wrong, all right.
    assert np.bincount(replay.states).tolist() == [8, 4, 2]
    assert replay.following[replay.continues > 0].tolist() == [1, 1, 2, 1, 1, 2]
    np.testing.assert_allclose(truth_of(3), [[0, 4 / 9], [0, 2 / 3], [0, 1]])


def test_prioritised_replay_needs_less_than_half_the_updates_of_uniform():
    uniform, proportional, times = speed_up(8, range(10))
    assert times > 2
    assert min(uniform) > max(proportional)
    assert updates_needed(8, UNIFORM, 3) == uniform[3]
    assert updates_needed(8, PROPORTIONAL, 3) == proportional[3]


def test_results_are_saved_a_row_a_seed(tmp_path):
    save(tmp_path / "out.csv", [Result("CartPole-v1", "mean of 100 episodes", 0, 499.5)])
    assert (
        tmp_path / "out.csv"
    ).read_text() == "problem,measure,seed,value\nCartPole-v1,mean of 100 episodes,0,499.5\n"
