"""A node under other conditions: what shifts is as if it were configured so, and scales stay where they were."""

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Copy, Part, Scope, Shift
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build, load
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace

REFERENCE = InstanceConfig()


@pytest.fixture(scope="module")
def node():
    return build(REFERENCE, load(REFERENCE))


def played(environment, choices):
    steps = [environment.step(np.full((1, 1, 1), choice)) for choice in choices]
    return np.array([(step.measures[0, 0, 0, 0], step.objectives[0, 0, 0, 1]) for step in steps])


def test_nothing_shifted_is_the_instance_itself(node):
    again = node.shifted(AS_CONFIGURED)
    assert again.conditions().tobytes() == node.conditions().tobytes()
    assert again.case.evaluation.table.values.tobytes() == node.case.evaluation.table.values.tobytes()
    assert again.spec.limits.tolist() == [[0.05]]


@pytest.mark.parametrize(
    ("shift", "settings", "mean"),
    [
        (Shift(load=1.5), {}, 75.0),
        (Shift(service=1.4), {"warm_service_time": 0.065 * 1.4, "cold_service_time": 0.25 * 1.4}, 50.0),
        (Shift(tolerance=0.02), {"tolerance": 0.02}, 50.0),
        (Shift(noise=1.5), {"noise": 0.2 * 1.5}, 50.0),
    ],
    ids=["load", "service", "tolerance", "noise"],
)
def test_what_shifts_is_as_if_it_were_configured(node, shift, settings, mean):
    shifted = node.shifted(shift)
    configured = build(InstanceConfig(**settings), sinusoidal(mean, 0.8 * mean))
    plan = np.arange(288)[:, None] % 10
    for ours, theirs in zip(shifted.expected(plan), configured.expected(plan), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
    np.testing.assert_allclose(shifted.conditions(), configured.conditions(), rtol=1e-12)
    assert shifted.spec.limits.tolist() == configured.spec.limits.tolist()
    ours, theirs = (domain.optimum(Scope.AVERAGE, solver="highs") for domain in (shifted, configured))
    assert ours.objective == pytest.approx(theirs.objective, abs=1e-6)
    brought = [played(domain.environment(Part.EVALUATION, 1), plan[:, 0]) for domain in (shifted, configured)]
    np.testing.assert_allclose(*brought, rtol=0, atol=2e-4)  # each table's own bound


def test_scales_that_agents_observe_and_learn_by_stay(node):
    shifted = node.shifted(Shift(load=1.5, cap=7))
    assert (shifted.spec.cost_scale, shifted.spec.choices) == (node.spec.cost_scale, (10,))
    values = shifted.environment(Part.TRAINING, 1).observe().values[0, 0, 0]
    # 50 of 90 requests/s at the first step, half as much again; a replica of 10; nothing rejected; a cap of 7 of 10.
    assert values.tolist() == pytest.approx([1.5 * 50 / 90, 0.1, 0.0, 0.7])


def test_the_shape_of_the_load_shifts_about_its_mean(node):
    """50 + 40 sin at half the swing is 50 + 20 sin; agents see it over the 90 that are configured."""
    flat = node.shifted(Shift(shape=0.5))
    np.testing.assert_allclose(flat.conditions()[:, 0, 0], sinusoidal(50.0, 20.0).expected_rate_rps[:, 0], rtol=1e-12)
    seen = flat.environment(Part.TRAINING, 1, Copy(1, 4)).observe().values[0, 0, 0, 0]
    assert seen == pytest.approx(70 / 90)


def test_noise_shifts_in_training_too_and_stays_below_all_there_is(node):
    draw = node.shifted(Shift(noise=2.0)).environment(Part.TRAINING, 1, 50).draw(20, [MemberStreams(0, "te")])
    assert 0.39 < np.abs(draw).max() <= 0.4
    with pytest.raises(UsageError, match=r"noise 0.2 times 5: it must stay below 1"):
        node.shifted(Shift(noise=5.0))


def test_a_lower_cap_masks_what_is_beyond_it(node):
    shifted = node.shifted(Shift(cap=7))
    environment = shifted.environment(Part.EVALUATION, 1)
    assert environment.observe().mask.ravel().tolist() == [True] * 7 + [False] * 3
    assert played(environment, [9])[0, 0] == 7
    assert shifted.perfect(weights_of(np.array([0.99]))).max() == 6
    assert shifted.optimum(Scope.STEP, solver="highs").plan.max() == 6


def test_a_cap_in_the_trace_holds_as_well():
    capped = made_trace(2, caps=True, period=20)
    shifted = build(REFERENCE, capped).shifted(Shift(cap=4))
    assert np.array_equal(shifted.case.training.max_replicas, np.minimum(capped.max_replicas, 4))


def test_a_cap_beyond_the_choices_is_refused(node):
    with pytest.raises(UsageError, match="a cap of 11 is above the 10 replicas"):
        node.shifted(Shift(cap=11))


def test_a_shift_is_always_against_the_configuration(node):
    twice = node.shifted(Shift(load=2.0)).shifted(Shift(load=1.5))
    assert twice.conditions().tobytes() == node.shifted(Shift(load=1.5)).conditions().tobytes()


def test_training_goes_on_where_it_stood(node):
    streams = [MemberStreams(3, "te")]
    before = node.environment(Part.TRAINING, 1, 4)
    for draw in before.draw(5, streams):
        before.step(np.full((1, 4, 1), 4), draw)
    after = node.shifted(Shift(load=1.5)).environment(Part.TRAINING, 1, 4)
    after.load_state_dict(before.state_dict())
    rate, *others = np.moveaxis(before.observe().values, -1, 0)
    shifted_rate, *same = np.moveaxis(after.observe().values, -1, 0)
    np.testing.assert_allclose(shifted_rate, 1.5 * rate, rtol=1e-6)
    assert np.array_equal(others, same)


def test_windows_one_after_another_are_the_whole(node):
    choices = np.arange(288) * 7 % 10
    whole = played(node.environment(Part.EVALUATION, 1), choices)
    parts, conditions, state = [], [], None
    for start in range(0, 288, 96):
        window = node.shifted(AS_CONFIGURED, (start, start + 96))
        environment = window.environment(Part.EVALUATION, 1)
        if state is not None:
            environment.load_state_dict(state)
            assert environment.observe().values[0, 0, 0, 1] == np.float32(whole[start - 1, 0] / 10)
        parts.append(played(environment, choices[start : start + 96]))
        conditions.append(window.conditions())
        state = environment.state_dict()
    assert np.concatenate(conditions).tobytes() == node.conditions().tobytes()
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=2e-4)
    assert np.array_equal(np.concatenate(parts)[:, 0], whole[:, 0])


def test_the_best_play_of_the_whole_is_that_of_its_windows(node):
    weights = weights_of(np.array([0.77]))
    windows = [node.shifted(AS_CONFIGURED, (start, start + 72)).answer(weights) for start in range(0, 288, 72)]
    whole = node.answer(weights)
    assert np.array_equal(np.concatenate([answer.plan for answer in windows]), whole.plan)
    np.testing.assert_allclose(np.mean([answer.objectives for answer in windows], 0), whole.objectives, atol=1e-9)


def test_nothing_of_a_window_depends_on_what_comes_after_it():
    rates = np.full((60, 1), 20.0)
    spike = rates.copy()
    spike[50:] = 400.0  # far beyond what is trained on: tables that cover it have another grid
    made = []
    for actual in (rates, spike):
        trace = Trace(("f0",), rates, actual + np.arange(60)[:, None] / 10)
        window = build(REFERENCE, trace).shifted(AS_CONFIGURED, (2, 8))  # steps 44 to 49 of the trace
        brought = played(window.environment(Part.EVALUATION, 1), [3] * 6)
        answer = window.answer(weights_of(np.array([0.8])))
        made.append((brought.tobytes(), window.conditions().tobytes(), answer.objectives.tobytes()))
    assert made[0] == made[1]
