"""The weight-adaptation agent lays its grid anew, finer, where it has seen the limit bracketed."""

import numpy as np
import pytest

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import alpha_of
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.strategies.protocol import CycleReport
from mamo_cli.strategies.wa_dqn.agent import WeightAdaptationAgent, last_bracket
from mamo_cli.strategies.wa_dqn.settings import AdaptationConfig
from tests.learners.agents import through_a_file

LEARNER = LearnerConfig(hidden=(8,), discount=0.0, replay_capacity=48)
ROOTS = np.array([[0.62, 0.27], [0.62, 0.94]])  # alpha at which each agent's violation falls to its limit


def agent_of(members=2, agents=2, **settings):
    adaptation = AdaptationConfig(**{"cycles": 80, "updates": 2, "alpha_step": 0.25, "refinements": 2, **settings})
    return WeightAdaptationAgent(adaptation, LEARNER, agents, [MemberStreams(seed, "wa") for seed in range(members)])


def played(agent, cycles, first=0, roots=ROOTS):
    """Alphas `(cycles, K, A)`; an agent's violation is .5 at its root and falls with alpha, its cost is alpha."""
    alphas = []
    for cycle in range(first, first + cycles):
        weights = agent.propose(cycle)
        alphas.append(alpha_of(weights))
        objectives = np.stack((alphas[-1], np.clip(0.5 + roots - alphas[-1], 0.0, 1.0)), -1)
        agent.observe(
            CycleReport(cycle, weights, objectives, np.zeros_like(objectives), np.full((len(roots[0]), 1), 0.5))
        )
    return np.stack(alphas)


def test_a_bracket_is_two_neighbours_both_known():
    unknown = np.nan
    assert last_bracket(np.array([0.9, 0.6, 0.4, 0.2]), 0.5) == 1
    assert last_bracket(np.array([0.9, 0.5, 0.4, 0.2]), 0.5) == 0  # at the limit is within it
    assert last_bracket(np.array([0.9, unknown, 0.4, 0.2]), 0.5) == -1
    assert last_bracket(np.array([0.4, 0.3, 0.2]), 0.5) == last_bracket(np.array([0.9, 0.8, 0.6]), 0.5) == -1
    assert last_bracket(np.array([0.9, 0.4, 0.6, 0.2]), 0.5) == 2  # of two the later: noise starves nobody


def test_the_grid_closes_in_on_every_agents_limit_and_is_refined_no_more_often_than_told():
    agent = agent_of()
    alphas = played(agent, 60)
    # 5 alphas .25 apart, then 5 between two of them, then 5 between two of those: 1/16 and 1/64 apart.
    low, high = agent._grid[..., 0], agent._grid[..., -1]
    assert (low <= ROOTS).all()
    assert (high >= ROOTS).all()
    assert (high - low == 1 / 16).all()
    assert (low <= alphas[-1]).all()
    assert (high >= alphas[-1]).all()
    assert (alphas[-1] * 64 == np.round(alphas[-1] * 64)).all()


def test_without_refinement_the_grid_stays():
    assert set(played(agent_of(refinements=0), 40)[1:].ravel().tolist()) == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_what_the_old_grid_brought_is_forgotten():
    agent = agent_of(members=1, agents=1, refinements=1)
    played(agent, 40, roots=ROOTS[:1, :1])
    # All transitions before the grid was laid anew have no priority; those after it have.
    priorities = agent._learner.replay._priorities()[0, : agent._learner.replay.size]
    forgotten = int((priorities == 0.0).sum())
    assert 1 < forgotten < len(priorities) - 5
    assert (priorities[:forgotten] == 0.0).all()
    assert (priorities[forgotten:] > 0.0).all()


@pytest.mark.parametrize("cut", [3, 15, 30])
def test_it_goes_on_as_if_nothing_had_happened(cut):
    whole, before, after = agent_of(), agent_of(), agent_of()
    expected = played(whole, 40)
    played(before, cut)
    after.propose(0)
    after.load_state_dict(through_a_file(before.state_dict()))
    assert np.array_equal(played(after, 40 - cut, first=cut), expected[cut:])


def test_a_member_refines_the_same_in_any_company():
    together = played(agent_of(), 30)
    alone = played(agent_of(members=1), 30, roots=ROOTS[:1])
    assert np.array_equal(together[:, :1], alone)


@pytest.mark.parametrize("moved", [0.4, -0.4])
def test_a_finer_grid_that_lost_the_limit_is_laid_anew(moved):
    agent = agent_of(epsilon=((0.0, 1.0),))
    played(agent, 60)
    roots = np.clip(ROOTS[:, ::-1] + moved, 0.05, 0.95)  # the conditions change: each root is elsewhere
    played(agent, 60, first=60, roots=roots)
    low, high = agent._grid[..., 0], agent._grid[..., -1]
    assert (low <= roots).all()
    assert (high >= roots).all()
    assert (high - low <= 0.25).all()
