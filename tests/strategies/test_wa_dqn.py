"""The weight-adaptation agent alone: a table of (cost, rejection) by alpha stands in for the task agents."""

import numpy as np
import pytest

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import alpha_grid, alpha_of
from mamo_cli.strategies.protocol import CycleReport
from mamo_cli.strategies.wa_dqn.agent import WeightAdaptationAgent, wa_reward
from mamo_cli.strategies.wa_dqn.settings import SECTIONS, AdaptationConfig
from tests.learners.agents import through_a_file

LEARNER = SECTIONS["wa_learner"]
# Cost and rejection of a perfect task agent by alpha 0, 0.1, ..., 1: dearer and safer as alpha grows.
COST = np.array([0.1, 0.1, 0.1, 0.12, 0.2, 0.3, 0.38, 0.44, 0.5, 0.58, 1.0])
REJECTION = np.array([0.67, 0.67, 0.67, 0.6, 0.4, 0.2, 0.12, 0.08, 0.04, 0.015, 0.0])


def agent(seeds=(0, 1), functions=1, **settings):
    streams = [MemberStreams(s, "wa") for s in seeds]
    return WeightAdaptationAgent(AdaptationConfig(**settings), LEARNER, functions, streams)


def proposed(strategy, cycle):
    return alpha_of(strategy.propose(cycle))


def report_of(strategy, cycle, easier=1.0, tolerance=0.05):
    """Propose, and report what the table says of it; returns the alphas `(K, F)` and the strategy's columns."""
    weights = strategy.propose(cycle)
    place = np.rint(alpha_of(weights) * 10).astype(int)
    objectives = np.stack((COST[place], REJECTION[place] * easier), -1)
    limits = np.full((weights.shape[1], 1), tolerance)
    report = CycleReport(cycle, weights, objectives, np.zeros_like(objectives), limits)
    return alpha_of(weights), strategy.observe(report)


def cycle_through(strategy, cycles, tolerance=0.05):
    """Play cycles against the table; returns the alphas `(cycles, K, F)` and the rewards."""
    alphas, rewards = [], []
    for cycle in cycles:
        alpha, told = report_of(strategy, cycle, tolerance=tolerance)
        alphas.append(alpha)
        rewards.append(told["wa_reward"])
    return np.array(alphas), np.array(rewards)


def test_the_reward_is_zero_beyond_the_tolerance_and_larger_for_the_cheaper():
    objectives = np.array([[[0.0, 0.051], [0.4, 0.05], [0.5, 0.01], [1.0, 0.0]]])
    limits = np.full((4, 1), 0.05)
    # 0.051 > 0.05: 0, however cheap. Exactly at the tolerance is feasible: 1 - 0.4 + 0.1 = 0.7; then 0.6; and 0.1,
    # still above 0, for the dearest.
    np.testing.assert_allclose(wa_reward(objectives, limits, 0.1), [[0.0, 0.7, 0.6, 0.1]])
    np.testing.assert_allclose(wa_reward(objectives, limits, 0.5), [[0.0, 1.1, 1.0, 0.5]])


@pytest.mark.parametrize(
    ("step", "grid"),
    [
        (0.1, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (0.25, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (0.4, [0.0, 0.4, 0.8, 1.0]),  # a step that does not divide 1 still offers 1
        (1.0, [0.0, 1.0]),
    ],
)
def test_the_grid_holds_each_alpha_once_and_always_both_ends(step, grid):
    assert alpha_grid(step).tolist() == grid


def test_the_first_cycle_runs_at_the_given_alpha():
    assert np.all(proposed(agent(functions=3, initial_alpha=0.35), 0) == np.full((2, 3), 0.35))


@pytest.mark.parametrize("functions", [1, 3])
def test_exploration_tries_every_alpha_once_a_round_in_an_order_of_its_own(functions):
    strategy = agent((0, 1), functions, cycles=100, epsilon=((0.0, 1.0),))
    alphas = np.array([proposed(strategy, cycle) for cycle in range(1, 34)])
    rounds = alphas.reshape(3, 11, 2, functions)
    assert np.all(np.sort(rounds, axis=1) == alpha_grid(0.1)[:, None, None])
    assert not np.array_equal(rounds[0], rounds[1])
    assert not np.array_equal(alphas[:, 0], alphas[:, 1])  # members have orders of their own


def test_greedy_cycles_use_up_no_exploratory_alpha():
    strategy = agent((0,), cycles=100, epsilon=((0.0, 1.0), (0.1, 1.0), (0.1, 0.0), (0.5, 0.0), (0.5, 1.0)))
    first = [proposed(strategy, cycle).item() for cycle in range(1, 6)]
    greedy = [proposed(strategy, cycle).item() for cycle in range(20, 30)]
    rest = [proposed(strategy, cycle).item() for cycle in range(60, 66)]
    assert set(greedy) == {alpha_of(strategy.settled()).item()}
    assert sorted(first + rest) == alpha_grid(0.1).tolist()


def test_epsilon_follows_its_schedule_over_the_cycles():
    strategy = agent(cycles=50, epsilon=((0.0, 1.0), (0.4, 0.5), (0.8, 0.0)))
    # Cycle 10 is 0.2 of the way: half way from 1 to 0.5. Cycle 30 is 0.6: half way from 0.5 to 0.
    told = [report_of(strategy, cycle)[1]["wa_epsilon"][0, 0] for cycle in (0, 10, 20, 30, 40, 49)]
    assert told == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0])


@pytest.mark.parametrize(
    ("tolerance", "best"),
    [
        (0.05, 0.8),
        pytest.param(0.005, 1.0, marks=pytest.mark.slow),
        pytest.param(0.02, 0.9, marks=pytest.mark.slow),
        pytest.param(0.1, 0.7, marks=pytest.mark.slow),
        pytest.param(0.3, 0.5, marks=pytest.mark.slow),
    ],
)
def test_learns_the_cheapest_alpha_that_is_feasible(tolerance, best):
    strategy = agent(range(4), cycles=40)
    alphas, rewards = cycle_through(strategy, range(40), tolerance)
    # One cell of the table below the next is 0.06 to 0.42 of reward: no tie.
    assert alpha_of(strategy.settled()).ravel().tolist() == [best] * 4
    assert np.all(alphas[-1] == best)
    assert np.all(rewards[-1] == rewards.max())


@pytest.mark.slow
def test_every_function_learns_an_alpha_of_its_own():
    strategy = agent((0, 1), functions=2, cycles=60)
    for cycle in range(60):
        _, told = report_of(strategy, cycle, easier=np.array([1.0, 0.5]))  # the second is easier: 0.7 is enough
    assert told["wa_choice"].tolist() == alpha_of(strategy.settled()).tolist()
    assert alpha_of(strategy.settled()).tolist() == [[0.8, 0.7]] * 2


def test_a_copy_from_a_file_goes_on_bit_identically():
    strategy, copy = agent(cycles=30, updates=10), agent(cycles=30, updates=10)
    cycle_through(strategy, range(8))  # in the middle of a round
    copy.load_state_dict(through_a_file(strategy.state_dict()))
    ahead, again = cycle_through(strategy, range(8, 30)), cycle_through(copy, range(8, 30))
    assert np.array_equal(ahead[0], again[0])
    assert np.array_equal(ahead[1], again[1])
    assert len(set(ahead[0][:, 0, 0])) > 3


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("state", lambda saved: saved[:1]),
        ("state", lambda saved: saved.astype(np.float64)),
        ("actions", lambda saved: saved[:, :, :0]),
        ("actions", lambda saved: saved + 11),
        ("actions", lambda saved: saved - 11),
        ("rounds", lambda saved: [[left - 11 for left in functions] for functions in saved]),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(part, change):
    strategy = agent((0, 1), cycles=30, updates=10)
    cycle_through(strategy, range(8))
    state = strategy.state_dict()
    with pytest.raises(ValueError, match=r"stands where|beyond its 11 alphas"):
        strategy.load_state_dict({**state, part: change(state[part])})


def test_a_member_is_the_same_in_any_company():
    alone = cycle_through(agent((7,), cycles=30, updates=10), range(30))[0]
    company = cycle_through(agent((1, 2, 7, 3), cycles=30, updates=10), range(30))[0]
    assert np.array_equal(alone[:, 0], company[:, 2])
    assert not np.array_equal(alone[:, 0], company[:, 1])


def test_a_nan_in_its_networks_is_told_and_stops_that_member_alone():
    sound, sick = agent(range(3), cycles=30, updates=10), agent(range(3), cycles=30, updates=10)
    for strategy in (sound, sick):
        cycle_through(strategy, range(5))
    state = through_a_file(sick.state_dict())
    state["learner"]["networks"]["online"][1, 3] = float("nan")
    sick.load_state_dict(state)
    assert sick.diverged().tolist() == [False, True, False]
    sick.freeze(sick.diverged())
    expected, found = cycle_through(sound, range(5, 30))[0], cycle_through(sick, range(5, 30))[0]
    assert np.array_equal(expected[:, [0, 2]], found[:, [0, 2]])
    assert not sound.diverged().any()
