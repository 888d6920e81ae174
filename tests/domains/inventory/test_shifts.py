"""A stock under other conditions."""

import numpy as np
import pytest

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Part, Scope, Shift
from tests.domains.inventory.stocks import domain_of, played

MEAN = 6.0 + np.arange(12.0) % 4


def test_demand_and_tolerance_shift_as_if_they_were_configured_so():
    shifted = domain_of(MEAN, levels=60).shifted(Shift(load=1.5, tolerance=0.02))
    configured = domain_of(1.5 * MEAN, levels=60, tolerance=0.02)
    assert shifted.conditions().tobytes() == configured.conditions().tobytes()
    assert shifted.spec.limits.tolist() == [[0.02]]
    assert shifted.spec.cost_scale == domain_of(MEAN, levels=60).spec.cost_scale
    ours, theirs = (domain.optimum(Scope.AVERAGE) for domain in (shifted, configured))
    assert (ours.objective, ours.plan.tolist()) == (theirs.objective, theirs.plan.tolist())


def test_what_is_on_hand_and_on_order_stays_when_demand_shifts():
    domain = domain_of(MEAN, levels=60)
    before = domain.environment(Part.EVALUATION, 1)
    played(before, np.full((5, 1, 1, 1), 30), domain.evaluation.demand[:5, None, None])
    after = domain.shifted(Shift(load=2.0)).environment(Part.EVALUATION, 1)
    after.load_state_dict(before.state_dict())
    assert np.array_equal(after.observe().values[..., 1:], before.observe().values[..., 1:])
    np.testing.assert_allclose(after.observe().values[..., 0], 2 * before.observe().values[..., 0], rtol=1e-6)


@pytest.mark.parametrize("shift", [Shift(service=1.4), Shift(cap=7), Shift(noise=0.5)])
def test_what_a_stock_has_not_cannot_shift(shift):
    with pytest.raises(UsageError, match="no service times, noise or cap: load, shape and tolerance can shift"):
        domain_of(MEAN).shifted(shift)


def test_a_stock_is_not_cut_into_windows():
    with pytest.raises(UsageError, match="what is ordered in one arrives in another"):
        domain_of(MEAN).shifted(AS_CONFIGURED, (0, 4))


def test_demand_beyond_all_bounds_is_refused_as_it_is_in_a_trace():
    with pytest.raises(DataError, match="demand is at most 1e\\+06 units a period"):
        domain_of(1e4 * MEAN).shifted(Shift(load=1000.0))
