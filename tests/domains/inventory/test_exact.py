"""The equations against sums over the Poisson law, the plans against all others."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from mamo_cli.domains.inventory.exact import (
    POISSON,
    mixed,
    outcomes,
    poisson_chances,
    poisson_surplus,
    positions,
    smallest,
)

MANY = np.arange(400)


def constant(mean, lead_time, levels=120):
    """Stock on hand, and the share of demand that is unmet, of each constant level."""
    on_hand, unmet = np.moveaxis(
        outcomes(np.arange(levels + 1), np.array(mean * lead_time), np.array(mean), POISSON), -1, 0
    )
    return on_hand, unmet / mean


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 80.0])
def test_the_surplus_is_the_sum_over_the_law(mean):
    levels = np.arange(121)
    direct = np.maximum(levels[:, None] - MANY, 0) @ poisson.pmf(MANY, mean)
    np.testing.assert_allclose(poisson_surplus(levels, np.array(mean)), direct, rtol=1e-10, atol=1e-12)


def test_unmet_demand_is_what_the_backlog_grows_by():
    before, last, level = 6.0, 2.0, 7
    both = np.multiply.outer(poisson.pmf(MANY, before), poisson.pmf(MANY, last))
    missing = np.maximum(MANY[:, None] + MANY - level, 0) - np.maximum(MANY - level, 0)[:, None]
    assert outcomes(np.array(level), np.array(before), np.array(last), POISSON)[1] == pytest.approx(
        (both * missing).sum()
    )


@pytest.mark.parametrize(
    ("mean", "lead_time", "fill", "level", "on_hand"),
    [
        (20.0, 3, 0.90, 84, 5.943),
        (20.0, 3, 0.95, 88, 8.944),
        (20.0, 3, 0.99, 95, 15.199),
        (5.0, 2, 0.90, 19, 4.337),
        (5.0, 2, 0.95, 20, 5.212),
        (5.0, 2, 0.99, 23, 8.043),
    ],
)
def test_the_smallest_constant_levels(mean, lead_time, fill, level, on_hand):
    held, unmet = constant(mean, lead_time)
    assert smallest(unmet, np.array(1 - fill)) == level
    assert held[level] == pytest.approx(on_hand, abs=5e-4)


def test_two_levels_in_turn_hold_less_than_one():
    held, unmet = (np.tile(table, (400, 1)) for table in constant(5.0, 2, levels=40))
    plan, bound = mixed(held, unmet, 400 * 0.1)
    assert set(plan) == {18, 19}
    assert held[0, plan].mean() == pytest.approx(3.54, abs=5e-3)
    assert unmet[0, plan].mean() <= 0.1
    assert 0 <= held[0, plan].sum() - bound <= held[0, 19] - held[0, 18]


def test_out_of_reach_the_smallest_of_the_least_violation_is_taken():
    violation = np.array([[0.9, 0.4, 0.1], [0.9, 0.5, 0.5], [0.2, 0.2, 0.2]])
    np.testing.assert_array_equal(smallest(violation, np.array([0.4, 0.3, 0.1])), [1, 1, 0])
    plan, bound = mixed(np.tile([0.0, 1.0, 2.0], (3, 1)), violation, 0.7)
    np.testing.assert_array_equal(plan, [2, 1, 0])
    assert bound == np.inf


@st.composite
def tables(draw):
    """Rising costs, falling violations `(T, C)`, and a limit on the violations' sum."""
    steps, choices = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    values = st.lists(st.integers(0, 64), min_size=choices, max_size=choices)
    cost = np.array([sorted(draw(values)) for _ in range(steps)]) / 64
    violation = np.array([sorted(draw(values), reverse=True) for _ in range(steps)]) / 64
    return cost, violation, draw(st.integers(0, 64 * steps)) / 64


@given(tables())
@settings(max_examples=300, deadline=None)
def test_a_mixture_is_within_one_choice_of_the_best_and_its_bound_below(table):
    cost, violation, limit = table
    plans = np.array(list(product(range(cost.shape[1]), repeat=len(cost))))
    costs, violations = (each[np.arange(len(cost)), plans].sum(axis=1) for each in table[:2])
    plan, bound = mixed(cost, violation, limit)
    own, kept = (each[np.arange(len(cost)), plan].sum() for each in table[:2])
    if (violations > limit).all():
        assert kept == violations.min()
        assert own == costs[violations == kept].min()
    else:
        assert kept <= limit
        assert bound <= costs[violations <= limit].min() <= own <= bound + np.ptp(cost, axis=1).max() + 1e-9


def test_positions_by_hand():
    # From 3 with P(D = 0, 1, >= 2) = 1/2, 1/4, 1/4: level 1 is exceeded by what demand leaves of 3, level 2 of that.
    demand = np.tile([0.5, 0.25, 0.25, 0.0], (3, 1, 1))
    chance = positions(np.array([[0], [1], [2]]), np.array([3]), demand)[:, 0]
    np.testing.assert_allclose(chance, [[0, 0, 0, 1], [0, 0.25, 0.25, 0.5], [0, 0, 0.75, 0.25]])


def test_chances_of_demand_are_the_law_even_of_none():
    means = np.array([[0.0, 0.7], [20.0, 300.0]])
    expected = poisson.pmf(np.arange(51), means[..., None])
    np.testing.assert_allclose(poisson_chances(means, 51), expected, rtol=1e-10, atol=1e-300)
