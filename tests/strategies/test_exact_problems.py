"""Mixtures of what strategies try, where a perfect agent answers and the optimum is published."""

import pytest

from mamo_cli.strategies import registry
from tests.strategies.exact_learner import Stairs, domain_of, mixture, play, strategy_of

# gamma, discounted visits asked for, value: see tests/domains/tabular/test_published.py.
GRIDS = [(0.90, 1.50, 16.5272), (0.85, 1.00, 10.3050), (0.80, 0.70, 7.3097), (0.75, 0.50, 5.5940), (0.70, 0.38, 4.4433)]
# Cycles in which each is within a thousandth of the optimum at all five, and at the junction's .10 switches a slot.
ENOUGH = {"bisect": (4, 6), "dual": (8, 4), "pid": (7, 3), "ols": (5, 6)}


def found(name, domain, cycles):
    """Cost and violation of the best mixture of all that was tried."""
    _, objectives, _ = play(strategy_of(name, domain), domain, range(cycles))
    return mixture(objectives[:, 0, 0], domain.spec.limits[0])


@pytest.mark.parametrize(("gamma", "visits", "best"), GRIDS)
@pytest.mark.parametrize("name", ENOUGH)
def test_averages_at_the_gridworld_are_within_a_thousandth_of_the_optimum(name, gamma, visits, best):
    domain = domain_of("gridworld", gamma=gamma, visits=visits)
    cost, missed = found(name, domain, ENOUGH[name][0])
    assert (1.0 - missed) / (1.0 - gamma) >= visits - 1e-9
    value = (10.0 - 11.0 * cost) / (1.0 - gamma)
    assert best * 0.999 <= value <= best + 5e-5  # published to four places


@pytest.mark.parametrize("name", ENOUGH)
def test_averages_at_the_junction_are_within_a_thousandth_of_the_optimum(name):
    cost, switches = found(name, domain_of("junction", tolerance=0.10), ENOUGH[name][1])
    assert switches <= 0.10 + 1e-9
    assert 2.2090 - 5e-5 <= 24 * cost <= 2.2090 * 1.001


@pytest.mark.parametrize(("limit", "best"), [(0.15, 1.8376), (0.05, 3.6779)])
def test_bisect_is_at_the_junctions_other_limits_too(limit, best):
    cost, switches = found("bisect", domain_of("junction", tolerance=limit), 4)
    assert switches <= limit + 1e-9
    assert best - 5e-5 <= 24 * cost <= best * 1.001


@pytest.mark.parametrize(
    ("name", "cycles", "over"),
    [("bisect", 4, 0.0002), ("pid", 3, 0.002), ("dual", 2, 0.02), ("ols", 8, 0.02), ("grid", 9, 0.01)],
)
def test_averages_at_the_reference_node(name, cycles, over):
    cost, rejection = found(name, domain_of("faas"), cycles)
    assert rejection == pytest.approx(0.05)
    assert 0.0 <= 10 * cost / 6.22766 - 1.0 <= over  # the causal bound, in replicas


@pytest.mark.parametrize("name", sorted({*registry.STRATEGIES} - {"wa-dqn", "fixed", "rcpo", "fair"}))
def test_a_limit_that_holds_anyway_leaves_the_cheapest_and_one_out_of_reach_the_least_violation(name):
    for limit, settled in ((1.0, [0.1, 0.6]), (0.05, [0.9, 0.3])):
        problem = Stairs([[0.1, 0.6], [0.3, 0.5], [0.9, 0.3]], [[limit]])
        strategy = strategy_of(name, problem)
        play(strategy, problem, range(20))
        assert problem.answer(strategy.settled()[0]).tolist() == [settled]
