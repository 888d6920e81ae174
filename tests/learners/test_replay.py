"""The replay: what is kept, with which probability it is drawn. An observation is its own index."""

import numpy as np
import pytest
from scipy import stats

from mamo_cli.learners.dqn import equations, kernels
from mamo_cli.training.agents import reward_weights
from mamo_cli.learners.dqn.replay import PrioritisedReplay
from tests.learners.agents import through_a_file


def made(members=1, capacity=8):
    return PrioritisedReplay(members, capacity, 1, branches=1, actions=7, objectives=2)


def add(replay, numbers, members=1, continues=1.0):
    """Store transitions whose every field tells its number."""
    seen = np.tile(np.array(numbers, dtype=np.float32), (members, 1))[..., None]
    actions = (seen % 7).astype(np.int64)
    objectives = np.stack((seen / 100, seen / 50), -1, dtype=np.float64)
    replay.add(seen, actions, objectives, seen + 0.5, np.full(seen.shape[:2], continues, dtype=np.float32))


def sample(replay, uniforms):
    """Places, probability, states before, states after and outcomes of a batch."""
    places, probability, states, outcomes = kernels.sample_members(replay.memory, uniforms)
    size = uniforms.shape[1]
    return places, probability, states[:, :size, 0], states[:, size:, 0], outcomes


def spread(count, members=1):
    """Uniforms that draw each of `count` equally likely transitions once."""
    return np.full((members, count), 0.5)


def test_every_field_of_a_drawn_transition_belongs_to_it():
    replay = made(2, 16)
    add(replay, range(10), members=2)
    _, probability, before, after, outcomes = sample(replay, spread(10, 2))
    assert before.tolist() == [list(range(10))] * 2
    np.testing.assert_allclose(after, before + 0.5)
    np.testing.assert_allclose(outcomes, np.stack((before % 7, before / 100, before / 50, before**0), -1), rtol=1e-6)
    np.testing.assert_allclose(probability, 0.1)


def test_the_oldest_are_overwritten_first():
    replay = made(capacity=10)
    for start in range(0, 20, 4):  # 4 does not divide 10: the third addition goes round the corner
        add(replay, range(start, start + 4))
    assert replay.size == 10
    assert sorted(sample(replay, spread(10))[2][0].tolist()) == list(range(10, 20))


def test_only_what_is_stored_is_drawn_however_large_the_replay():
    replay = made(capacity=5000)
    add(replay, range(1, 4))
    before = sample(replay, np.random.default_rng(0).random((1, 300)))[2]
    assert replay.size == 3
    assert set(before[0].tolist()) == {1.0, 2.0, 3.0}


def test_an_end_is_remembered_as_an_end():
    replay = made()
    add(replay, [0, 1])
    add(replay, [2, 3], continues=0.0)
    assert sample(replay, spread(4))[-1][0, :, -1].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_newcomers_have_the_largest_priority_seen():
    replay = made()
    add(replay, [0, 1])
    kernels.prioritise_members(replay.memory, np.array([[0, 1]]), np.array([[5.0, 1.0]]))
    kernels.prioritise_members(replay.memory, np.array([[0]]), np.array([[2.0]]))
    add(replay, [2])
    # Priorities 2, 1 and, for the newcomer, 5: the largest ever, though none has it now.
    places, probability, *_ = sample(replay, spread(8))
    shares = dict(zip(places[0].tolist(), probability[0].tolist(), strict=True))
    np.testing.assert_allclose([shares[i] for i in range(3)], [0.25, 0.125, 0.625])


def test_a_new_alpha_weighs_what_was_stored_before_it():
    replay = made()
    add(replay, [10, 20])  # (cost, rejection) = (0.1, 0.2) and (0.2, 0.4)
    kept = sample(replay, spread(2))[-1][0, :, 1:3]
    weights = [reward_weights(np.array([[alpha]]))[0, 0] for alpha in (0.0, 0.5, 1.0)]
    rewards = [[equations.scalarize(objectives, weight) for objectives in kept] for weight in weights]
    # -(1 - alpha) cost - alpha rejection, by hand:
    np.testing.assert_allclose(rewards, [[-0.1, -0.2], [-0.15, -0.3], [-0.2, -0.4]], rtol=1e-6)


def prioritised(seed):
    replay = made(capacity=40)
    add(replay, range(40))
    priorities = np.random.default_rng(seed).uniform(0.1, 2.0, 40)
    kernels.prioritise_members(replay.memory, np.arange(40)[None], priorities[None])
    return replay, priorities / priorities.sum()


def test_single_draws_follow_the_priorities():
    replay, share = prioritised(seed=0)
    uniforms = np.random.default_rng(1).random((8000, 1, 1))  # one stratum: independent draws
    drawn = np.array([sample(replay, uniform)[0].item() for uniform in uniforms])
    found = stats.chisquare(np.bincount(drawn, minlength=40), share * len(drawn))
    assert 1e-3 < found.pvalue < 1 - 1e-3


def test_stratified_draws_follow_the_priorities_within_their_stratum():
    # Draws of different strata are not alike, and counts over all of them scatter less than a multinomial's. Within
    # stratum j a draw is multinomial: leaf i with the share of [j/B, (j+1)/B] that its part of the running sum covers.
    replay, share = prioritised(seed=2)
    strata, batches = 8, 2500
    uniforms = np.random.default_rng(3).random((batches, 1, strata))
    drawn = np.array([sample(replay, uniform)[0][0] for uniform in uniforms])
    ends = np.cumsum(share)
    edges = np.arange(strata + 1)[:, None] / strata
    covered = np.diff(np.clip(edges, ends - share, ends) - (ends - share), axis=0) * strata  # (strata, leaves)
    statistic, freedom = 0.0, 0
    for stratum in range(strata):
        possible = covered[stratum] > 1e-12
        count = np.bincount(drawn[:, stratum], minlength=40)
        assert not count[~possible].any()
        expected = batches * covered[stratum][possible]
        statistic += ((count[possible] - expected) ** 2 / expected).sum()
        freedom += possible.sum() - 1
    assert 1e-3 < stats.chi2.sf(statistic, freedom) < 1 - 1e-3


@pytest.mark.parametrize("stored", [3, 40, 50])
def test_a_copy_from_the_state_draws_the_same(stored):
    replay, copy = made(2, 40), made(2, 40)
    add(copy, range(7), 2)  # something to overwrite
    for number in range(stored):
        add(replay, [number], 2)
    places, _, *_ = sample(replay, spread(32, 2))
    kernels.prioritise_members(replay.memory, places, np.random.default_rng(4).uniform(0.1, 9.0, places.shape))
    copy.load_state_dict(through_a_file(replay.state_dict()))
    for each in (replay, copy):
        add(each, [100, 101, 102], 2)
    uniforms = np.random.default_rng(5).random((2, 64))
    assert np.array_equal(replay.memory.sums, copy.memory.sums)
    for one, other in zip(sample(replay, uniforms), sample(copy, uniforms), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("outcomes", lambda kept: kept.index_fill(2, kept.new_tensor([0]).long(), 7.0), "actions beyond 0..6"),
        ("outcomes", lambda kept: kept.index_fill(2, kept.new_tensor([0]).long(), -1.0), "actions beyond 0..6"),
        ("outcomes", lambda kept: kept * float("nan"), "actions beyond 0..6"),
        ("priorities", lambda kept: kept[:1], "stands where"),
        ("states", lambda kept: kept[:, :, :1], "stands where"),
        ("size", lambda _: 41, "cannot hold 41"),
        ("size", lambda _: 5, "stands where"),
        ("size", lambda _: 10.0, "whole numbers"),
        ("next", lambda _: 40, "go on at 40"),
        ("next", lambda _: -1, "go on at -1"),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(name, change, complaint):
    replay = made(2, 40)
    add(replay, range(10), 2)
    state = replay.state_dict()
    with pytest.raises(ValueError, match=complaint):
        replay.load_state_dict({**state, name: change(state[name])})
