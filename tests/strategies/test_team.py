"""A team's strategy is that of one agent, whatever the strategy: told once, and its weights are everybody's."""

import numpy as np
import pytest

from mamo_cli.strategies import registry
from mamo_cli.strategies.protocol import CycleReport
from tests.learners.agents import through_a_file
from tests.strategies.exact_learner import spec_of

ONE = spec_of([0.25])
TEAM = spec_of([0.25], [0.25], [0.25])._replace(team=True)
SEEDS = (3, 4)


def told(cycle, weights, agents):
    """What a made-up cycle brings: less violation at larger weights, the same for every agent."""
    violation = 0.6 - 0.5 * weights[:, :1, 1] + 0.05 * np.sin(7.0 * cycle + np.arange(2))[:, None]
    objectives = np.repeat(np.stack((1.0 - violation, violation), -1), agents, 1)
    return CycleReport(cycle, weights, objectives, np.full_like(objectives, 0.01), np.full((agents, 1), 0.25))


def played(strategy, agents, cycles):
    """Weights and own columns of some cycles."""
    rows = []
    for cycle in cycles:
        weights = strategy.propose(cycle)
        inside = strategy.within(weights, told(cycle, weights, agents).objectives, np.full((agents, 1), 0.25))
        columns = strategy.observe(told(cycle, weights, agents))
        rows.append([weights, inside, strategy.settled(), *(columns[name] for name in strategy.columns)])
    return rows


@pytest.mark.parametrize("name", registry.STRATEGIES)
def test_every_agent_of_a_team_has_what_a_single_agent_would_have(name):
    sections = registry.sections_of(name)
    one, team = (registry.build(name, sections, spec, SEEDS) for spec in (ONE, TEAM))
    assert team.columns == one.columns
    for alone, together in zip(played(one, 1, range(5)), played(team, 3, range(5)), strict=True):
        for own, every in zip(alone, together, strict=True):
            assert every.shape[:2] == (2, 3)
            np.testing.assert_array_equal(every, np.repeat(own, 3, 1))
    assert team.diverged().tolist() == [False, False]


@pytest.mark.parametrize("name", ["bisect", "random", "wa-dqn"])
def test_what_is_kept_goes_through_a_file(name):
    sections = registry.sections_of(name)
    whole, half, resumed = (registry.build(name, sections, TEAM, SEEDS) for _ in range(3))
    played(half, 3, range(3))
    resumed.propose(0)
    resumed.load_state_dict(through_a_file(half.state_dict()))
    for ours, theirs in zip(played(resumed, 3, range(3, 5)), played(whole, 3, range(5))[3:], strict=True):
        for own, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(own, other)


def test_agents_that_are_no_team_go_their_own_ways():
    apart = registry.build("random", registry.sections_of("random"), TEAM._replace(team=False), SEEDS)
    first, *others = apart.propose(1).swapaxes(0, 1)
    assert all((first != other).any() for other in others)
