"""A member's numbers are its own: bit for bit the same whoever trains beside it, before and after a resumption."""

import numpy as np
import pytest

from tests.learners.agents import DOMAINS, population, through_a_file, train

SEED = 7
COMPANIES = ([2, 5, 7], [7, 5, 2], [*range(30, 49), 7, *range(60, 72)], [*range(30, 61), 7])


def story(seeds, functions, member):
    """All that a member did: weights, the optimiser's moments, losses, objectives, measures and replay."""
    agents = population(seeds, functions)
    summaries = train(agents, seeds, range(4), functions)
    evaluation = agents.evaluate(DOMAINS[functions])
    state = agents.state_dict()["learner"]
    numbers = [state["networks"][name][member] for name in ("online", "target", "mean", "square")]
    numbers += [state["replay"][name][member] for name in ("states", "outcomes", "masks", "priorities")]
    numbers += [part[member] for one in summaries for part in one[1:]]
    return [*numbers, *(part[member] for part in evaluation)]


@pytest.mark.parametrize("functions", [1, 2])
def test_a_member_is_bit_identical_in_any_company(functions):
    alone = story([SEED], functions, 0)
    for seeds in COMPANIES:
        company = story(seeds, functions, seeds.index(SEED))
        assert all(np.array_equal(own, theirs) for own, theirs in zip(alone, company, strict=True))


def test_members_differ_from_each_other_and_learn():
    agents = population([1, 2])
    before = agents.state_dict()["learner"]["networks"]["online"].copy()
    summaries = train(agents, [1, 2], range(4))
    after = agents.state_dict()["learner"]["networks"]["online"]
    assert not np.array_equal(after[0], after[1])
    assert all((after[member] != before[member]).mean() > 0.9 for member in range(2))
    assert np.isnan(summaries[0].loss).sum() == 0
    assert summaries[-1].loss[0] != summaries[-1].loss[1]


@pytest.mark.parametrize("functions", [1, 2])
def test_a_population_from_a_file_goes_on_bit_identically(functions):
    seeds = [3, 4, 5]
    whole, copy = population(seeds, functions), population(seeds, functions)
    train(whole, seeds, range(2), functions)
    train(copy, seeds, range(1), functions)  # something to overwrite
    copy.load_state_dict(through_a_file(whole.state_dict()))
    ahead, again = (train(agents, seeds, range(2, 4), functions) for agents in (whole, copy))
    for one, other in zip(ahead, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    states = [agents.state_dict()["learner"] for agents in (whole, copy)]
    assert np.array_equal(states[0]["networks"]["online"], states[1]["networks"]["online"])
    assert np.array_equal(states[0]["replay"]["states"], states[1]["replay"]["states"])


def test_a_members_nan_is_reported_and_leaves_the_others_bit_identical():
    seeds, others = [3, 4, 5], [0, 2]
    sound, sick = population(seeds), population(seeds)
    for agents in (sound, sick):
        train(agents, seeds, range(2))
    state = through_a_file(sick.state_dict())
    state["learner"]["networks"]["online"][1, 5] = float("nan")
    sick.load_state_dict(state)
    expected, found = (train(agents, seeds, range(2, 4)) for agents in (sound, sick))
    assert sound.diverged().tolist() == [False, False, False]
    assert sick.diverged().tolist() == [False, True, False]
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one.loss[others], other.loss[others])
        assert np.array_equal(one.objectives[others], other.objectives[others])
    evaluations = [agents.evaluate(DOMAINS[1]).measures[others] for agents in (sound, sick)]
    states = [agents.state_dict()["learner"]["networks"]["online"][others] for agents in (sound, sick)]
    assert np.array_equal(*evaluations)
    assert np.array_equal(*states)


@pytest.mark.parametrize("frozen", [[False, True, False], [True, False, True]])
def test_a_frozen_member_computes_nothing_and_the_others_go_on_bit_identically(frozen):
    seeds, frozen = [3, 4, 5], np.array(frozen)
    whole, part = population(seeds), population(seeds)
    for agents in (whole, part):
        train(agents, seeds, range(2))
    part.freeze(frozen)
    before = part.state_dict()["learner"]["networks"]["online"].copy()
    expected, found = (train(agents, seeds, range(2, 4)) for agents in (whole, part))
    after = [agents.state_dict()["learner"] for agents in (whole, part)]
    assert np.array_equal(after[1]["networks"]["online"][frozen], before[frozen])
    assert all(np.isnan(one.loss[frozen]).all() for one in found)
    for name in ("online", "target", "mean", "square"):
        assert np.array_equal(*(state["networks"][name][~frozen] for state in after))
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one.loss[~frozen], other.loss[~frozen])
    replicas = part.evaluate(DOMAINS[1]).measures[frozen]
    assert np.all(replicas == 1.0)  # the first choice, without a look at its networks
