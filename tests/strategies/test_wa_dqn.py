"""The weight-adaptation agent alone: a table of (cost, rejection) by alpha stands in for the task agents."""

import numpy as np
import pytest

from mamo_cli.strategies.protocol import CycleReport
from mamo_cli.strategies.wa_dqn import WeightAdaptationAgent, alpha_grid, wa_reward
from mamo_cli.core.settings import AdaptationConfig, MamoConfig
from mamo_cli.core.seeding import MemberStreams
from tests.learners.agents import through_a_file

LEARNER = MamoConfig().wa_learner
# Cost and rejection of a perfect task agent by alpha 0, 0.1, ..., 1: dearer and safer as alpha grows.
COST = np.array([0.1, 0.1, 0.1, 0.12, 0.2, 0.3, 0.38, 0.44, 0.5, 0.58, 1.0])
REJECTION = np.array([0.67, 0.67, 0.67, 0.6, 0.4, 0.2, 0.12, 0.08, 0.04, 0.015, 0.0])


def agent(seeds=(0, 1), functions=1, tolerance=0.05, **settings):
    adaptation = AdaptationConfig(**settings)
    return WeightAdaptationAgent(adaptation, LEARNER, tolerance, functions, [MemberStreams(s, "wa") for s in seeds])


def cycle_through(strategy, cycles):
    """Play cycles against the table; returns the alphas `(cycles, K, F)` and the rewards."""
    alphas, rewards = [], []
    for cycle in cycles:
        alphas.append(strategy.propose(cycle))
        place = np.rint(alphas[-1] * 10).astype(int)
        rewards.append(strategy.observe(CycleReport(cycle, alphas[-1], COST[place], REJECTION[place])))
    return np.array(alphas), np.array(rewards)


def test_the_reward_is_zero_beyond_the_tolerance_and_larger_for_the_cheaper():
    cost = np.array([[0.0, 0.4, 0.5, 1.0]])
    rejection = np.array([[0.051, 0.05, 0.01, 0.0]])
    # 0.051 > 0.05: 0, however cheap. Exactly at the tolerance is feasible: 1 - 0.4 + 0.1 = 0.7; then 0.6; and 0.1,
    # still above 0, for the dearest.
    np.testing.assert_allclose(wa_reward(cost, rejection, 0.05, 0.1), [[0.0, 0.7, 0.6, 0.1]])
    np.testing.assert_allclose(wa_reward(cost, rejection, 0.05, 0.5), [[0.0, 1.1, 1.0, 0.5]])


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
    assert np.all(agent(functions=3, initial_alpha=0.35).propose(0) == np.full((2, 3), 0.35))


@pytest.mark.parametrize("functions", [1, 3])
def test_exploration_tries_every_alpha_once_a_round_in_an_order_of_its_own(functions):
    strategy = agent((0, 1), functions, cycles=100, epsilon=((0.0, 1.0),))
    alphas = np.array([strategy.propose(cycle) for cycle in range(1, 34)])
    rounds = alphas.reshape(3, 11, 2, functions)
    assert np.all(np.sort(rounds, axis=1) == alpha_grid(0.1)[:, None, None])
    assert not np.array_equal(rounds[0], rounds[1])
    assert not np.array_equal(alphas[:, 0], alphas[:, 1])  # members have orders of their own


def test_greedy_cycles_use_up_no_exploratory_alpha():
    strategy = agent((0,), cycles=100, epsilon=((0.0, 1.0), (0.1, 1.0), (0.1, 0.0), (0.5, 0.0), (0.5, 1.0)))
    first = [strategy.propose(cycle).item() for cycle in range(1, 6)]
    greedy = [strategy.propose(cycle).item() for cycle in range(20, 30)]
    rest = [strategy.propose(cycle).item() for cycle in range(60, 66)]
    assert set(greedy) == {strategy.best().item()}
    assert sorted(first + rest) == alpha_grid(0.1).tolist()


def test_epsilon_follows_its_schedule_over_the_cycles():
    strategy = agent(cycles=50, epsilon=((0.0, 1.0), (0.4, 0.5), (0.8, 0.0)))
    # Cycle 10 is 0.2 of the way: half way from 1 to 0.5. Cycle 30 is 0.6: half way from 0.5 to 0.
    assert [strategy.epsilon(cycle) for cycle in (0, 10, 20, 30, 40, 49)] == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0])


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
    strategy = agent(range(4), tolerance=tolerance, cycles=40)
    alphas, rewards = cycle_through(strategy, range(40))
    # One cell of the table below the next is 0.06 to 0.42 of reward: no tie.
    assert strategy.best().ravel().tolist() == [best] * 4
    assert np.all(alphas[-1] == best)
    assert np.all(rewards[-1] == rewards.max())


@pytest.mark.slow
def test_every_function_learns_an_alpha_of_its_own():
    strategy = agent((0, 1), functions=2, cycles=60)
    for cycle in range(60):
        alpha = strategy.propose(cycle)
        place = np.rint(alpha * 10).astype(int)
        rejection = REJECTION[place] * [1.0, 0.5]  # the second function is easier: 0.7 is enough
        strategy.observe(CycleReport(cycle, alpha, COST[place], rejection))
    assert strategy.best().tolist() == [[0.8, 0.7]] * 2


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
        ("state", lambda saved: saved.double()),
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
