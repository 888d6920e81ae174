"""Peaks that are read once an hour: what parts of a period are, what is counted, and what exact agents make of it."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Part
from mamo_cli.core.settings import resolve
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.battery.domain import build
from mamo_cli.domains.battery.settings import LOAD, BatteryConfig
from tests.domains.battery.homes import load_trace, reference, tiny

WEEK = load_trace(np.tile(LOAD, 7), day=24)
PROXY = {"parts": 4, "proxy": "first-part"}
DAY = [1.0, 0.4, 2.0, 1.5]


def week(**settings):
    return build(BatteryConfig(**settings), WEEK)


def brought(domain, believed):
    """Normalised bill and excess of the evaluation, in truth, of a mixture of plays that training believes in."""
    weights, shares = believed.weights.swapaxes(0, 1), believed.shares[0]
    each = [domain.expected(domain.believed(own)) for own in weights]
    means = [[one.paid.mean() / domain.spec.cost_scale, one.violations.mean()] for one in each]
    return shares @ np.array(means)


def test_parts_of_a_period_are_periods_of_an_equal_part_of_all_that_is_said_of_one():
    hours, quarters = np.tile(LOAD, 2), np.repeat(np.tile(LOAD, 2), 4) / 4
    cut = build(BatteryConfig(parts=4), load_trace(hours, day=24))
    short = {"peak_limit": 1.5 / 4, "most_change": 3.0 / 4, "change_step": 0.75 / 4}
    own = build(BatteryConfig(**short), load_trace(quarters, day=96))
    assert (cut.spec.step_seconds, cut.spec.block) == (own.spec.step_seconds, own.spec.block) == (900.0, 96)
    assert cut.spec.cost_scale == pytest.approx(own.spec.cost_scale, rel=1e-12)
    assert np.array_equal(cut.conditions(), own.conditions())
    for alpha in (0.0, 0.05, 0.5):
        ours, theirs = (each.answer(weights_of(np.array([alpha]))) for each in (cut, own))
        assert ours.objectives == pytest.approx(theirs.objectives, rel=1e-12)


def test_an_agent_sees_which_part_of_a_period_it_is():
    cut, whole = tiny(DAY, parts=4), tiny(DAY)
    assert (cut.spec.observation, whole.spec.observation) == (9, 7)
    environment = cut.environment(Part.TRAINING, 1)
    seen = []
    for _ in range(5):
        seen.append(environment.observe().values[0, 0, 0, 7:])
        environment.step(np.full((1, 1, 1), 1))
    np.testing.assert_allclose(seen, [[0, 1], [1, 0], [0, -1], [-1, 0], [0, 1]], atol=1e-6)


@pytest.mark.parametrize(("parts", "counted"), [(2, [2, 0]), (4, [4, 0, 0, 0])])
def test_training_reads_the_first_part_and_the_evaluation_all_of_them(parts, counted):
    settings = {"parts": parts, "noise": 0.0, "peak_limit": 0.8}
    told = tiny(DAY, proxy="first-part", **settings)
    loads, choices = np.repeat(DAY, parts) / parts, np.tile([2, 1, 0, 2], parts)
    # The same home, whose periods are the parts: all that is said of a period, over the parts.
    short = BatteryConfig(**{**told._configured[0].model_dump(), "parts": 1, "proxy": None}).model_copy(
        update={"peak_limit": 0.8 / parts, "most_change": 1.0 / parts, "change_step": 1.0 / parts}
    )
    true = reference(short, loads, choices, scale=np.mean(loads))[:, 4]
    assert true.max() > 0
    for part, expected in ((Part.TRAINING, true * np.tile(counted, 4)), (Part.EVALUATION, true)):
        environment = told.environment(part, 1)
        brought = [environment.step(np.full((1, 1, 1), choice)).objectives[0, 0, 0, 1] for choice in choices]
        np.testing.assert_allclose(brought, expected, atol=1e-12)


def test_exact_agents_that_train_on_the_readings_believe_the_limit_kept_and_break_it_seventeen_times_over():
    told, control = week(**PROXY), week(parts=4)
    believed = bound(told, Part.TRAINING)
    assert believed.objectives[0, 1] == pytest.approx(0.02, rel=1e-9)
    true = brought(told, believed)
    honest = bound(control)
    # (bill, excess) in the units of the seam; the proxy says nothing of the bill, so that this is believed rightly.
    assert true == pytest.approx([0.08396, 0.3515], rel=0.01)
    assert believed.cost == pytest.approx(true[0], rel=1e-9)
    assert honest.objectives[0] == pytest.approx([0.09114, 0.02], rel=1e-4)
    assert bound(told).objectives == pytest.approx(honest.objectives, rel=1e-12)


def test_what_they_do_is_to_charge_between_the_readings():
    told = week(**PROXY)
    plan = told.answer(np.array([[0.9, 0.1]]), Part.TRAINING).plan
    above = told.expected(plan).violations[:, 0, 0].reshape(-1, 4).mean(0)
    assert above[0] < 1e-4
    assert above[1:].min() > 0.1
    assert np.array_equal(plan, told.believed(np.array([[0.9, 0.1]])))


def test_a_proxy_is_said_and_needs_parts():
    assert week(parts=4).spec.proxy is None
    assert week(**PROXY).spec.proxy == (
        "excess is read in the first of 4 parts of a period alone, and there counts 4 (grid - limit)+"
    )
    with pytest.raises(UsageError, match="proxy first-part needs parts of at least 2"):
        resolve(BatteryConfig, {"proxy": "first-part"})
    with pytest.raises(UsageError, match="proxy"):
        resolve(BatteryConfig, {"proxy": "second-part", "parts": 4})
    with pytest.raises(
        UsageError, match=r"capacity 9 must be 1 to 1000 times change_step 0\.035 of a period, cut into"
    ):
        resolve(BatteryConfig, {"parts": 4, "change_step": 0.035, "most_change": 0.35})
