"""Many worlds to train in: which there are, that each copy plays its own, and that nobody else's numbers move."""

import numpy as np
import pytest
from scipy.stats import qmc

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Copy, Part, Shift
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains import registry
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.conditions import RandomiseConfig
from mamo_cli.training.settings import PhaseConfig
from mamo_cli.training.shards import build_shard
from mamo_cli.training.worlds import BASES, Together, Worlds, one_world, shifts, van_der_corput
from mamo_cli.workload.trace import Trace
from tests.learners.agents import through_a_file
from tests.training.runs import mamo_spec, rounds_of

RANGES = RandomiseConfig(service=(0.7, 1.4), noise=(0.5, 1.5))
# Ten requests a second on replicas that take .1 s: a load of 1 on a node of two replicas, and no noise.
RATES = np.full((8, 1), 10.0)
NODE = build(
    InstanceConfig(rejection_model="erlang", warm_service_time=0.1, noise=0.0, max_replicas=2),
    Trace(("f0",), RATES, RATES, period_steps=8),
)


def test_points_are_those_of_scipys_sequence():
    ours = np.stack([van_der_corput(base, 50) for base in BASES], 1)
    np.testing.assert_allclose(ours, qmc.Halton(4, scramble=False).random(50), rtol=0, atol=1e-15)


def test_worlds_lie_where_the_ranges_say():
    """By hand: 0, 1/2, 1/4, 3/4 and 0, 1/3, 2/3, 1/9, an eighth further up; the first range there is has base 2."""
    config = RandomiseConfig(noise=(1.0, 3.0), load=(0.8, 1.6))
    told = [(one.load, one.noise) for one in shifts(config, 4)]
    by_hand = [(0.9, 1.25), (1.3, 1 + 11 / 12), (1.1, 1 + 19 / 12), (1.5, 1 + 17 / 36)]
    np.testing.assert_allclose(told, by_hand, rtol=1e-12)
    assert {(one.service, one.shape, one.cap, one.tolerance) for one in shifts(config, 4)} == {(1.0, 1.0, None, None)}


@pytest.mark.parametrize(
    ("domain", "settings"),
    [
        ("faas", {}),
        ("faas", {"rejection_model": "simulation"}),
        ("faas", {"shield": 0.05}),
        ("inventory", {}),
        ("battery", {}),
    ],
)
def test_copies_by_themselves_are_together_what_they_are_in_one(domain, settings):
    instance = registry.about(domain).SETTINGS(**settings)
    whole = registry.build(domain, instance, registry.load_source(domain, instance))
    one, streams = whole.environment(Part.TRAINING, 2, 3), [MemberStreams(seed, "te") for seed in range(2)]
    together = Together([whole.environment(Part.TRAINING, 2, Copy(e, 3)) for e in range(3)])
    choices = np.random.default_rng(0)
    for draw in together.draw(30, streams):
        actions = choices.integers(0, min(whole.spec.choices), (2, 3, 1))
        ours, theirs = together.step(actions, draw), one.step(actions, stacked(draw))
        for name in ("objectives", "paid", "measures", "continues", "over"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        np.testing.assert_array_equal(ours.seen.values, theirs.seen.values)
        np.testing.assert_array_equal(ours.seen.mask, theirs.seen.mask)
        np.testing.assert_array_equal(together.observe().values, one.observe().values)


def stacked(draws):
    """The draws of copies by themselves as those of all in one."""
    if isinstance(draws[0], tuple):
        return tuple(stacked(part) for part in zip(*draws, strict=True))
    return None if draws[0] is None else np.ascontiguousarray(np.concatenate(draws, 1))


def test_where_nothing_differs_there_is_one_world_and_not_a_bit_moves():
    alike = RandomiseConfig(service=(1.0, 1.0), load=(1.0, 1.0), noise=(1.0, 1.0), shape=(1.0, 1.0))
    assert rounds_of(build_shard(mamo_spec([3], randomise=alike))) == rounds_of(build_shard(mamo_spec([3])))


def test_a_range_of_next_to_nothing_has_a_world_a_copy_all_the_same():
    worlds = Worlds(RandomiseConfig(service=(1.0, 1.0 + 4e-16)))
    assert len(worlds.of(NODE, 8)) == 8
    assert worlds(NODE, 1, 8).observe().values.shape == (1, 8, 1, 4)
    assert worlds.of(NODE, 8) is worlds.of(NODE, 8)


def test_every_copy_plays_its_own_world():
    """Erlang-B with one replica is a / (1 + a): service times times 1.25 and 1.75 are loads of 1.25 and 1.75."""
    environment = Worlds(RandomiseConfig(service=(1.0, 2.0)))(NODE, 2, 2)
    brought = environment.step(np.zeros((2, 2, 1), dtype=np.int64))
    np.testing.assert_allclose(brought.objectives[..., 0, 1], [[5 / 9, 7 / 11]] * 2, atol=1e-4)
    np.testing.assert_array_equal(brought.paid, np.ones((2, 2, 1)))


def test_what_agents_see_keeps_its_scale():
    """Of the configured 10 requests/s; the load is multiplied by 1.125 and 1.375 where the copies stand."""
    seen = Worlds(RandomiseConfig(load=(1.0, 1.5)))(NODE, 1, 2).observe()
    np.testing.assert_allclose(seen.values[0, :, 0, 0], [1.125, 1.375], rtol=1e-6)


class OneReplica:
    """A learner whose policies all choose one replica."""

    def act(self, seen, policies):
        return np.zeros(seen.mask.shape[:3], dtype=np.int64)


def test_a_policy_is_played_again_in_all_worlds():
    """The mean of what one replica rejects in the two; see above."""
    phase = PhaseConfig(iterations=1, iteration_steps=4, window=1, environments=2)
    worlds = Worlds(RandomiseConfig(service=(1.0, 2.0)))
    agents = TaskAgents(NODE, OneReplica(), phase, [MemberStreams(0, "te")], worlds)
    measured = agents.replayed(np.zeros((1, 1, 1)))
    np.testing.assert_allclose(measured[0, 0, 0], [0.5, (5 / 9 + 7 / 11) / 2], atol=1e-4)


def test_members_do_not_depend_on_their_neighbours():
    alone, both = (rounds_of(build_shard(mamo_spec(seeds, randomise=RANGES))) for seeds in ([4], [3, 4]))
    for table in ("training", "cycles", "evaluation"):
        own = [row for one in both for row in one[table] if row[0] == 4]
        assert own == [row for one in alone for row in one[table]]
        assert own


def test_what_differs_changes_what_is_learnt_and_resumes_exactly():
    spec = mamo_spec([3], randomise=RANGES)
    loop, copy = build_shard(spec), build_shard(spec)
    first = loop.advance()
    copy.load_state_dict(through_a_file(loop.state_dict()))
    rest = rounds_of(loop)
    assert rounds_of(copy) == rest
    assert [first, *rest] != rounds_of(build_shard(mamo_spec([3])))


def test_the_limits_stay_as_they_are_configured():
    assert {world.spec.limits.item() for world in Worlds(RANGES).of(build(InstanceConfig(), one_day()), 4)} == {0.05}


def one_day():
    return registry.load_source("faas", InstanceConfig())


def test_nothing_shifts_where_nothing_can():
    settings = registry.about("gridworld").SETTINGS()
    walk = registry.build("gridworld", settings, registry.load_source("gridworld", settings))
    with pytest.raises(UsageError, match="nothing of a walker can shift"):
        Worlds(RANGES)(walk, 1, 2)


def test_one_world_is_the_domains_training():
    seen = one_world(NODE, 1, 2).observe()
    assert seen.values.tobytes() == NODE.environment(Part.TRAINING, 1, 2).observe().values.tobytes()
    assert shifts(RandomiseConfig(), 3) == [Shift()] * 3
