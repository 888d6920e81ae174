"""Best plans against all plans of tiny stocks, and bounds that hold."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Scope, Termination
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.inventory.exact import positions
from mamo_cli.domains.inventory.optimum import optimum, prospect
from tests.domains.inventory.stocks import domain_of, stock

LEAD = 1
few = settings(max_examples=40, deadline=None)
means = st.lists(st.sampled_from([0.0, 0.3, 1.0, 1.7, 3.0]), min_size=4, max_size=4)
tolerances = st.sampled_from([0.02, 0.1, 0.3, 0.6, 1.0])


def tiny(mean):
    """One item over four periods, the choices of the first three of which come to something."""
    return prospect(stock(np.array(mean)[:, None], levels=4, lead_time=LEAD))


def every_plan(known):
    """All plans, their mean costs and violations, expected exactly."""
    plans = [np.array([*levels, 0])[:, None] for levels in product(range(5), repeat=3)]
    brought = np.stack([known.of(plan)[:, 0] for plan in plans])
    return plans, brought[..., 0].mean(axis=1), brought[..., 1].mean(axis=1)


@given(means, tolerances)
@few
def test_on_average_the_bound_is_below_every_plan_and_the_answer_within_one_choice_of_it(mean, tolerance):
    known = tiny(mean)
    _, costs, violations = every_plan(known)
    best = optimum(known, Scope.AVERAGE, tolerance)
    own = known.of(best.plan)[:, 0].mean(axis=0)
    allowed = violations <= max(tolerance, violations.min()) + 1e-9
    assert best.objective == own[0]
    assert own[1] <= max(tolerance, violations.min()) + 1e-9
    assert best.bound <= costs[allowed].min() + 1e-9
    assert best.objective - best.bound <= np.ptp(known.later[..., 0], axis=2).max() / 4 + best.objective_residual + 1e-9
    assert best.feasible.all() == (violations.min() <= tolerance)


@given(means, tolerances)
@few
def test_at_every_step_no_plan_within_the_limits_is_cheaper_whatever_came_before(mean, tolerance):
    known = tiny(mean)
    plans, costs, _ = every_plan(known)
    limit = np.maximum(tolerance * known.share[LEAD:], known.least_violation()[LEAD:] + 1e-12)
    kept = known.later[:3, :, :, 1] <= limit[..., None]
    within = [bool((kept | (positions(plan, known.start, known.demand)[:3] == 0)).all()) for plan in plans]
    best = optimum(known, Scope.STEP, tolerance)
    assert best.termination is Termination.OPTIMAL
    assert best.objective == pytest.approx(costs[within].min(), abs=1e-12)
    assert best.constraint_residual <= 1e-9


@given(means, st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
@few
def test_under_weights_the_bound_is_below_every_plan_and_reached_where_no_order_is_negative(mean, alpha):
    known, weights = tiny(mean), weights_of(np.array([alpha]))
    _, costs, violations = every_plan(known)
    worth = -rewards(np.stack((costs, violations), -1), weights[0], known.cost_scale)
    best = optimum(known, Scope.ALPHA, 0.1, weights)
    assert best.bound <= worth.min() + 1e-12 <= best.objective + 2e-12
    assert best.objective - best.bound == pytest.approx(best.objective_residual, abs=1e-12)
    if (np.diff(best.plan[:3, 0], prepend=known.start) >= 0).all():
        assert best.termination is Termination.OPTIMAL


@given(means)
@few
def test_a_plan_that_never_falls_reaches_its_levels_and_one_that_falls_holds_more(mean):
    known = tiny(mean)
    rising, falling = np.array([[2], [3], [3], [4]]), np.array([[4], [2], [0], [0]])
    assume(known.start[0] <= 2)
    np.testing.assert_allclose(known.of(rising), known.reached(rising), rtol=0, atol=1e-12)
    assert (known.of(falling)[..., 0] >= known.reached(falling)[..., 0] - 1e-12).all()
    assert (known.of(falling)[..., 1] <= known.reached(falling)[..., 1] + 1e-12).all()


def test_the_default_stock():
    domain = domain_of(np.full(288, 20.0))
    step, average = domain.optimum(Scope.STEP), domain.optimum(Scope.AVERAGE)
    assert (step.plan == 84).all()
    assert np.flatnonzero(~step.feasible).tolist() == [1, 2]  # before the first order arrives
    assert set(average.plan.ravel()) == {83, 84}
    assert average.objective < step.objective == step.bound
    assert 0 < average.gap < 1e-3
    assert average.termination is not Termination.OPTIMAL
    assert domain.expected(average.plan).violations.mean() == pytest.approx(0.1, abs=1e-4)
    assert (average.solver, step.solver) == ("lagrangian", "enumeration")


def test_a_season_shifts_each_level_by_the_lead_time_and_orders_are_not_negative():
    mean = 10 + 8 * np.sin(2 * np.pi * np.arange(48) / 24)
    domain = domain_of(mean)
    best = domain.optimum(Scope.STEP)
    coming = sum(np.roll(mean, -period) for period in range(4))
    assert np.corrcoef(best.plan[:, 0], coming)[0, 1] > 0.99
    assert best.feasible[3:].all()
    assert best.objective_residual > 0  # levels fall faster than demand takes them down
    average = domain.optimum(Scope.AVERAGE)
    assert average.bound < average.objective < best.objective
    assert average.gap < 0.05
    assert average.feasible.all()


def test_each_item_has_a_plan_of_its_own():
    means = np.stack((np.full(12, 6.0), np.linspace(1.0, 3.0, 12)), 1)
    both, alone = domain_of(means, levels=40), [domain_of(means[:, a], levels=40) for a in range(2)]
    for scope in (Scope.STEP, Scope.AVERAGE):
        joint, single = both.optimum(scope), [domain.optimum(scope) for domain in alone]
        np.testing.assert_array_equal(joint.plan, np.hstack([one.plan for one in single]))
        assert joint.objective == pytest.approx(sum(one.objective for one in single))
        assert joint.bound == pytest.approx(sum(one.bound for one in single))
    weights = weights_of(np.array([0.3, 0.6]))
    joint = both.optimum(Scope.ALPHA, weights)
    parts = [domain.optimum(Scope.ALPHA, weights[[a]]).objective for a, domain in enumerate(alone)]
    assert joint.objective == pytest.approx(np.mean(parts))  # a mean, as the task agents' reward is


def test_what_is_out_of_reach_is_said_and_answered_with_the_least_violation():
    domain = domain_of(np.full(20, 20.0), levels=60)
    best = domain.optimum(Scope.AVERAGE)
    assert (best.plan == 60).all()
    assert not best.feasible.any()
    assert best.constraint_residual == 0
    assert "set --levels higher" in domain.warnings[0]
    assert domain_of(np.full(20, 20.0)).warnings == ()


def test_scope_alpha_needs_weights_and_a_plan_its_levels():
    known = tiny([1.0] * 4)
    with pytest.raises(UsageError, match="weights"):
        optimum(known, Scope.ALPHA, 0.1)
    for wrong in (np.full((4, 1), 5), np.full((4, 1), -1), np.zeros((3, 1), dtype=np.int64)):
        with pytest.raises(ValueError, match="levels below 5"):
            known.of(wrong)
