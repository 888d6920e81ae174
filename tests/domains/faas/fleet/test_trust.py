"""Whom a node believes: by hand, by law, and against rules that are wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig, OwnConfig
from mamo_cli.workload.trace import Trace

QUARTER, HALF = 1, 2  # options, to the first neighbour
N = 8
PAIR = {"nodes": 2, "topology": "ring", "messages": "ring", "rejection_model": "erlang", "warm_service_time": 1.0}


def fleet(rates, own=None, **chosen):
    """Nodes with constant loads, requests/s."""
    config = FleetConfig(**chosen).having(own or {})
    steps = np.tile(np.array(rates, dtype=np.float64), (12, 1))
    names = tuple(f"node{m + 1}" for m in range(len(rates)))
    return build(config, Trace(names, steps, steps, step_seconds=300.0, period_steps=12))


def play(environment, *periods):
    """The last of some periods, each told as `(option, replicas)` of every node."""
    for period in periods:
        step = environment.step(np.array([[[option * N + replicas - 1 for option, replicas in period]]]))
    return step


def doubts(environment):
    return environment.state_dict()["doubts"][0, 0]


def test_a_liar_is_isolated_after_k_contradictions_and_then_neither_heard_nor_sent_to():
    """Node 2 claims no load and 8 replicas: what node 1 forwards, 1 Erlang, would be served. It has 3 Erlang on 1.

    B(1, 8) is some 1e-5, and B(3, 1) = 3/4. In the first period nothing was heard, so nothing is contradicted.
    """
    domain = fleet([2.0, 2.0], {"node2": OwnConfig(lies=True)}, **PAIR, noise=0.0, isolate_after=2)
    environment = domain.environment(Part.EVALUATION, 1)
    forwarding = [(HALF, 4), (0, 1)]
    assert [list(doubts(environment)[:, 0]) for _ in range(2) if play(environment, forwarding)] == [[0, 0], [1, 0]]
    step = play(environment, forwarding)
    np.testing.assert_array_equal(step.measures[0, 0, :, -1], [1, 0])
    np.testing.assert_array_equal(step.seen.mask[0, 0, 0, N:], False)
    assert step.seen.mask[0, 0, 1].all()
    np.testing.assert_array_equal(step.seen.values[0, 0, 0, 6:], 0.0)
    assert step.seen.values[0, 0, 1, 6:].all()
    step = play(environment, forwarding)  # asked for all the same
    np.testing.assert_array_equal(step.measures[0, 0, 0, :4], [4, 0.0, np.nan, 2.0])
    assert step.measures[0, 0, 1, 3] == 2.0


@pytest.mark.parametrize(
    ("before", "now", "contradicted"),
    [
        (1, 1, True),  # 7 to spare for 3 Erlang: B(3, 7) = .022 was claimed, and B(3, 1) = .75 is what came
        (1, 7, False),  # B(3, 7) came
        (5, 1, False),  # 3 to spare: B(3, 3) = .35 is no claim at a contradiction of .1
        (8, 1, False),  # nothing to spare
    ],
)
def test_the_word_of_a_true_node(before, now, contradicted):
    environment = fleet([2.0, 2.0], **PAIR, noise=0.0, isolate_after=9).environment(Part.EVALUATION, 1)
    play(environment, [(0, 4), (0, before)], [(HALF, 4), (0, now)])
    np.testing.assert_array_equal(doubts(environment)[:, 0], [contradicted, 0])


@pytest.mark.parametrize(
    ("contradiction", "contradicted"), [(0.0215, False), (0.0222, True), (0.74, True), (0.76, False)]
)
def test_a_claim_is_as_strict_as_asked(contradiction, contradicted):
    """B(3, 7) = .02187 must be within what is asked, and B(3, 1) = .75 beyond it."""
    domain = fleet([2.0, 2.0], **PAIR, noise=0.0, isolate_after=9, contradiction=contradiction)
    environment = domain.environment(Part.EVALUATION, 1)
    play(environment, [(0, 4), (0, 1)], [(HALF, 4), (0, 1)])
    assert doubts(environment)[0, 0] == contradicted


def test_a_claim_must_hold_for_the_noise_and_for_as_much_from_every_neighbour():
    """The hub of a star of three, 7 to spare: (1 + .5) 2 + 2 x 1 = 5 Erlang, B(5, 7) = .121 is no claim at .12."""
    for contradiction, contradicted in ((0.12, 0), (0.122, 1)):
        star = {**PAIR, "nodes": 3, "topology": "star", "messages": "star"}
        domain = fleet([2.0, 2.0, 2.0], **star, noise=0.5, isolate_after=9, contradiction=contradiction)
        environment = domain.environment(Part.TRAINING, 1)
        play(environment, [(0, 1), (0, 8), (0, 8)], [(0, 1), (HALF, 8), (0, 8)])
        np.testing.assert_array_equal(doubts(environment)[:, 0], [0, contradicted, 0])


def kept_words(noise, contradiction, seed, steps=40):
    """Contradictions in a pair of nodes that run what they claimed, and forward and vary as chance will have it."""
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.2, 6.0, 2)
    domain = fleet(rates, **PAIR, noise=noise, isolate_after=1, contradiction=contradiction)
    environment = domain.environment(Part.TRAINING, 1)
    replicas = np.ones(2, dtype=np.int64)
    found = 0
    for draw in environment.draw(steps, [MemberStreams(seed, "te")]):
        replicas = rng.integers(np.maximum(N - replicas, 1), N + 1)
        step = environment.step((rng.integers(0, 3, 2) * N + replicas - 1)[None, None], draw)
        found += int(step.measures[..., -1].sum())
    return found


@settings(max_examples=25)
@given(st.floats(0.0, 0.9), st.floats(0.0, 1.0), st.integers(0, 10_000))
def test_who_keeps_its_word_is_never_isolated_whatever_the_noise(noise, contradiction, seed):
    assert kept_words(noise, contradiction, seed) == 0


def test_a_rule_that_forgets_the_noise_would_isolate_who_keeps_its_word(monkeypatch):
    import mamo_cli.domains.faas.fleet.domain as module

    right = module.trust_of
    monkeypatch.setattr(module, "trust_of", lambda *given: right(*given)._replace(noise=0.0))
    assert sum(kept_words(0.9, 0.1, seed) for seed in range(8)) > 0


PLAYED = {"topology": "full", "messages": "full", "loss": 0.3, "late": True, "noise": 0.4, "contradiction": 0.05}


def played(domain, members, seeds, steps=60, of=slice(None)):
    """What some random play of three members brings, or of one of them."""
    environment = domain.environment(Part.TRAINING, members, 2)
    draws = environment.draw(steps, [MemberStreams(seed, "te") for seed in seeds])
    actions = np.random.default_rng(0).integers(0, domain.spec.choices[0], (steps, 3, 2, 3))
    return [environment.step(action[of], draw) for action, draw in zip(actions, draws, strict=True)], environment


def test_members_are_independent_and_a_play_goes_on_from_its_state_to_the_last_bit():
    config = FleetConfig(**PLAYED, isolate_after=2)
    domain = build(config, load(config))
    together, environment = played(domain, 3, (0, 1, 2))
    assert {0, 1} <= set(np.concatenate([step.measures[..., -1].ravel() for step in together]))
    alone, _ = played(domain, 1, (1,), of=slice(1, 2))
    for one, each in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.objectives[0], each.objectives[1])
        np.testing.assert_array_equal(one.measures[0], each.measures[1])
        for mine, other in zip(one.seen[:2], each.seen[:2], strict=True):
            np.testing.assert_array_equal(mine[0], other[1])
    other = domain.environment(Part.TRAINING, 3, 2)
    other.load_state_dict(environment.state_dict())
    for mine, theirs in zip(environment.observe()[:2], other.observe()[:2], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_nothing_changes_where_nobody_is_contradicted_often_enough():
    without, with_trust = (
        build(config, load(config))
        for config in (FleetConfig(**{**PLAYED, "contradiction": 0.1}), FleetConfig(**PLAYED, isolate_after=10_000))
    )
    assert with_trust.spec.words.measures[:-1] == without.spec.words.measures
    for one, other in zip(played(without, 3, (0, 1, 2))[0], played(with_trust, 3, (0, 1, 2))[0], strict=True):
        np.testing.assert_array_equal(one.objectives, other.objectives)
        np.testing.assert_array_equal(one.measures, other.measures[..., :-1])
        np.testing.assert_array_equal(other.measures[..., -1], 0)
        np.testing.assert_array_equal(one.seen.values, other.seen.values)


def test_contradictions_are_forgotten_where_the_trace_begins_anew():
    domain = fleet([2.0, 2.0], {"node2": OwnConfig(lies=True)}, **PAIR, noise=0.0, isolate_after=1)
    environment = domain.environment(Part.EVALUATION, 1)
    steps = [play(environment, [(HALF, 4), (0, 1)]) for _ in range(13)]
    np.testing.assert_array_equal([step.measures[0, 0, 0, -1] for step in steps], [0] + [1] * 11 + [1])
    assert [bool(step.seen.mask[0, 0, 0, N]) for step in steps] == [True] + [False] * 10 + [True, False]


def test_what_says_nothing_is_refused():
    with pytest.raises(ValueError, match="it needs topology and messages"):
        FleetConfig(topology="ring", isolate_after=3)
    with pytest.raises(ValueError, match="contradiction is what isolates"):
        FleetConfig(topology="ring", messages="ring", contradiction=0.3)
