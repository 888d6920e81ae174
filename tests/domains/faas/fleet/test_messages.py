"""What nodes hear of one another, and what is lost."""

import numpy as np
import pytest

from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig

HEARD = 4
"""The first number of an observation that was heard, without topology."""


def fleet(**settings):
    chosen = FleetConfig(**settings)
    return build(chosen, load(chosen))


def played(domain, steps, members=2, copies=2, part=Part.TRAINING):
    """Observations `(steps, K, E, M, O)` and choices of some random play."""
    environment = domain.environment(part, members, copies)
    streams = [MemberStreams(seed, "te") for seed in range(members)]
    draws = environment.draw(steps, streams) if part is Part.TRAINING else [None] * steps
    rng, seen, told = np.random.default_rng(0), environment.observe(), []
    for draw in draws:
        told.append(seen.values)
        seen = environment.step(rng.integers(0, 8, (members, copies, len(domain.spec.agents))), draw).seen
    return np.stack(told)


def test_a_message_tells_the_expected_rate_and_the_room_of_its_sender():
    domain = fleet(messages="ring", nodes=4)
    told = played(domain, 50, copies=1)
    alone, heard = told[..., :HEARD], told[..., HEARD:].reshape(*told.shape[:-1], 2, 2)
    assert not heard[0].any()  # nothing was said before the first period
    for m in range(4):
        for place, sender in enumerate(sorted({(m - 1) % 4, (m + 1) % 4})):
            rate, replicas, _, cap = np.moveaxis(alone[1:, :, :, sender], -1, 0)
            np.testing.assert_allclose(heard[1:, :, :, m, place, 0], rate, rtol=1e-6)
            np.testing.assert_allclose(heard[1:, :, :, m, place, 1], cap - replicas, atol=1e-6)


def test_late_messages_are_those_of_the_period_before():
    soon, late = (played(fleet(messages="full", late=late), 30) for late in (False, True))
    np.testing.assert_array_equal(late[2:, ..., HEARD:], soon[1:-1, ..., HEARD:])
    np.testing.assert_array_equal(late[..., :HEARD], soon[..., :HEARD])


@pytest.mark.parametrize("topology", ["none", "ring"])
def test_who_loses_all_is_silent_and_all_else_is_as_without_messages(topology):
    mute, silent = (fleet(topology=topology, **more) for more in ({}, {"messages": "full", "loss": 1.0}))
    for part in Part:
        without, lost = (played(domain, 40, part=part) for domain in (mute, silent))
        np.testing.assert_array_equal(lost[..., : without.shape[-1]], without)
        assert not lost[..., without.shape[-1] :].any()
        assert lost.shape[-1] == without.shape[-1] + 4  # two others, two numbers each


@pytest.mark.parametrize(("loss", "burst"), [(0.3, None), (0.5, 8.0), (0.1, 3.0)])
def test_as_many_are_lost_as_asked_and_in_runs_as_long(loss, burst):
    """Runs of losses end by chance 1 / burst each, or where none is told 1 - loss: means over many, by their law."""
    domain = fleet(messages="full", loss=loss, burst=burst)
    environment = domain.environment(Part.TRAINING, 2, 8)
    states = []
    for draw in environment.draw(4000, [MemberStreams(seed, "te") for seed in (3, 4)]):
        environment.step(np.zeros((2, 8, 3), dtype=np.int64), draw)
        states.append(environment.state_dict()["lost"])
    lost = np.stack(states).reshape(4000, -1)
    length = 1 / (1 - loss) if burst is None else burst
    ends = (lost[1:] < lost[:-1]).sum()
    assert lost.mean() == pytest.approx(loss, abs=0.02)
    assert lost[:-1].sum() / ends == pytest.approx(length, rel=0.05)


def share_that_arrives(domain, part, steps=4000):
    """Of messages that all differ, as they tell counts of hundreds of requests, how many are heard as they are said."""
    environment = domain.environment(part, 2, 1)
    draws = environment.draw(steps, [MemberStreams(seed, "te") for seed in (3, 4)])
    seen = []
    for draw in draws if part is Part.TRAINING else [None] * steps:
        seen.append(environment.step(np.zeros((2, 1, 3), dtype=np.int64), draw).seen.values)
    told = np.stack(seen)
    others = told[..., [[1, 2], [0, 2], [0, 1]], 0]
    return (told[..., HEARD::2] == others).mean()


@pytest.mark.parametrize(
    ("loss", "burst", "dropout", "trained"), [(0.0, None, 0.5, 0.5), (0.2, None, 0.5, 0.6), (0.5, 8.0, 0.3, 0.65)]
)
def test_dropout_loses_more_in_training_and_nothing_in_the_evaluation(loss, burst, dropout, trained):
    """1 - (1 - loss)(1 - dropout) are lost in training: .5, then 1 - .8 x .5, and of bursts 1 - .5 x .7."""
    domain = fleet(messages="full", counted=100.0, loss=loss, burst=burst, dropout=dropout)
    again = 0.005  # by chance a count is the last one again
    error = 4 * np.sqrt(0.25 * (burst or 1) * 2 / 48_000)
    assert share_that_arrives(domain, Part.TRAINING) == pytest.approx(1 - trained, abs=error + again)
    assert share_that_arrives(domain, Part.EVALUATION, 288) == pytest.approx(1 - loss, abs=error * 6 + again)


def test_dropout_of_all_is_silence_in_training_alone_and_none_is_none():
    mute, plain, none = (fleet(messages="full", loss=0.25, dropout=share) for share in (1.0, 0.0, 0.0))
    assert not played(mute, 40)[..., HEARD:].any()
    np.testing.assert_array_equal(played(mute, 40, part=Part.EVALUATION), played(plain, 40, part=Part.EVALUATION))
    np.testing.assert_array_equal(played(plain, 40), played(none, 40))
    assert played(plain, 40)[..., HEARD:].any()


def test_bursts_are_as_long_with_dropout_as_without():
    one, other = (
        fleet(messages="full", loss=0.5, burst=8.0, dropout=share).environment(Part.TRAINING, 1) for share in (0.0, 0.6)
    )
    for environment in (one, other):
        for draw in environment.draw(200, [MemberStreams(0, "te")]):
            environment.step(np.zeros((1, 1, 3), dtype=np.int64), draw)
    np.testing.assert_array_equal(one.state_dict()["lost"], other.state_dict()["lost"])
    assert (one.state_dict()["kept"] != other.state_dict()["kept"]).any()


def test_a_play_goes_on_from_its_state_to_the_last_bit():
    domain = fleet(topology="ring", messages="full", loss=0.4, burst=4.0, late=True, dropout=0.2, counted=0.5)
    first, second = (domain.environment(Part.TRAINING, 2, 2) for _ in range(2))
    draws = first.draw(30, [MemberStreams(seed, "te") for seed in (0, 1)])
    actions = np.random.default_rng(1).integers(0, 40, (30, 2, 2, 3))
    for action, draw in zip(actions[:15], draws[:15], strict=True):
        first.step(action, draw)
    second.load_state_dict(first.state_dict())
    for action, draw in zip(actions[15:], draws[15:], strict=True):
        ours, theirs = first.step(action, draw), second.step(action, draw)
        for mine, other in zip((ours.objectives, *ours.seen[:2]), (theirs.objectives, *theirs.seen[:2]), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="loss, burst, late and dropout are of messages"):
        FleetConfig(loss=0.5)
    with pytest.raises(ValueError, match="cannot be lost in bursts of 1"):
        FleetConfig(messages="ring", loss=0.9, burst=1.0)
    with pytest.raises(ValueError, match="burst is of messages that are lost, and loss is 0"):
        FleetConfig(messages="ring", burst=4.0)
    with pytest.raises(ValueError, match="burst is how many are lost in a row, and loss 1 loses all"):
        FleetConfig(messages="ring", loss=1.0, burst=1e6)
    with pytest.raises(ValueError, match=r"a share of 0\.8 cannot be lost in bursts of 3\.9: they are too short"):
        FleetConfig(messages="ring", loss=0.8, burst=3.9)
    FleetConfig(messages="ring", loss=0.8, burst=4.01)  # .8 / .2 is 4
