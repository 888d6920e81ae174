"""The fairest mixtures and plans: against programs written out over all plays, and known numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from mamo_cli.core.errors import SolverError
from mamo_cli.core.fairness import jain, means_of
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.solvers import fair
from mamo_cli.solvers.fair import fairest
from mamo_cli.solvers.fair_plans import fairest_plan
from mamo_cli.solvers.highs import open_highs

SHARES = st.integers(0, 64).map(lambda n: n / 64)
PLAYS = arrays(float, (8, 4), elements=SHARES)


def oracle_of(plays):
    """The best of some plays, the first of equals."""
    return lambda prices: plays[(plays @ prices).argmin()]


def written_out(plays, weights, budget, held=()):
    """The least greatest sum of ordered violations, one row for each order; those before it held at their values."""
    count, agents = len(plays), plays.shape[1] - 1
    rows, limits = [np.r_[plays[:, 0], 0.0]], [budget]
    for own, most in [*held, (weights, None)]:
        for order in itertools.permutations(range(agents)):
            rows.append(np.r_[plays[:, 1:][:, order] @ own, 0.0 if most is not None else -1.0])
            limits.append(0.0 if most is None else most + 1e-9)
    one = np.r_[np.ones(count), 0.0][None]
    return linprog(np.r_[np.zeros(count), 1.0], np.array(rows), limits, one, [1.0]).fun


@settings(max_examples=30)
@given(PLAYS, SHARES)
def test_ordered_means_are_the_program_over_all_plays_and_orders(plays, budget):
    budget = max(budget, plays[:, 0].min())
    first = plays[[plays[:, 0].argmin()]]
    for kind in ("utilitarian", "ggf", "max-min"):
        found = fairest(means_of(kind, 3), first, budget, oracle_of(plays))
        held = []
        ranked = [[1 / 3] * 3] if kind == "utilitarian" else [[4 / 7, 2 / 7, 1 / 7]]
        ranked = [[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3] * 3] if kind == "max-min" else ranked
        for weights, value in zip(ranked, found.values, strict=True):
            assert value == pytest.approx(written_out(plays, weights, budget, held), abs=1e-7)
            held.append((weights, value))
        assert found.brought[0] <= budget + 1e-9
        assert found.gap <= 1e-8


@settings(max_examples=30)
@given(PLAYS, SHARES, st.sampled_from([0.0, 0.5, 1.0, 2.0, 8.0]))
def test_alpha_fair_mixtures_are_optimal_to_first_order(plays, budget, aversion):
    """Convex: nothing on the tangent at the answer is less than the answer, among all mixtures of all plays."""
    plays = plays * np.array([1.0, 0.9, 0.9, 0.9])  # somebody who is served nothing has no tangent
    budget = max(budget, plays[:, 0].min())
    (mean,) = means_of("alpha-fair", 3, aversion=aversion, loads=(1.0, 2.0, 4.0))
    found = fairest((mean,), plays[[plays[:, 0].argmin()]], budget, oracle_of(plays))
    slope, offset = mean.tangent(found.brought[1:])
    one = np.ones((1, len(plays)))
    least = linprog(plays[:, 1:] @ slope, plays[:, :1].T, [budget + 1e-9], one, [1.0]).fun + offset
    assert found.values[0] == pytest.approx(least, abs=1e-4)  # a tangent's value moves as the root of what is left
    assert found.gap <= 1e-8
    assert found.brought[0] <= budget + 1e-9
    known = fairest((mean,), plays, budget)  # all of them given, and no oracle
    assert known.values[0] == pytest.approx(found.values[0], abs=1e-8)


@pytest.mark.parametrize("aversion", [0.3, 0.5, 1.0, 1.1, 2.0])
def test_where_nobody_serves_an_agent_the_others_are_served_best_and_soon(aversion, monkeypatch):
    """Served (0, .8) or (0, .5): at aversion a < 1 a mean of 1 - .8 / 2^(1 / (1 - a)), and above that one of 1.

    No tangent has an infinite slope, so what is proven is a little less; that is what the gap says.
    """
    monkeypatch.setattr(fair, "MOST_ASKED", 20)
    plays = np.array([[0.5, 1.0, 0.2], [0.4, 1.0, 0.5]])
    means = means_of("alpha-fair", 2, aversion=aversion)
    for found in (fairest(means, plays), fairest(means, plays[1:], oracle=oracle_of(plays))):
        least = 1 - 0.8 * 2 ** (-1 / (1 - aversion)) if aversion < 1 else 1.0
        assert found.values[0] == pytest.approx(least, abs=1e-8)
        assert found.brought[2] == pytest.approx(0.2, abs=1e-3 if aversion <= 1 else 0.31)
        assert found.gap <= 1e-4


def test_what_no_tangent_reaches_is_in_the_gap():
    """Of ten agents one is served nothing: at aversion 1 the mean is 1, and no tangent there shows more than .89."""
    found = fairest(means_of("alpha-fair", 10, aversion=1.0), np.r_[0.5, 1.0, np.zeros(9)][None])
    mean = 1e-9**0.1  # of served shares of which none is less than 1e-9, a tenth of which the slope takes back
    assert found.values[0] == 1.0
    assert found.gap == pytest.approx(0.9 * mean, rel=1e-6)


def test_two_that_take_turns_by_hand():
    """(cost, violations): nothing at 0, one serves either at 1: within .5 each is served half of half of the time."""
    plays = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    found = fairest(means_of("max-min", 2), plays[:1], 0.5, oracle_of(plays))
    np.testing.assert_allclose(found.brought, [0.5, 0.75, 0.75], atol=1e-8)
    # Of requests 3 to 1 the first is served alone: it loses .5 of them, and the other all.
    found = fairest(means_of("utilitarian", 2, loads=(3, 1)), plays[:1], 0.5, oracle_of(plays))
    np.testing.assert_allclose(found.brought, [0.5, 0.5, 1.0], atol=1e-8)
    # Nothing known is within: what costs least is the budget. And whatever it costs, both take turns.
    assert fairest(means_of("ggf", 2), plays[1:], 0.25).brought[0] == 1.0
    np.testing.assert_allclose(fairest(means_of("ggf", 2), plays).brought, [1.0, 0.5, 0.5], atol=1e-8)


def test_whoever_is_stopped_early_says_how_far_it_may_be_off(monkeypatch):
    rng = np.random.default_rng(0)
    violations = rng.uniform(0.0, 1.0, (300, 3))
    plays = np.c_[1.0 - violations.mean(1) + 0.1 * rng.uniform(size=300), violations]
    means, first = means_of("alpha-fair", 3, aversion=3.0), plays[[plays[:, 0].argmin()]]
    least = fairest(means, first, 0.5, oracle_of(plays)).values[0]
    for asked in (8, 12):
        monkeypatch.setattr(fair, "MOST_ASKED", asked)
        found = fairest(means, first, 0.5, oracle_of(plays))
        assert found.gap > 1e-6
        assert found.values[0] - found.gap <= least + 1e-9


LOADS, SECONDS, UNITS = np.array([40.0, 15.0, 6.0]), np.array([0.065, 0.2, 0.5]), 12


def split(kind, **settings):
    """How three functions share 12 units, each rejecting as Erlang says."""
    groups = []
    for f, offered in enumerate(LOADS * SECONDS):
        group = np.zeros((UNITS + 1, 4))
        group[:, 0], group[0, 1 + f] = np.arange(UNITS + 1), 1.0
        group[1:, 1 + f] = erlang_b(offered, UNITS)
        groups.append(group)
    found = fairest_plan(open_highs, means_of(kind, 3, **settings), groups, UNITS)
    return found.choices.tolist(), found.brought[1:]


def test_twelve_units_for_three_functions():
    """The split that loses fewest requests rejects 75 % of one; max-min loses 1.45 times as many, but 21 % at most."""
    units, rejected = split("utilitarian", loads=LOADS)
    assert units == [6, 5, 1]
    np.testing.assert_allclose(rejected, [0.0324, 0.1101, 0.75], rtol=2e-3)
    assert jain(1.0 - rejected) == pytest.approx(0.8268, rel=1e-3)
    for kind in ("max-min", "ggf", "alpha-fair"):
        fair_units, fair_rejected = split(kind)
        assert fair_units == [4, 4, 4]
        np.testing.assert_allclose(fair_rejected, [0.1612, 0.2061, 0.2061], rtol=1e-3)
        assert jain(1.0 - fair_rejected) == pytest.approx(0.99931, rel=1e-4)
        assert LOADS @ fair_rejected / (LOADS @ rejected) == pytest.approx(1.447, rel=1e-3)


def test_a_budget_that_nothing_keeps_is_refused():
    groups = [np.array([[1.0, 0.5], [2.0, 0.2]])] * 2
    with pytest.raises(SolverError, match=r"no plan costs 1\.5 or less: the least is 2"):
        fairest_plan(open_highs, means_of("ggf", 1), groups, 1.5)
