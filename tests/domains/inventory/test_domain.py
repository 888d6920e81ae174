"""What is expected against what comes, and what is trained on against what is judged."""

import numpy as np
import pytest

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import Part, Scope
from mamo_cli.core.settings import resolve
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.inventory.domain import build, load
from mamo_cli.domains.inventory.environment import StockEnvironment
from mamo_cli.domains.inventory.settings import StockConfig
from mamo_cli.workload.generators import noisy, sinusoidal
from tests.domains.inventory.stocks import demand_trace, domain_of, played

SEASON = np.stack((6 + 5 * np.sin(np.arange(16) * np.pi / 4), np.full(16, 3.0)), 1)
PLANS = {
    "constant": np.full((16, 2), 20),
    "falling": np.tile(np.array([[34, 20], [20, 5], [8, 2], [0, 0]]), (4, 1)),
    "random": np.random.default_rng(5).integers(0, 40, (16, 2)),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_brings_on_average_what_is_expected_of_it_every_period(plan):
    domain, plays = domain_of(SEASON, levels=40, lead_time=2), 20_000
    environment = StockEnvironment(domain.training, plays)
    demand = np.random.default_rng(1).poisson(SEASON[:, None, None], (16, plays, 1, 2))
    _, on_hand, unmet = played(environment, np.broadcast_to(plan[:, None, None], demand.shape), demand)
    expected = domain.expected(plan)
    for came, meant in ((on_hand, expected.measures[..., 1]), (unmet, expected.violations[..., 0])):
        error = came.mean(axis=(1, 2)) - meant
        rare = 5 / plays  # what is expected of cases that came in no play, whose standard error is 0
        assert np.all(np.abs(error) <= 4.5 * came.std(axis=(1, 2)) / plays**0.5 + rare)
    assert (np.diff(plan, axis=0).min() < 0) == (len(np.unique(plan)) > 1)  # some of the orders would be negative


def test_the_first_periods_are_as_they_are_and_the_last_choices_come_to_nothing():
    domain = domain_of(SEASON, levels=40, lead_time=3)
    low, high, late = (domain.expected(plan) for plan in (np.zeros((16, 2), dtype=np.int64), *altered(high=40, last=3)))
    np.testing.assert_array_equal(low.violations[:3], high.violations[:3])
    assert (low.violations[3:] > high.violations[3:]).all()
    np.testing.assert_array_equal(late.violations, high.violations)
    np.testing.assert_array_equal(late.paid, high.paid)


def altered(high, last):
    plan = np.full((16, 2), high)
    yield plan
    yield np.vstack((plan[:-last], np.zeros((last, 2), dtype=np.int64)))


def test_the_mean_violation_is_all_unmet_over_all_demand():
    domain = domain_of(SEASON, levels=40, lead_time=2)
    _, came = domain.replayed(PLANS["random"])
    demand, levels = domain.conditions()[..., 1], came.measures[..., 0]
    unmet = came.violations[..., 0] * demand.mean(axis=0)
    np.testing.assert_allclose(unmet, np.rint(unmet), atol=1e-9)
    np.testing.assert_allclose(came.violations.mean(axis=0)[:, 0], unmet.sum(axis=0) / demand.sum(axis=0), rtol=1e-12)
    through = demand[1:-1] + demand[:-2] + demand[2:]
    np.testing.assert_array_equal(came.measures[2:, :, 1], np.maximum(levels[:-2] - through, 0))
    np.testing.assert_array_equal(came.paid, came.measures[..., 1])


def test_in_expectation_it_is_expected_unmet_over_expected_demand():
    domain = domain_of(SEASON, levels=40, lead_time=0)
    nothing = domain.expected(np.zeros((16, 2), dtype=np.int64))  # each unit is backlogged first, and met by an order
    np.testing.assert_allclose(nothing.violations[..., 0], SEASON / SEASON.mean(axis=0))
    np.testing.assert_allclose(nothing.violations.mean(axis=0), 1.0)


def test_a_perfect_agent_takes_the_best_level_of_every_period():
    domain = domain_of(SEASON, levels=40, lead_time=2, holding_cost=3.0)
    weights = weights_of(np.array([0.2, 0.6]))
    plan = domain.perfect(weights)
    worth = []
    for level in range(41):
        reached = domain.prospect.reached(np.full((16, 2), level))
        worth.append(rewards(reached, weights, domain.spec.cost_scale)[2:])
    np.testing.assert_array_equal(plan[:-2], np.argmax(worth, axis=0))
    assert domain.spec.cost_scale == 120.0
    expected = domain.expected(plan)
    np.testing.assert_array_equal(domain.choices_of(expected.measures), plan)
    np.testing.assert_allclose(expected.paid, 3.0 * expected.measures[..., 1])


def test_the_default_is_one_item_of_constant_demand():
    domain = build(StockConfig(), load(StockConfig()))
    assert domain.spec.agents == ("i0",)
    assert domain.spec.choices == (121,)
    np.testing.assert_array_equal(domain.spec.limits, [[0.1]])
    expected, demand = np.moveaxis(domain.conditions()[:, 0], -1, 0)
    np.testing.assert_array_equal(expected, np.full(288, 20.0))
    assert demand.mean() == pytest.approx(20.0, abs=1.0)
    assert demand.var() == pytest.approx(20.0, rel=0.3)


def test_the_evaluations_demand_is_drawn_once_from_its_seed_and_the_trainings_anew():
    drawn = [domain_of(SEASON, noise_seed=seed).conditions()[..., 1] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    domain = domain_of(SEASON)
    plays = [domain.replayed(PLANS["constant"])[1].paid for _ in range(2)]
    np.testing.assert_array_equal(*plays)
    np.testing.assert_array_equal(domain.environment(Part.TRAINING, 1).stock.demand_scale, SEASON.mean(axis=0))
    np.testing.assert_array_equal(domain.environment(Part.EVALUATION, 1).stock.demand_scale, drawn[0].mean(axis=0))


def test_a_trace_that_does_not_repeat_is_split_and_known_better_to_the_exact_answers():
    source = noisy(sinusoidal(mean=10, amplitude=5, period=20, steps=40), seed=2)
    domain = build(StockConfig(), source)
    np.testing.assert_array_equal(domain.training.mean, source.actual_rate_rps[:28])
    np.testing.assert_array_equal(domain.evaluation.mean, source.actual_rate_rps[28:])
    np.testing.assert_array_equal(domain.conditions()[..., 0], source.expected_rate_rps[28:])
    assert domain.optimum(Scope.STEP).plan.shape == (12, 1)


def test_an_item_without_demand_needs_nothing():
    domain = domain_of(np.zeros(8))
    assert (domain.optimum(Scope.STEP).plan == 0).all()
    _, came = domain.replayed(np.zeros((8, 1), dtype=np.int64))
    assert came.violations.sum() == came.paid.sum() == 0


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (demand_trace([1.0] * 3), "a --lead-time below 3"),
        (demand_trace([1.0] * 8, periodic=False), "a part of 2 periods"),
        (demand_trace([1e7] * 9), "at most 1e\\+06 units a period, got 1e\\+07"),
    ],
)
def test_a_workload_that_cannot_be_is_refused(trace, message):
    with pytest.raises(DataError, match=message):
        build(StockConfig(), trace)


@pytest.mark.parametrize("periods", [288, 1000])
def test_the_own_trace_is_of_so_many_periods_all_of_which_are_trained_and_evaluated_on(periods):
    domain = build(settings := StockConfig(periods=periods), load(settings))
    for stock in (domain.training, domain.evaluation):
        np.testing.assert_array_equal(stock.mean, np.full((periods, 1), 20.0))
    assert domain.spec.choices == (121,)
    assert settings.lead_time == 3


def test_a_trace_has_its_own_periods():
    assert resolve(StockConfig, {"trace": "own.csv", "periods": 288}).periods == 288  # as a resolved one has it
    with pytest.raises(UsageError, match="a trace has its own periods: leave periods out, got 300"):
        resolve(StockConfig, {"trace": "own.csv", "periods": 300})
