"""A trace that is played window by window, each in an environment of its own: nothing may show where one ends."""

import numpy as np
import pytest

from mamo_cli.core.seam import AS_CONFIGURED, Part, Shift
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.faas import domain as single
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig, OwnConfig
from mamo_cli.workload.trace import Trace

STEPS = 72
WINDOWS = ((0, 25), (25, 50), (50, STEPS))


def source(settings):
    """Three nodes whose loads, caps and peaks change from window to window."""
    rng = np.random.default_rng(3)
    names = load(settings).functions
    rates = rng.uniform(10.0, 40.0, (STEPS, len(names))) * np.linspace(1.0, 2.5, STEPS)[:, None]
    caps = rng.integers(4, 9, rates.shape)
    return Trace(names, rates, rates, max_replicas=caps, step_seconds=300.0, period_steps=STEPS)


def fleet(own=None, **chosen):
    settings = FleetConfig(**chosen).having(own or {})
    return build(settings, source(settings))


def walked(domain, windows, passes=1):
    """Everything that a play of the evaluation shows, each window in an environment of its own."""
    rng, told, stands = np.random.default_rng(0), [], None
    for window in windows * passes:
        environment = domain.shifted(AS_CONFIGURED, window).environment(Part.EVALUATION, 2)
        if stands is not None:
            environment.load_state_dict(stands)
        seen = environment.observe()
        for _ in range(*window):
            step = environment.step((rng.random(seen.mask.shape) * seen.mask).argmax(-1))
            doubts = environment.state_dict().get("doubts", np.zeros(0))
            told.append([*seen[:2], step.objectives, step.paid, step.measures, doubts])
            seen = step.seen
        stands = environment.state_dict()
    return told


LIAR = {"node2": OwnConfig(lies=True, sensor=0.7)}
ALL = {"topology": "ring", "messages": "full", "isolate_after": 2, "contradiction": 0.02, "max_replicas": 8}


@pytest.mark.parametrize(
    ("own", "chosen"),
    [
        ({}, {}),
        ({}, {"topology": "ring"}),
        ({}, {"counted": 0.4}),
        ({}, {"messages": "full", "loss": 0.4}),
        ({}, {"messages": "ring", "late": True, "loss": 0.4, "burst": 3.0, "counted": 0.4}),
        (LIAR, ALL),
        (LIAR, {**ALL, "late": True, "loss": 0.3, "counted": 0.4}),
    ],
)
def test_windows_in_a_row_are_the_whole_to_the_last_bit(own, chosen):
    domain = fleet(own, **chosen)
    windows, whole = (walked(domain, each, passes=2) for each in (WINDOWS, ((0, STEPS),)))
    for step, (mine, other) in enumerate(zip(windows, whole, strict=True)):
        for one, two in zip(mine, other, strict=True):
            np.testing.assert_array_equal(one, two, err_msg=f"step {step}")
    if "isolate_after" in chosen:
        doubts = np.stack([each[-1] for each in whole])
        assert doubts[24].any()  # so that there is something to keep
        assert not doubts[STEPS - 1].any()  # and to forget, where the trace begins anew


def test_without_neighbours_windows_are_those_of_single_nodes_to_the_last_bit():
    settings = FleetConfig()
    ours, theirs = (walked(each(settings), WINDOWS) for each in (of_fleet, of_node))
    for mine, other in zip(ours, theirs, strict=True):
        for one, two in zip(mine[:4], other[:4], strict=True):
            np.testing.assert_array_equal(one, two)


def of_fleet(settings):
    return build(settings, source(settings))


def of_node(settings):
    return single.build(settings.node(), source(settings))


@pytest.mark.parametrize("late", [False, True])
def test_after_a_shift_nodes_observe_and_tell_the_load_that_is_there(late):
    """Rates are twice as high from then on, in what is known and in what was said last."""
    domain = fleet(messages="full", late=late)
    before, after = (each.environment(Part.TRAINING, 2, 3) for each in (domain, domain.shifted(Shift(load=2.0))))
    draws = before.draw(4, [MemberStreams(seed, "te") for seed in (0, 1)])
    for draw in draws:
        before.step(np.zeros((2, 3, 3), dtype=np.int64), draw)
    after.load_state_dict(before.state_dict())
    old, new = before.observe().values, after.observe().values
    np.testing.assert_allclose(new[..., 0], 2.0 * old[..., 0], rtol=1e-6)
    np.testing.assert_array_equal(new[..., 1:4], old[..., 1:4])
    if late:
        old, new = (each.step(np.zeros((2, 3, 3), dtype=np.int64)).seen.values for each in (before, after))
    np.testing.assert_allclose(new[..., 4::2], 2.0 * old[..., 4::2], rtol=1e-6)
    np.testing.assert_array_equal(new[..., 5::2], old[..., 5::2])


def test_a_count_of_the_load_before_a_shift_is_not_taken_for_one_after():
    """Over so many seconds that a count is hardly off. Without a shift the drawn count is kept, to the last bit."""
    domain = fleet(counted=1e6)
    for load_now in (1.0, 2.0):
        before = domain.environment(Part.TRAINING, 2, 3)
        after = domain.shifted(Shift(load=load_now)).environment(Part.TRAINING, 2, 3)
        for draw in before.draw(3, [MemberStreams(seed, "te") for seed in (0, 1)]):
            before.step(np.zeros((2, 3, 3), dtype=np.int64), draw)
        after.load_state_dict(before.state_dict())
        old, new = before.observe().values[..., 0], after.observe().values[..., 0]
        np.testing.assert_allclose(new, load_now * old, rtol=2e-3)
        assert np.array_equal(new, old) == (load_now == 1.0)


def test_drawn_numbers_stay_as_they_were_drawn_whatever_is_loaded():
    environment = fleet(counted=0.4).environment(Part.TRAINING, 1)
    start = environment.state_dict()
    draws = environment.draw(1, [MemberStreams(0, "te")])
    kept = draws[0].counts.copy()
    environment.step(np.zeros((1, 1, 3), dtype=np.int64), draws[0])
    environment.load_state_dict(start)
    np.testing.assert_array_equal(draws[0].counts, kept)
