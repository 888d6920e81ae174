"""Agents that train apart and are averaged: what each learns is its own, and what all take over is as by hand."""

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.strategies.fixed import FixedSettings
from mamo_cli.training.federation.aggregation import trimmed_mean
from mamo_cli.training.federation.federation import COLUMNS, Federation, promised, refuse
from mamo_cli.training.federation.privacy import epsilon
from mamo_cli.training.federation.settings import FederationConfig
from mamo_cli.training.records import columns_of
from mamo_cli.training.settings import PhaseConfig
from mamo_cli.training.shards import ShardSpec, build_shard, cut
from tests.learners.agents import everything, learner, outcome, through_a_file
from tests.training.runs import columns, rounds_of

NODES, CYCLES = 5, 4
FLEET = FleetConfig(nodes=NODES)
SPEC = build(FLEET, load(FLEET)).spec
APART = LearnerConfig(hidden=(6,), batch_size=8, replay_capacity=64, network="apart", priority_exponent=0.0)
PHASE = PhaseConfig(iterations=3, iteration_steps=4, environments=2, updates_per_step=1, window=2)
HEADER = columns_of(SPEC, ("choice", *COLUMNS))["cycles"]
HARD = {
    **{"aggregate": "trimmed", "faulty": 1, "poisoned": 1, "attack": "noise", "scale": 3.0},
    **{"clip": 0.2, "noise": 0.1},
}
"""All that draws, and all that is kept."""

SHAPE = Shape(observation=3, agents=3, choices=4, objectives=2)


def fleet_spec(seeds=(4, 5), device="cpu", cycles=CYCLES, **federation):
    sections = {"adaptation": FixedSettings(cycles=cycles, initial_alpha=0.7)}
    return ShardSpec(
        "fleet", FLEET, load(FLEET), APART, PHASE, tuple(seeds), strategy="fixed", sections=sections, device=device,
        federation=FederationConfig(**federation),
    )  # fmt: skip


def networks_of(loop):
    policies = loop.policies()
    return policies.reshape(len(policies), NODES, -1)


# --------------------------------------------------------------- each by itself


def taught(stranger, device="cpu", **settings):
    """The parameters of an agent 0 after it has learnt beside others that saw, did and were paid something else."""
    agent = learner((0,), SHAPE, device, network="apart", hidden=(8,), **settings)
    rng, other = np.random.default_rng(1), np.random.default_rng(stranger)
    for _ in range(12):
        before, after = rng.normal(size=(2, 1, 6, 3, 3))
        actions, objectives = rng.integers(0, 4, (1, 6, 3)), rng.random((1, 6, 3, 2))
        before[:, :, 1:], after[:, :, 1:] = other.normal(size=(2, 1, 6, 2, 3))
        actions[..., 1:], objectives[:, :, 1:] = other.integers(0, 4, (1, 6, 2)), 9.0 * other.random((1, 6, 2, 2))
        agent.store(everything(before, 4), actions, outcome(objectives, everything(after, 4)))
    agent.learn(20, weights_of(np.full((1, 3), 0.5)), 0.01)
    first, second, third = agent.policies().reshape(3, -1)
    return first, second, third


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])  # the latter in torch
def test_nothing_that_others_see_do_or_are_paid_reaches_an_agents_network(device):
    # Gradients are clipped at a norm that binds always: each agent's by itself.
    settings = {"priority_exponent": 0.0, "max_gradient_norm": 1e-3}
    one, another = (taught(stranger, device, **settings) for stranger in (7, 8))
    np.testing.assert_array_equal(one[0], another[0])
    assert not np.allclose(one[1], another[1], atol=1e-3)


@pytest.mark.parametrize(
    "leak",
    [
        {"priority_exponent": 0.6},
        {"priority_exponent": 0.0, "mixer": "sum"},
        {"priority_exponent": 0.0, "sharing": 0.5},
        {"priority_exponent": 0.0, "network": "shared"},
    ],
    ids=str,
)
def test_what_a_federation_refuses_would_reach_it(leak):
    settings = {"network": "apart", **leak}
    agents = LearnerConfig(**settings)
    with pytest.raises(UsageError, match="learn from nothing but their own"):
        refuse(FederationConfig(every=1), CYCLES, "dqn", agents, SPEC)
    if "network" not in leak:
        assert not np.array_equal(*(taught(stranger, **leak)[0] for stranger in (7, 8)))


# ------------------------------------------------------------------- the average


class Held:
    """Networks that a test moves by hand: K members of 3 agents with 2 parameters."""

    def __init__(self, members=1):
        self.rows = np.arange(6, dtype=np.float32)[None] + np.zeros((members, 1), dtype=np.float32)

    def policies(self):
        return self.rows.copy()

    def begin_with(self, policies):
        self.rows = np.array(policies, dtype=np.float32)


def held(members=1, **settings):
    agents = Held(members)
    return agents, Federation(FederationConfig(every=1, **settings), agents, range(members), 3)


def test_all_begin_with_the_first_ones_network():
    agents, _ = held(2)
    assert agents.rows.tolist() == [[0.0, 1.0] * 3] * 2


def test_an_average_by_hand():
    agents, federation = held()
    agents.rows = np.array([[3.0, 5.0, 0.0, 1.0, 0.0, 7.0]], dtype=np.float32)  # learnt: (3, 4), (0, 0), (0, 6)
    told = federation.average(0, np.array([True]))
    np.testing.assert_allclose(agents.rows, [[1.0, 13 / 3] * 3], rtol=1e-6)
    assert told["update_norm"].tolist() == [[5.0, 0.0, 6.0]]
    assert told["update_bytes"].tolist() == [[16.0] * 3]  # two numbers of 4 bytes, out and back
    assert np.isnan(told["update_epsilon"]).all()
    agents.rows = agents.rows + np.float32(2.0)
    told = federation.average(1, np.array([True]))
    np.testing.assert_allclose(agents.rows, [[3.0, 19 / 3] * 3], rtol=1e-6)  # since the last average, not since ever
    np.testing.assert_allclose(told["update_norm"], np.full((1, 3), np.sqrt(8.0)), rtol=1e-6)
    assert told["update_bytes"].tolist() == [[32.0] * 3]


def test_the_last_agents_are_poisoned_and_neither_clip_nor_hide():
    agents, federation = held(poisoned=1, attack="sign", scale=2.0, clip=1.0)
    agents.rows = np.array([[3.0, 5.0, 0.0, 1.5, 1.0, 2.0]], dtype=np.float32)  # learnt: (3, 4), (0, .5), (1, 1)
    federation.average(0, np.array([True]))
    sent = np.array([[0.6, 0.8], [0.0, 0.5], [-2.0, -2.0]])
    np.testing.assert_allclose(agents.rows.reshape(3, 2), np.tile(np.add([0.0, 1.0], sent.mean(0)), (3, 1)), atol=1e-6)


def test_noise_is_of_honest_updates_alone_and_is_stated():
    agents, federation = held(poisoned=1, attack="sign", clip=1.0, noise=2.0)
    told = federation.average(0, np.array([True]))
    assert told["update_epsilon"][0, :2].tolist() == [epsilon(1, 2.0)] * 2
    assert np.isnan(told["update_epsilon"][0, 2])
    assert np.abs(agents.rows - [0.0, 1.0] * 3).max() > 0.01  # nothing was learnt: all of it is noise
    assert federation.average(1, np.array([True]))["update_epsilon"][0, 0] == epsilon(2, 2.0)
    assert promised(FederationConfig(every=3, clip=1.0, noise=2.0), 20) == {
        **{"averages": 6, "aggregate": "mean", "attack": None, "poisoned": 0},
        **{"epsilon": epsilon(6, 2.0), "delta": 1e-5},
    }


def test_a_frozen_member_is_left_as_it_is():
    agents, federation = held(2)
    agents.rows = np.array([[3.0, 5.0, 0.0, 1.0, 0.0, 7.0], [np.nan] * 6], dtype=np.float32)
    told = federation.average(0, np.array([True, False]))
    assert np.isnan(agents.rows[1]).all()
    assert np.isfinite(agents.rows[0]).all()
    assert np.isnan(told["update_norm"][1]).all()


# ------------------------------------------------------------------- in the loop


def test_networks_are_one_after_every_second_cycle_and_what_was_learnt_between():
    loop, known = build_shard(fleet_spec(every=2)), []
    known.append(networks_of(loop))
    rounds = []
    while not loop.done:
        rounds.append(loop.advance())
        known.append(networks_of(loop))
    same = [bool((each == each[:, :1]).all()) for each in known]
    assert same == [True, False, True, False, True]
    assert not np.array_equal(known[2], known[4])
    table = columns(rounds, "cycles", HEADER)
    norms = table["update_norm"].reshape(CYCLES, 2, NODES)  # cycle by cycle, member after member
    assert np.isnan(norms[[0, 2]]).all()
    assert np.isfinite(norms[[1, 3]]).all()
    size = known[0].shape[2]
    assert size == SPEC.observation * 6 + 6 + 6 * 8 + 8  # one hidden layer of 6, and 8 replicas to choose from
    sent = table["update_bytes"].reshape(CYCLES, 2, NODES)
    assert set(sent[1].ravel()) == {8.0 * size}
    assert set(sent[3].ravel()) == {16.0 * size}


def test_an_average_is_of_what_agents_learnt_apart():
    # Until the first average a federation's agents are those that begin alike and are never averaged.
    kept = build_shard(fleet_spec(every=CYCLES + 1))
    averaged = build_shard(fleet_spec(every=2, aggregate="trimmed", faulty=1))
    begun = networks_of(kept)
    for _ in range(2):
        for loop in (kept, averaged):
            loop.advance()
    learnt = networks_of(kept).astype(np.float64) - begun
    for member, row in enumerate(networks_of(averaged)):
        expected = begun[member, 0] + trimmed_mean(learnt[member], 1).astype(np.float32)
        np.testing.assert_array_equal(row, np.tile(expected, (NODES, 1)))


def test_the_greedy_policies_of_a_cycle_are_the_averaged_ones():
    loop = build_shard(fleet_spec(every=1, cycles=1))
    table = columns(rounds_of(loop), "evaluation", columns_of(SPEC, ())["evaluation"])
    averaged = build_shard(fleet_spec(every=1, cycles=1))
    averaged._tasks.begin_with(loop.policies())
    played = averaged._tasks.evaluate(build(FLEET, load(FLEET))).measures[..., 0]
    np.testing.assert_array_equal(table["replicas"].reshape(2, -1, NODES), played)


@pytest.mark.parametrize("rounds_before", [1, 2, 3])
def test_a_federation_from_a_file_goes_on_exactly(rounds_before):
    loop, copy = (build_shard(fleet_spec(every=2, **HARD)) for _ in range(2))
    for _ in range(rounds_before):
        loop.advance()
    copy.load_state_dict(through_a_file(loop.state_dict()))
    assert repr(rounds_of(copy)) == repr(rounds_of(loop))
    np.testing.assert_array_equal(copy.policies(), loop.policies())


def test_members_of_a_federation_are_independent():
    spec = fleet_spec((4, 5, 6), every=1, **HARD)
    whole, parts = build_shard(spec), [build_shard(part) for part in cut(spec, (1, 2))]
    told = repr([row for one in rounds_of(whole) for row in one["cycles"] if row[0] == 5])
    for part in parts:
        rows = [row for one in rounds_of(part) for row in one["cycles"] if row[0] == 5]
        assert rows == [] or repr(rows) == told
    np.testing.assert_array_equal(whole.policies(), np.concatenate([part.policies() for part in parts]))


def test_a_member_whose_average_is_no_number_is_frozen_and_no_other():
    sound, sick = (build_shard(fleet_spec(every=2, **HARD)) for _ in range(2))
    state = through_a_file(sick.state_dict())
    state["federation"]["common"][0] = float("inf")
    sick.load_state_dict(state)
    expected, found = (rounds_of(loop) for loop in (sound, sick))
    assert (sound.diverged_seeds, sick.diverged_seeds) == ([], [4])
    for table in ("training", "cycles", "evaluation"):
        kept, others = ([row for one in rounds for row in one[table] if row[0] == 5] for rounds in (found, expected))
        assert repr(kept) == repr(others)
    blank = [None in row for one in found for row in one["cycles"] if row[0] == 4]
    assert blank == [False] * NODES + [True] * 3 * NODES  # from the first average on


# ------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"poisoned": 3, "attack": "sign"}, "poisoned 3 of 5 agents: it must be fewer than half"),
        ({"aggregate": "trimmed", "faulty": 3}, "trimmed with faulty 3 needs 7 agents, and there are 5"),
        ({"aggregate": "krum", "faulty": 2}, "krum with faulty 2 needs 7 agents, and there are 5"),
    ],
)
def test_too_few_agents_are_refused(settings, complaint):
    with pytest.raises(UsageError, match=complaint):
        refuse(FederationConfig(every=1, **settings), CYCLES, "dqn", APART, SPEC)


def test_whose_networks_cannot_be_averaged_is_refused():
    with pytest.raises(UsageError, match="not conditioned"):
        refuse(FederationConfig(every=1), CYCLES, "conditioned", APART, SPEC)
    alone = SPEC._replace(agents=SPEC.agents[:1])
    with pytest.raises(UsageError, match="and there is one"):
        refuse(FederationConfig(every=1), CYCLES, "dqn", APART, alone)
    refuse(FederationConfig(every=1, aggregate="krum", faulty=1), CYCLES, "dqn", APART, SPEC)


@pytest.mark.parametrize(
    "settings",
    [
        {"aggregate": "median"},
        {"every": 1, "aggregate": "trimmed"},
        {"every": 1, "faulty": 1},
        {"every": 1, "poisoned": 1},
        {"every": 1, "attack": "ipm"},
        {"every": 1, "scale": 2.0},
        {"every": 1, "noise": 1.0},
        {"every": 0},
    ],
    ids=str,
)
def test_settings_that_mean_nothing_by_themselves_are_refused(settings):
    with pytest.raises(ValueError, match=r"every|faulty|poisoned|scale|clip"):
        FederationConfig(**settings)
