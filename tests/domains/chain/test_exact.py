"""Base-stock levels against a newsvendor, a case by hand, all levels there are, and all policies there are."""

import itertools
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from mamo_cli.domains.chain.exact import Chain, best_levels, means
from mamo_cli.domains.tabular.exact import best
from mamo_cli.domains.tabular.exact import means as means_of_process
from mamo_cli.domains.tabular.process import Process

WEIGHTS = st.floats(0.02, 0.98)


@given(mean=st.floats(0.2, 12.0), lead=st.integers(1, 4), alpha=WEIGHTS)
@settings(max_examples=60, deadline=None)
def test_one_point_is_a_newsvendor(mean, lead, alpha):
    # The least level at which P(D <= S) is b / (b + h); on hand S P(D <= S) - m P(D <= S - 1), m the mean of D.
    chain = Chain(mean, (lead,), (2.0,), (200,))
    (level,) = best_levels(chain, 1.0 - alpha, alpha)
    demand = poisson(mean * (lead + 1))
    assert level == demand.ppf(alpha / (alpha + (1.0 - alpha) * 2.0))
    brought = means(chain, np.array([level]))
    on_hand = level * demand.cdf(level) - mean * (lead + 1) * demand.cdf(level - 1)
    assert brought.on_hand == pytest.approx([on_hand], abs=1e-11)
    assert brought.backlog == pytest.approx(on_hand - level + mean * (lead + 1), abs=1e-11)
    assert brought.cost == pytest.approx(2.0 * on_hand, abs=1e-11)


def test_two_points_by_hand():
    # Mean 1, both a period away, levels 1 and 2. The upper echelon has 2 - D on arrival: of D = 0 (1/e) one unit stays
    # above, of D = 1 (1/e) none; both times the position below is 1, else 2 - D, in the mean 1 - 1/e. Of demand in the
    # two periods that follow, 1 - D(2) is on hand if there is none: with 2/e times exp(-2).
    brought = means(Chain(1.0, (1, 1), (3.0, 1.0), (5, 5)), np.array([1, 2]))
    below = 2 * exp(-3)
    assert brought.position == pytest.approx([1 - exp(-1), 2.0], abs=1e-12)
    assert brought.on_hand == pytest.approx([below, exp(-1)], abs=1e-12)
    assert brought.backlog == pytest.approx(below - (1 - exp(-1)) + 2.0, abs=1e-12)
    assert brought.cost == pytest.approx(3 * below + exp(-1), abs=1e-12)


@given(level=st.integers(0, 30), leads=st.lists(st.integers(1, 3), min_size=2, max_size=4), mean=st.floats(0.2, 4.0))
@settings(max_examples=40, deadline=None)
def test_who_holds_nothing_above_is_one_point_as_far_away_as_all(level, leads, mean):
    points = len(leads)
    chain = Chain(mean, tuple(leads), (2.0,) * points, (30,) * points)
    brought = means(chain, np.full(points, level))
    alone = means(Chain(mean, (sum(leads),), (2.0,), (30,)), np.array([level]))
    assert brought.on_hand[1:] == pytest.approx(0.0, abs=1e-12)
    assert (brought.on_hand[0], brought.backlog) == pytest.approx((alone.on_hand[0], alone.backlog), abs=1e-11)


@given(alpha=WEIGHTS, holding=st.tuples(st.floats(0.1, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
@settings(max_examples=25, deadline=None)
def test_no_other_levels_of_three_points_are_better(alpha, holding):
    # The recursion goes from the customers up, over what shortages cost; `means` goes down, over probabilities.
    prices = tuple(np.cumsum(holding)[::-1].tolist())
    chain = Chain(1.0, (1, 1, 2), prices, (6, 7, 9))
    chosen = means(chain, best_levels(chain, 1.0 - alpha, alpha))
    costs, backlogs = TABLE[1] @ np.array(prices), TABLE[0]
    least = ((1.0 - alpha) * costs + alpha * backlogs).min()
    assert (1.0 - alpha) * chosen.cost + alpha * chosen.backlog == pytest.approx(least, abs=1e-11)


def _all_levels():
    chain = Chain(1.0, (1, 1, 2), (1.0, 1.0, 1.0), (6, 7, 9))
    told = [means(chain, np.array(levels)) for levels in itertools.product(range(7), range(8), range(10))]
    return np.array([one.backlog for one in told]), np.stack([one.on_hand for one in told])


TABLE = _all_levels()


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.8, 0.95])
def test_no_policy_of_any_kind_is_better(alpha):
    # All policies of two points that see everything, by policy iteration on the process of what is on hand.
    chain = Chain(0.7, (1, 1), (2.0, 1.0), (4, 5))
    process = _process(chain, lowest=-12, most=9)
    plan = best(process, np.array([1.0 - alpha, alpha]))
    cost, backlog = means_of_process(process, plan, process.objectives)
    exact = means(chain, best_levels(chain, 1.0 - alpha, alpha))
    least = (1.0 - alpha) * exact.cost + alpha * exact.backlog
    assert (1.0 - alpha) * cost + alpha * backlog == pytest.approx(least, rel=1e-5)
    assert (cost, backlog) == pytest.approx((exact.cost, exact.backlog), rel=1e-4)


def _process(chain, lowest, most):
    """Two points, each a period away, after what was due has arrived; demand and backlog are cut far out."""
    tops, prices = chain.levels, chain.holding_cost
    chance = poisson.pmf(np.arange(most + 1), chain.mean_demand)
    chance /= chance.sum()
    states = [
        (below, above)
        for below in range(lowest, tops[0] + 1)
        for above in range(tops[1] - lowest + 1)
        if below + above <= tops[1]
    ]
    place = {state: index for index, state in enumerate(states)}
    choices = list(itertools.product(range(tops[0] + 1), range(tops[1] + 1)))
    shape = (len(states), len(choices))
    successor, allowed = np.zeros((*shape, most + 1), dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    objectives = np.zeros((*shape, 2))
    demand = np.arange(most + 1)
    for s, (below, above) in enumerate(states):
        for c, (first, second) in enumerate(choices):
            shipped = min(max(first - below, 0), above)
            ordered = max(second - below - above, 0)
            left = below - demand
            allowed[s, c] = (shipped == max(first - below, 0) or first == 0) and (
                second >= below + above or second == 0
            )
            objectives[s, c] = (
                prices[0] * (chance @ np.maximum(left, 0)) + prices[1] * (above - shipped),
                chance @ np.maximum(-left, 0),
            )
            after = np.maximum(left + shipped, lowest)
            successor[s, c] = [place[one, above - shipped + ordered] for one in after.tolist()]
    return Process(
        successor=successor,
        chance=chance,
        allowed=allowed,
        objectives=objectives,
        cost_scale=1.0,
        starts=np.array([0]),
        ends=np.zeros(most + 1, dtype=np.bool_),
        came=demand.astype(float),
        observed=np.zeros((len(states), 1), dtype=np.float32),
        measures=np.stack(np.indices(shape), -1).astype(float),
    )


def test_what_counts_for_nothing_is_had_at_its_best():
    chain = Chain(1.0, (1, 1), (2.0, 1.0), (6, 9))
    free = means(chain, best_levels(chain, 1.0, 0.0))
    assert free.cost == 0.0
    assert free.backlog == pytest.approx(3.0)  # nothing is ordered before it is asked for: the way is three periods
    most = means(chain, best_levels(chain, 0.0, 1.0))
    every = [means(chain, np.array(levels)).backlog for levels in itertools.product(range(7), range(10))]
    assert most.backlog == pytest.approx(min(every), abs=1e-12)


def test_levels_of_another_chain_are_refused():
    with pytest.raises(ValueError, match="2 points"):
        means(Chain(1.0, (1, 1), (2.0, 1.0), (6, 9)), np.array([1, 2, 3]))
