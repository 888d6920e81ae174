"""A chain behind the seam: what is exact of it, as a team, and what a play brings."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bound, bounds_of, single
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Knowledge, Part, Scope, Shift
from mamo_cli.core.settings import Section
from mamo_cli.core.weights import weights_of
from mamo_cli.domains import registry
from mamo_cli.domains.chain.settings import ChainConfig
from mamo_cli.workload.generators import sinusoidal
from tests.domains.chain.chains import domain_of


def answer(domain, *alphas, **asked):
    return domain.answer(weights_of(np.array(alphas)), **asked)


def test_an_answers_plan_brings_its_objectives_to_every_point():
    domain = domain_of()
    for alpha in (0.1, 0.5):
        found = answer(domain, alpha, alpha, alpha)
        brought = domain.expected(found.plan)
        assert (brought.paid.shape, brought.measures.shape, brought.violations.shape) == ((1, 3), (1, 3, 2), (1, 3, 1))
        np.testing.assert_array_equal(brought.paid[0] / domain.spec.cost_scale, found.objectives[:, 0])
        np.testing.assert_array_equal(brought.violations[0], found.objectives[:, 1:])
        assert (found.objectives == found.objectives[0]).all()
        np.testing.assert_array_equal(domain.perfect(weights_of(np.full(3, alpha))), found.plan)
        # Prices of what is on hand, point by point.
        assert brought.paid[0, 0] == pytest.approx(brought.measures[0, :, 1] @ [3.0, 2.0, 1.0], rel=1e-12)


def test_weights_that_differ_count_by_their_mean_whoever_knows_what_of_which_part():
    domain = domain_of()
    together, apart = answer(domain, 0.25, 0.25, 0.25), answer(domain, 0.0, 0.25, 0.5)
    np.testing.assert_array_equal(apart.plan, together.plan)
    again = answer(domain, 0.25, 0.25, 0.25, part=Part.TRAINING, knowledge=Knowledge.CLAIRVOYANT)
    np.testing.assert_array_equal(again.objectives, together.objectives)


def test_both_bounds_are_the_mixture_of_two_neighbouring_plays_that_waits_the_limit():
    domain = domain_of()
    clairvoyant, causal = bounds_of(domain)
    assert clairvoyant.cost == causal.cost
    np.testing.assert_allclose(causal.objectives[:, 1], 0.02, atol=1e-12)
    assert (causal.weights == causal.weights[:1]).all()
    assert (causal.shares == causal.shares[:1]).all()
    assert causal.cost < single(domain).cost
    # By hand, from the levels on both sides: 15 20 30 waits .10779 / 5, the other one less.
    plays = [domain.expected(domain.perfect(weights)) for weights in causal.weights.swapaxes(0, 1)]
    waits, costs = np.array([(one.violations[0, 0, 0], one.paid[0, 0]) for one in plays]).T
    share = (0.02 - waits[0]) / (waits[1] - waits[0])
    assert causal.cost * domain.spec.cost_scale == pytest.approx(costs[0] + share * (costs[1] - costs[0]), rel=1e-9)
    assert round(causal.cost * domain.spec.cost_scale, 3) == 14.034


def test_a_price_is_what_a_little_more_wait_saves():
    base, found = domain_of(), bound(domain_of())
    more = bound(domain_of(tolerance=0.02002)).cost
    assert (found.cost - more) / 0.00002 == pytest.approx(found.prices.mean(), rel=1e-6)
    assert base.spec.joint
    assert not base.spec.coupled


def test_a_play_comes_near_the_exact_means():
    domain = domain_of(evaluation_steps=40_000)
    exact, played = domain.replayed(answer(domain, 0.7, 0.7, 0.7).plan)
    # Means of 40 stretches of 1,000 periods: of the standard error that they tell, five times.
    told = np.concatenate((played.paid[:, :1], played.violations[:, 0], played.measures.reshape(40_000, -1)), 1)
    wanted = np.concatenate((exact.paid[0, :1], exact.violations[0, 0], exact.measures.ravel()))
    stretches = told.reshape(40, 1_000, -1).mean(1)
    error = stretches.std(0, ddof=1) / np.sqrt(40)
    assert (abs(stretches.mean(0) - wanted) <= 5 * error + 1e-12).all()
    assert (error[:2] < np.array([0.01, 0.03]) * wanted[:2]).all()


def test_conditions_are_the_customers_demand_for_every_point():
    domain = domain_of(evaluation_steps=4_000, noise_seed=3)
    expected, came = np.moveaxis(domain.conditions(), -1, 0)
    assert (expected == 5.0).all()
    assert (came == came[:, :1]).all()
    assert abs(came[:, 0].mean() - 5.0) < 5 * np.sqrt(5.0 / 4_000)
    assert (domain_of(evaluation_steps=4_000, noise_seed=4).conditions() != domain.conditions()).any()


def test_a_limit_out_of_reach_is_said():
    assert domain_of().warnings == ()
    (warning,) = domain_of(levels=(10, 15, 25)).warnings
    assert warning.startswith("even with the highest levels, 10 15 25, demand waits 0.")


def test_what_a_chain_does_not_have_is_refused():
    config, domain = ChainConfig(), domain_of()
    source = registry.load_source("chain", config)
    with pytest.raises(UsageError, match="follows its state"):
        registry.build("chain", config, source, None, Section())
    with pytest.raises(UsageError, match="not on a --trace"):
        registry.build("chain", config, source, sinusoidal())
    with pytest.raises(UsageError, match="can shift"):
        domain.shifted(Shift(load=2.0))
    with pytest.raises(NothingExactError, match="no plan by step"):
        domain.optimum(Scope.AVERAGE)
    with pytest.raises(NothingExactError, match="by which policy"):
        domain.choices_of(np.zeros((5, 3, 2)))
    with pytest.raises(ValueError, match="a plan has shape"):
        domain.expected(np.zeros((2, 3), dtype=np.int64))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lead_time": (1, 1)}, "3 numbers, and lead_time says 2 points"),
        ({"levels": (9, 9)}, "2 numbers, and lead_time says 3 points"),
        ({"holding_cost": (1.0, 2.0, 1.0)}, "must not fall on the way to the customers"),
        ({"lead_time": (0, 1, 1)}, "greater than or equal to 1"),
    ],
)
def test_what_is_no_chain_is_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        ChainConfig(**settings)
