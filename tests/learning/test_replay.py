"""The replay: what is kept, with which probability it is drawn. An observation is its own index."""

import numpy as np
import torch
from scipy import stats

from mamo_cli.learning.equations import scalarize
from mamo_cli.learning.population import reward_weights
from mamo_cli.learning.replay import PrioritisedReplay


def add(replay, numbers, members=1, continues=1.0):
    """Store transitions whose every field tells its number."""
    seen = torch.tensor(numbers, dtype=torch.float32).expand(members, -1)[..., None]
    actions = (seen % 7).to(torch.int64)
    objectives = torch.stack((seen / 100, seen / 50), -1)
    replay.add(seen, actions, objectives, seen + 0.5, torch.full(seen.shape[:2], continues))


def spread(count, members=1):
    """Uniforms that draw each of `count` equally likely transitions once."""
    return torch.full((members, count), 0.5, dtype=torch.float64)


def test_every_field_of_a_drawn_transition_belongs_to_it():
    replay = PrioritisedReplay(2, 16, 1, 1, 2)
    add(replay, range(10), members=2)
    batch = replay.sample(spread(10, 2))
    numbers = batch.states[:, :10, 0]
    assert numbers.tolist() == [list(range(10))] * 2
    torch.testing.assert_close(batch.states[:, 10:, 0], numbers + 0.5)
    assert torch.equal(batch.actions[..., 0], (numbers % 7).to(torch.int64))
    torch.testing.assert_close(batch.objectives[:, :, 0], torch.stack((numbers / 100, numbers / 50), -1))
    assert torch.all(batch.continues == 1.0)
    torch.testing.assert_close(batch.probability, torch.full((2, 10), 0.1))


def test_the_oldest_are_overwritten_first():
    replay = PrioritisedReplay(1, 10, 1, 1, 2)
    for start in range(0, 20, 4):  # 4 does not divide 10: the third addition goes round the corner
        add(replay, range(start, start + 4))
    kept = replay.sample(spread(10)).states[0, :10, 0]
    assert replay.size == 10
    assert sorted(kept.tolist()) == list(range(10, 20))


def test_only_what_is_stored_is_drawn_however_large_the_replay():
    replay = PrioritisedReplay(1, 5000, 1, 1, 2)
    add(replay, range(1, 4))
    batch = replay.sample(torch.from_numpy(np.random.default_rng(0).random((1, 300))))
    assert replay.size == 3
    assert set(batch.states[0, :300, 0].tolist()) == {1.0, 2.0, 3.0}


def test_an_end_is_remembered_as_an_end():
    replay = PrioritisedReplay(1, 8, 1, 1, 2)
    add(replay, [0, 1])
    add(replay, [2, 3], continues=0.0)
    assert replay.sample(spread(4)).continues.tolist() == [[1.0, 1.0, 0.0, 0.0]]


def test_newcomers_have_the_largest_priority_seen():
    replay = PrioritisedReplay(1, 8, 1, 1, 2)
    add(replay, [0, 1])
    replay.set_priorities(torch.tensor([[0, 1]]), torch.tensor([[5.0, 1.0]]))
    replay.set_priorities(torch.tensor([[0]]), torch.tensor([[2.0]]))
    add(replay, [2])
    # Priorities 2, 1 and, for the newcomer, 5: the largest ever, though none has it now.
    batch = replay.sample(spread(8))
    shares = {int(i): float(p) for i, p in zip(batch.indices[0], batch.probability[0], strict=True)}
    np.testing.assert_allclose([shares[i] for i in range(3)], [0.25, 0.125, 0.625])


def test_a_new_alpha_weighs_what_was_stored_before_it():
    replay = PrioritisedReplay(1, 8, 1, 1, 2)
    add(replay, [10, 20])  # (cost, rejection) = (0.1, 0.2) and (0.2, 0.4)
    drawn = replay.sample(spread(2)).objectives
    rewards = [scalarize(drawn, reward_weights(np.array([[alpha]]))).flatten() for alpha in (0.0, 0.5, 1.0)]
    # -(1 - alpha) cost - alpha rejection, by hand:
    expected = torch.tensor([[-0.1, -0.2], [-0.15, -0.3], [-0.2, -0.4]])
    torch.testing.assert_close(torch.stack(rewards), expected)


def prioritised(seed):
    replay = PrioritisedReplay(1, 40, 1, 1, 2)
    add(replay, range(40))
    priorities = np.random.default_rng(seed).uniform(0.1, 2.0, 40)
    replay.set_priorities(torch.arange(40)[None], torch.from_numpy(priorities)[None])
    return replay, priorities / priorities.sum()


def test_single_draws_follow_the_priorities():
    replay, share = prioritised(seed=0)
    uniforms = torch.from_numpy(np.random.default_rng(1).random((8000, 1, 1)))  # one stratum: independent draws
    drawn = np.array([replay.sample(uniform).indices.item() for uniform in uniforms])
    found = stats.chisquare(np.bincount(drawn, minlength=40), share * len(drawn))
    assert 1e-3 < found.pvalue < 1 - 1e-3


def test_stratified_draws_follow_the_priorities_within_their_stratum():
    # Draws of different strata are not alike, and counts over all of them scatter less than a multinomial's. Within
    # stratum j a draw is multinomial: leaf i with the share of [j/B, (j+1)/B] that its part of the running sum covers.
    replay, share = prioritised(seed=2)
    strata, batches = 8, 2500
    uniforms = torch.from_numpy(np.random.default_rng(3).random((batches, 1, strata)))
    drawn = np.array([replay.sample(uniform).indices[0].numpy() for uniform in uniforms])
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


def test_a_copy_from_the_state_draws_the_same():
    replay, _ = prioritised(seed=4)
    copy = PrioritisedReplay(1, 40, 1, 1, 2)
    copy.load_state_dict(replay.state_dict())
    for store in (replay, copy):
        add(store, [100, 101, 102])
    uniforms = torch.from_numpy(np.random.default_rng(5).random((1, 64)))
    assert all(torch.equal(a, b) for a, b in zip(replay.sample(uniforms), copy.sample(uniforms), strict=True))
