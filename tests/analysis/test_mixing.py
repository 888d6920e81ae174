"""Bounds of agents that share a budget, or have several limits: against programs written out over all joint plays."""

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.analysis.bounds import Grid, bound, bounds_of, on_grid, unsearched
from mamo_cli.analysis.decomposition import TERMS, decomposed, shared_stages
from mamo_cli.analysis.perfect import UnreachableError, played
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.weights import alpha_grid, weights_of
from tests.analysis.tables import Tables, tables

EVERY = st.one_of(tables(), tables(agents=3), tables(violations=2), tables(violations=2, coupled=False))


@given(EVERY)
def test_the_bound_is_the_value_of_the_program_over_all_joint_plays(domain):
    least = domain.least_cost()
    if least is None:
        with pytest.raises(UnreachableError, match=r"no plays of the evaluation part keep the mean v0"):
            bound(domain)
        return
    found = bound(domain)
    assert found.cost == pytest.approx(least, abs=1e-9)
    assert found.gap <= 1e-9
    assert (found.objectives[:, 1:] <= domain.spec.limits + 1e-12).all()
    again = played(domain, found.weights, found.shares)  # it is what a perfect agent brings at these weights
    np.testing.assert_allclose(again.objectives, found.objectives, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.shares.sum(1), 1.0, rtol=1e-12)
    assert found.shares.shape[1] <= domain.spec.limits.size + 1
    if domain.spec.coupled:
        assert (found.shares == found.shares[0]).all()


@given(EVERY)
def test_prices_charge_for_violation_at_the_exact_rate(domain):
    if domain.least_cost() is None:
        return
    found, spec = bound(domain), domain.spec
    # Weak duality: no play, charged for what is beyond the limits and paid for what is within, costs less.
    for weights in ([1.0, *[0.0] * spec.limits.shape[1]], [0.0, *[1.0] * spec.limits.shape[1]]):
        brought = domain.answer(np.tile(weights, (len(spec.agents), 1))).objectives
        charged = brought[:, 0] + (found.prices * (brought[:, 1:] - spec.limits)).sum(1)
        assert charged.mean() >= found.cost - 1e-9


def test_agents_that_touch_one_another_within_too_many_limits_have_no_bound():
    # Their number decides alone: every agent has one choice, which costs nothing and violates nothing.
    for agents, touching in ((24, True), (25, True), (25, False)):
        nothing = np.zeros((1, agents, 1))
        domain = Tables(nothing, nothing[..., None], np.full((agents, 1), 0.1), np.ones((agents, 1), int), [agents])
        domain.spec = domain.spec._replace(touching=touching)
        refused = touching and agents > 24
        with pytest.raises(NothingExactError, match="within 25 limits") if refused else nullcontext():
            assert bound(domain).cost == 0.0


# Two agents, one step. Choice 1 costs .5 more and takes 2 units of 3 in place of 1, so that one of the two may have it.
# Who has it violates nothing, who has it not 1. Within .5 each has it half of the time: cost (.25 + .75) / 2 = .5.
COST = np.array([[[0.25, 0.75], [0.25, 0.75]]])
VIOLATION = np.array([[[1.0, 0.0], [1.0, 0.0]]])[..., None]
USE = np.array([[1, 2], [1, 2]])


def pair(limits, budget=3, priorities=None):
    return Tables(COST, VIOLATION, np.array(limits)[:, None], USE, [budget], priorities)


@pytest.mark.parametrize("priorities", [None, [0.1, 0.9]])
def test_two_that_take_turns_by_hand(priorities):
    found = bound(pair([0.5, 0.5], priorities=priorities))
    np.testing.assert_allclose(found.objectives, [[0.5, 0.5], [0.5, 0.5]], rtol=1e-9)
    assert found.cost == pytest.approx(0.5, rel=1e-9)
    # One may violate always: then the other never.
    always = bound(pair([1.0, 0.0], priorities=priorities))
    np.testing.assert_allclose(always.objectives, [[0.25, 1.0], [0.75, 0.0]], atol=1e-12)
    # With room for both each has it half of the time, too, and no budget binds.
    assert bound(pair([0.5, 0.5], 4)).cost == pytest.approx(0.5, rel=1e-9)


def test_limits_that_no_mixture_keeps_together_are_told_with_what_is_least_beyond():
    # Both violations sum to 1 at least, and .25 + .5 may be: .25 beyond.
    with pytest.raises(UnreachableError, match=r"mean v0 of every agent within the limits: .* 0.25 beyond"):
        bound(pair([0.25, 0.5]))


GRID = Grid(weights_of(alpha_grid(0.25)))


def test_what_cannot_be_searched_is_missing_and_the_terms_add_up_all_the_same():
    domain = pair([0.5, 0.5])
    assert unsearched(domain, None, mix=True) is None
    assert "mixtures alone" in unsearched(domain, GRID, mix=True)
    shared = shared_stages(domain, bounds_of(domain), GRID, mix=True)
    assert np.isnan(shared).all((1, 2)).tolist() == [False, False, True, True, False]
    settled, learnt = np.array([[0.5, 0.5], [0.75, 0.0]]), np.array([[0.5, 0.5], [0.5, 0.5]])
    stages = decomposed(domain, shared, settled, learnt)
    terms = {stage.name: None if stage.missing else stage.term for stage in stages[1:]}
    expected = (0.0, None, None, 0.0, 0.25, -0.25, 0.0)
    assert terms == {
        name: None if term is None else pytest.approx(term, abs=1e-9)
        for name, term in zip(TERMS, expected, strict=True)
    }
    assert not any(stage.bought for stage in stages)  # what became cheaper stays within its limit


@given(tables(violations=2, coupled=False))
def test_a_grid_of_weights_for_several_limits_is_dearer_than_the_bound(domain):
    if domain.least_cost() is None:
        return
    step = np.linspace(0.0, 1.0, 9)
    corners = np.array([[1 - a - b, a, b] for a in step for b in step if a + b <= 1.0])
    try:
        found = on_grid(domain, Grid(corners))
    except UnreachableError:
        return
    assert found.cost >= bound(domain).cost - 1e-9
    assert (found.objectives[:, 1:] <= domain.spec.limits + 1e-12).all()
