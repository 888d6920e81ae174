"""What a battery is set to, what is trained on against what is judged, what may drift, and what is refused."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import Part, Shift
from mamo_cli.core.settings import resolve
from mamo_cli.domains.battery.domain import build
from mamo_cli.domains.battery.settings import BatteryConfig
from tests.domains.battery.homes import TINY, load_trace, tiny

DAY = np.array([1.0, 0.4, 2.0, 1.5])


def test_by_default_it_is_the_battery_of_the_specification():
    default = BatteryConfig()
    assert (default.moves, default.change_step, default.most_change) == (4, 0.75, 3.0)  # 9 changes, of -3 to 3 kWh
    assert (default.levels * default.change_step, default.efficiency) == (9.0, 0.95)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"capacity": 1.0}, "capacity 1 must be 1 to 1000 times change_step 0.75"),
        ({"most_change": 0.5}, "most_change 0.5 must be 1 to 1000 times change_step 0.75"),
        ({"capacity": 7500.0, "change_step": 0.75}, "capacity 7500 must be 1 to 1000 times"),
        ({"efficiency": 0.0}, "efficiency"),
        ({"efficiency": 1.01}, "efficiency"),
        ({"peak_limit": 0.0}, "peak_limit"),
        ({"tariff": (0.0, 0.0)}, "tariff must have a price above 0"),
        ({"tariff": ()}, "tariff"),
        ({"tariff": (0.2, -0.1)}, "tariff"),
        ({"noise": 1.5}, "noise"),
        ({"tolerance": -0.1}, "tolerance"),
    ],
)
def test_a_battery_that_cannot_be_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        resolve(BatteryConfig, given)


def test_steps_that_are_whole_but_for_rounding_are_whole():
    config = BatteryConfig(change_step=0.1, most_change=0.3, capacity=0.7)
    assert (config.moves, config.levels) == (3, 7)


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (load_trace(DAY, day=3), "a period of 28800 s has several prices of a tariff that changes every 21600 s"),
        (load_trace(2e6 * DAY), "at most 1e\\+06 kWh a period, got 4e\\+06"),
    ],
)
def test_a_workload_that_cannot_be_is_refused(trace, message):
    with pytest.raises(DataError, match=message):
        build(BatteryConfig(**TINY), trace)


def test_shorter_periods_have_the_price_of_their_part_of_the_day_and_the_clock_goes_on():
    half_parts = load_trace(np.arange(10.0), periodic=False, day=8)  # 7 periods to train on, 3 to evaluate on
    domain = build(BatteryConfig(**TINY), half_parts)
    np.testing.assert_array_equal(domain.training.price, [0.2, 0.2, 0.1, 0.1, 0.4, 0.4, 0.3])
    np.testing.assert_array_equal(domain.evaluation.price, [0.3, 0.2, 0.2])
    np.testing.assert_array_equal(domain.evaluation.clock, [7 / 8, 0, 1 / 8])
    other = build(BatteryConfig(**TINY), half_parts, load_trace(DAY))
    np.testing.assert_array_equal(other.evaluation.price, TINY["tariff"])


def test_what_is_trained_on_is_scaled_by_itself_whatever_it_is_judged_on():
    domain = build(BatteryConfig(**TINY), load_trace(DAY), load_trace(10 * DAY))
    assert domain.environment(Part.EVALUATION, 1).observe().values[0, 0, 0, 0] == 5.0
    np.testing.assert_array_equal(domain.evaluation.excess_scale, [12.25])
    assert domain.spec.cost_scale == tiny(DAY).spec.cost_scale


def test_the_evaluations_loads_are_drawn_once_from_its_seed_within_the_noise():
    drawn = [tiny(np.tile(DAY, 50), noise_seed=seed, noise=0.1).conditions()[..., 1] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).all()
    share = drawn[0][:, 0] / np.tile(DAY, 50) - 1
    assert -0.1 <= share.min() < -0.095
    assert 0.095 < share.max() <= 0.1
    assert (tiny(DAY, noise=0.0).conditions()[:, 0] == DAY[:, None]).all()


def test_agents_see_what_is_expected_and_exact_answers_know_what_the_trace_says_comes():
    expected = np.array([0.5, 1.0, 0.4, 2.0])
    domain = build(BatteryConfig(**TINY, noise=0.0), load_trace(DAY, expected=expected[:, None]))
    seen = [domain.environment(Part.EVALUATION, 1).observe().values[0, 0, 0, 0]]
    assert seen == [0.25]
    idle = domain.expected(np.ones((4, 1), dtype=np.int64))
    np.testing.assert_allclose(idle.paid[:, 0], DAY * TINY["tariff"])
    np.testing.assert_array_equal(domain.conditions()[:, 0], np.stack((expected, DAY), 1))


def test_load_and_tolerance_can_drift_and_scales_stay():
    domain = tiny(DAY, tolerance=0.3)
    moved = domain.shifted(Shift(load=1.5, tolerance=0.1))
    np.testing.assert_allclose(moved.evaluation.load, 1.5 * domain.evaluation.load)
    assert moved.spec.limits == 0.1
    assert moved.spec.cost_scale == domain.spec.cost_scale
    assert moved.environment(Part.TRAINING, 1).observe().values[0, 0, 0, 0] == 0.75
    np.testing.assert_allclose(moved.shifted(Shift()).evaluation.load, domain.evaluation.load)
    wider = domain.shifted(Shift(noise=1.5, shape=0.0))
    assert wider.training.noise == pytest.approx(1.5 * domain.training.noise)
    np.testing.assert_allclose(wider.training.mean[:, 0], np.mean(DAY))
    for shift, steps, message in (
        (Shift(noise=9.0), None, "must be at most 1"),
        (Shift(service=2.0), None, "neither service times nor a cap"),
        (Shift(cap=2), None, "neither service times nor a cap"),
        (Shift(), (0, 2), "cannot be walked"),
    ):
        with pytest.raises(UsageError, match=message):
            domain.shifted(shift, steps)


def test_a_limit_that_no_battery_keeps_is_said():
    strict = tiny(DAY, peak_limit=0.5)
    (warning,) = strict.warnings
    least = float(strict.answer(np.array([[0.0, 1.0]])).objectives[0, 1])
    assert f"whatever the battery of h0 does, {least:.3g} of the load is taken above 0.5 kWh" in warning
    assert tiny(DAY, peak_limit=3.0).warnings == ()
    with pytest.raises(Exception, match=r"keeps the mean excess energy of h0 within 0\.02"):
        bound(strict)


def test_a_home_without_load_pays_nothing():
    domain = tiny(np.zeros(4))
    assert domain.warnings == ()
    _, came = domain.replayed(domain.answer(np.array([[0.5, 0.5]])).plan)
    assert came.paid.sum() == came.violations.sum() == 0
