"""The replay: what is kept, with which probability it is drawn. An observation is its own index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mamo_cli.core.seam import Seen
from mamo_cli.core.weights import scalarize, weights_of
from mamo_cli.learners.dqn import double_q
from mamo_cli.learners.dqn.replay import (
    PrioritisedReplay,
    make_population_sample,
    pack,
    prioritise_population,
    successor,
    unpack,
)
from mamo_cli.learners.protocol import Shape
from tests.learners.agents import everything, outcome, through_a_file

SHAPE = Shape(observation=1, agents=1, choices=7, objectives=2)


def made(members=1, capacity=8):
    return PrioritisedReplay(members, capacity, SHAPE)


def allowed_after(numbers):
    """What may be chosen after the transition of a number: choice c where c + number is even."""
    return (np.arange(7) + np.asarray(numbers)[..., None]) % 2 == 0


def add(replay, numbers, members=1, continues=1.0, over=False):
    """Store transitions whose every field tells its number."""
    seen = np.tile(np.array(numbers, dtype=np.float32), (members, 1))[..., None]
    actions = (seen % 7).astype(np.int64)
    objectives = np.stack((seen / 100, seen / 50), -1, dtype=np.float64)
    shape, after = seen.shape[:2], Seen((seen + 0.5)[..., None], allowed_after(seen))
    step = outcome(objectives, after, np.full(shape, continues, dtype=np.float32), np.full(shape, over))
    replay.add(everything(seen[..., None], 7), actions, step)


def sample(replay, uniforms):
    """A batch of every member under a discount of 1."""
    return make_population_sample(double_q.follow)(replay.memory, uniforms, 1.0, SHAPE.choices, SHAPE.objectives)


def spread(count, members=1):
    """Uniforms that draw each of `count` equally likely transitions once."""
    return np.full((members, count), 0.5)


def test_every_field_of_a_drawn_transition_belongs_to_it():
    replay = made(2, 16)
    add(replay, range(10), members=2)
    batch = sample(replay, spread(10, 2))
    before, after = batch.states[:, :10, 0], batch.states[:, 10:, 0]
    assert before.tolist() == [list(range(10))] * 2
    np.testing.assert_allclose(after, before + 0.5)
    np.testing.assert_array_equal(batch.actions[..., 0], before % 7)
    np.testing.assert_allclose(batch.objectives[:, :, 0], np.stack((before / 100, before / 50), -1), rtol=1e-6)
    np.testing.assert_array_equal(batch.allowed[:, :, 0], allowed_after(before))
    np.testing.assert_allclose(batch.discounts, 1.0)
    np.testing.assert_allclose(batch.probability, 0.1)


def test_the_oldest_are_overwritten_first():
    replay = made(capacity=10)
    for start in range(0, 20, 4):  # 4 does not divide 10: the third addition goes round the corner
        add(replay, range(start, start + 4))
    assert replay.size == 10
    assert sorted(sample(replay, spread(10)).states[0, :10, 0].tolist()) == list(range(10, 20))


def test_only_what_is_stored_is_drawn_however_large_the_replay():
    replay = made(capacity=5000)
    add(replay, range(1, 4))
    before = sample(replay, np.random.default_rng(0).random((1, 300))).states[0, :300, 0]
    assert replay.size == 3
    assert set(before.tolist()) == {1.0, 2.0, 3.0}


def test_an_end_is_remembered_as_an_end():
    replay = made()
    add(replay, [0, 1])
    add(replay, [2, 3], continues=0.0)
    assert sample(replay, spread(4)).discounts[0].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_newcomers_have_the_largest_priority_seen():
    replay = made()
    add(replay, [0, 1])
    prioritise_population(replay.memory, np.array([[0, 1]]), np.array([[5.0, 1.0]]))
    prioritise_population(replay.memory, np.array([[0]]), np.array([[2.0]]))
    add(replay, [2])
    # Priorities 2, 1 and, for the newcomer, 5: the largest ever, though none has it now.
    batch = sample(replay, spread(8))
    shares = dict(zip(batch.places[0].tolist(), batch.probability[0].tolist(), strict=True))
    np.testing.assert_allclose([shares[i] for i in range(3)], [0.25, 0.125, 0.625])


def test_a_new_alpha_weighs_what_was_stored_before_it():
    replay = made()
    add(replay, [10, 20])  # (cost, rejection) = (0.1, 0.2) and (0.2, 0.4)
    kept = sample(replay, spread(2)).objectives[0, :, 0]
    weights = [weights_of(np.array(alpha)) for alpha in (0.0, 0.5, 1.0)]
    rewards = [[scalarize(objectives, weight) for objectives in kept] for weight in weights]
    # -(1 - alpha) cost - alpha rejection, by hand:
    np.testing.assert_allclose(rewards, [[-0.1, -0.2], [-0.15, -0.3], [-0.2, -0.4]], rtol=1e-6)


def prioritised(seed):
    replay = made(capacity=40)
    add(replay, range(40))
    priorities = np.random.default_rng(seed).uniform(0.1, 2.0, 40)
    prioritise_population(replay.memory, np.arange(40)[None], priorities[None])
    return replay, priorities / priorities.sum()


def test_single_draws_follow_the_priorities():
    replay, share = prioritised(seed=0)
    uniforms = np.random.default_rng(1).random((8000, 1, 1))  # one stratum: independent draws
    drawn = np.array([sample(replay, uniform).places.item() for uniform in uniforms])
    found = stats.chisquare(np.bincount(drawn, minlength=40), share * len(drawn))
    assert 1e-3 < found.pvalue < 1 - 1e-3


def test_stratified_draws_follow_the_priorities_within_their_stratum():
    # Draws of different strata are not alike, and counts over all of them scatter less than a multinomial's. Within
    # stratum j a draw is multinomial: leaf i with the share of [j/B, (j+1)/B] that its part of the running sum covers.
    replay, share = prioritised(seed=2)
    strata, batches = 8, 2500
    uniforms = np.random.default_rng(3).random((batches, 1, strata))
    drawn = np.array([sample(replay, uniform).places[0] for uniform in uniforms])
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
    places = sample(replay, spread(32, 2)).places
    prioritise_population(replay.memory, places, np.random.default_rng(4).uniform(0.1, 9.0, places.shape))
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
        ("outcomes", lambda kept: kept * 0 + 7.0, "choices beyond 0..6"),
        ("outcomes", lambda kept: kept * 0 - 1.0, "choices beyond 0..6"),
        ("outcomes", lambda kept: kept * np.float32("nan"), "choices beyond 0..6"),
        ("priorities", lambda kept: kept[:1], "stands where"),
        ("states", lambda kept: kept[:, :, :1], "stands where"),
        ("masks", lambda kept: kept[:, :, :, :0], "stands where"),
        ("ring", lambda kept: kept + np.array([0, 31, 0]), "cannot hold 41"),
        ("ring", lambda kept: kept - np.array([0, 5, 0]), "stands where"),
        ("ring", lambda kept: kept.astype(np.float64), "stands where"),
        ("ring", lambda kept: kept + np.array([30, 0, 0]), "go on at 40"),
        ("ring", lambda kept: kept - np.array([11, 0, 0]), "go on at -1"),
        ("ring", lambda kept: kept + np.array([0, 0, 31]), "go on at 10"),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(name, change, complaint):
    replay = made(2, 40)
    add(replay, range(10), 2)
    state = replay.state_dict()
    with pytest.raises(ValueError, match=complaint):
        replay.load_state_dict({**state, name: change(state[name])})


@given(st.integers(1, 3), st.integers(1, 200), st.integers(0, 99))
def test_a_mask_comes_back_from_its_bits(agents, choices, seed):
    mask = np.random.default_rng(seed).random((agents, choices)) < 0.5
    replay = PrioritisedReplay(1, 3, Shape(1, agents, choices, 1))
    replay.keep_masks()
    memory = replay.memory
    pack(mask, memory.masks[0, 2])
    found = np.tile(~mask, (2, 1, 1))
    unpack(memory, 0, np.array([2, 1]), found, np.empty(2, dtype=np.int64))
    assert np.array_equal(found[0], mask)
    assert found[1].all()


def chain(replay, place):
    """Numbers of a transition and those after it, as far as they go on."""
    numbers = []
    while place >= 0:
        numbers.append(replay.memory.states[0, place, 0, 0].item())
        place = successor(replay.memory, 0, place)
    return numbers


def test_a_transition_is_followed_by_the_next_of_its_own_copy():
    replay = made(capacity=10)
    for start in (0, 10, 20):  # three copies of the environment: 0 1 2, then 10 11 12, then 20 21 22
        add(replay, range(start, start + 3))
    assert [chain(replay, place) for place in (0, 1, 5, 8)] == [[0, 10, 20], [1, 11, 21], [12, 22], [22]]
    add(replay, [30, 31, 32])  # goes round: 31 and 32 stand where 0 and 1 were
    assert chain(replay, 3) == [10, 20, 30]
    assert chain(replay, 2) == [2, 12, 22, 32]
    assert chain(replay, 0) == [31]  # the newest has none, though an older one stands three places on


def test_nothing_follows_an_episode_that_is_over_however_it_ended():
    replay = made(capacity=12)
    add(replay, [0, 1])
    add(replay, [10, 11], over=True)  # cut short: it continues, but not here
    add(replay, [20, 21], continues=0.0, over=True)
    add(replay, [30, 31])
    assert [chain(replay, place) for place in (0, 2, 4, 6)] == [[0, 10], [10], [20], [30]]


def test_other_environments_do_not_go_on_where_the_last_ones_stopped():
    replay = made(capacity=12)
    add(replay, [0, 1])
    add(replay, [10, 11])
    add(replay, [20, 21, 22])
    assert [chain(replay, place) for place in (0, 1, 4)] == [[0, 10], [1, 11], [20]]


def test_masks_take_room_from_the_first_that_forbids_something_and_none_is_lost():
    replay, free = made(capacity=16), np.ones((1, 2, 1, 7), dtype=np.bool_)
    values = np.zeros((1, 2, 1, 1), dtype=np.float32)
    seen, actions, nothing = everything(values, 7), np.zeros((1, 2, 1), dtype=np.int64), np.zeros((1, 2, 1, 2))
    forbids = free.copy()
    forbids[0, 1, 0, 3] = False
    for mask in (free, free, forbids, free):
        assert replay.memory.masks.shape[1] == (16 if mask is free and replay.size > 4 else 1)
        replay.add(seen, actions, outcome(nothing, Seen(values, mask)))
    copy = made(capacity=16)
    copy.load_state_dict(through_a_file(replay.state_dict()))
    for each in (replay, copy):
        allowed = sample(each, spread(8)).allowed[0, :, 0]
        assert allowed.sum(-1).tolist() == [7, 7, 7, 7, 7, 6, 7, 7]
        assert not allowed[5, 3]
    replay.load_state_dict(through_a_file(made(capacity=16).state_dict()))
    assert replay.memory.masks.shape[1] == 1
