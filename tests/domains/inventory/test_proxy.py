"""Unmet demand that counts in slow periods alone: by hand, by draws, and what exact agents make of it."""

import math

import numpy as np
import pytest
from scipy.stats import poisson

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import stream
from mamo_cli.domains.inventory import exact
from mamo_cli.domains.inventory.exact import poisson_surplus, slow_demand, slow_unmet
from tests.domains.inventory.stocks import domain_of

PROXY = {"proxy": "slow-periods"}


def test_by_hand_unmet_demand_of_a_period_above_its_mean_counts_for_nothing():
    # 2 units arrive, and none after them: 1 is met, then 2 of 3 are unmet, then 2 of 2. The mean is 2.5, and demand
    # below it is 1 or 2 in (2.5 + 2 * 2.5² / 2) exp(-2.5) = 8.75 exp(-2.5) units a period.
    told = domain_of(np.full(6, 2.5), levels=9, lead_time=1, **PROXY)
    for part, scale, counted in ((Part.TRAINING, 8.75 * np.exp(-2.5), (0, 0, 2)), (Part.EVALUATION, None, (0, 2, 2))):
        environment, unmet = told.environment(part, 1), []
        for demand in (1, 3, 2):
            step = environment.step(np.zeros((1, 1, 1), np.int64), np.full((1, 1, 1), demand))
            unmet.append(step.objectives[0, 0, 0, 1])
        own = told.evaluation.demand_scale[0] if scale is None else scale
        assert unmet == pytest.approx(np.array(counted) / own, rel=1e-12)


@pytest.mark.parametrize(("mean", "level"), [(20.0, 70), (20.0, 84), (2.5, 9), (0.7, 2)])
def test_what_is_expected_is_what_draws_bring(mean, level):
    rng = stream(0, "test")
    before, last = rng.poisson(3 * mean, 200_000), rng.poisson(mean, 200_000)
    unmet = np.maximum(before + last - level, 0) - np.maximum(before - level, 0)
    for drawn, expected in (
        (unmet * (last < mean), slow_unmet(np.array(level), np.array(3 * mean), np.array(mean))),
        (last * (last < mean), slow_demand(np.array(mean))),
    ):
        assert drawn.mean() == pytest.approx(expected, abs=5 * drawn.std() / np.sqrt(len(drawn)) + 1e-12)


def by_every_demand(level, before, last):
    each = [
        poisson.pmf(demand, last) * (demand + poisson_surplus(max(level - demand, 0), before)
                                     - poisson_surplus(level, before))
        for demand in range(math.ceil(last))
    ]  # fmt: skip
    return math.fsum(each)


@pytest.mark.parametrize("before", [0.0, 7.5])
@pytest.mark.parametrize("last", [0.0, 0.4, 1.0, 2.5, 9.0, 30.2])
def test_of_demand_beyond_the_level_the_sum_is_closed(before, last):
    levels = np.arange(40)
    found = slow_unmet(levels, np.array([before])[:, None], np.array([last])[:, None])
    expected = [by_every_demand(level, before, last) for level in levels.tolist()]
    np.testing.assert_allclose(found[0], expected, rtol=1e-9, atol=1e-13)


def test_a_demand_far_beyond_all_levels_is_no_sum_over_every_unit_of_it(monkeypatch):
    # Nothing arrives: all demand is unmet. It took a pass over all levels for each of a million units.
    asked = []
    monkeypatch.setattr(exact, "poisson_surplus", lambda *args: asked.append(args) or poisson_surplus(*args))
    mean = np.full((3, 1, 1), 1e6)
    found = slow_unmet(np.arange(11), np.zeros((3, 1, 1)), mean)
    assert found[:, 0, 0] == pytest.approx(slow_demand(mean)[:, 0, 0], rel=1e-9)
    assert len(asked) == 2


def test_exact_agents_that_train_on_slow_periods_leave_nearly_twice_as_much_unmet_as_they_believe():
    season = np.full(48, 20.0)
    told, control = domain_of(season, **PROXY), domain_of(season)
    believed, honest = bound(told, Part.TRAINING), bound(control)
    each = [told.expected(told.believed(own)) for own in believed.weights.swapaxes(0, 1)]
    true = believed.shares[0] @ [[one.paid.mean() / told.spec.cost_scale, one.violations.mean()] for one in each]
    assert believed.objectives[0, 1] == pytest.approx(0.10, rel=1e-9)
    assert true == pytest.approx([0.02912, 0.1740], rel=0.01)
    assert honest.objectives[0] == pytest.approx([0.04724, 0.1000], rel=0.01)
    assert bound(told).objectives == pytest.approx(honest.objectives, rel=1e-12)


def test_a_proxy_is_said():
    assert domain_of(np.full(6, 2.5)).spec.proxy is None
    assert domain_of(np.full(6, 2.5), **PROXY).spec.proxy.endswith(": E[U; D < m] / E[D; D < m]")
