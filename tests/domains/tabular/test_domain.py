"""Both domains behind the seam: what is exact of them, and what a play tells of a policy."""

import numpy as np
import pytest

from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Knowledge, Part, Scope, Shift
from mamo_cli.core.settings import Section
from mamo_cli.core.weights import weights_of
from mamo_cli.domains import registry
from mamo_cli.domains.tabular.domain import MOST_UNKNOWN, UNKNOWN
from mamo_cli.domains.tabular.exact import shares
from mamo_cli.workload.generators import sinusoidal

BOTH = pytest.mark.parametrize("name", ["gridworld", "junction"])


def domain_of(name, **settings):
    config = registry.about(name).SETTINGS(**settings)
    return registry.build(name, config, registry.load_source(name, config))


def answer(domain, alpha, **asked):
    return domain.answer(weights_of(np.array([alpha])), **asked)


@BOTH
def test_an_answers_plan_brings_its_objectives(name):
    domain = domain_of(name)
    for alpha in (0.1, 0.5):
        found = answer(domain, alpha)
        brought = domain.expected(found.plan)
        assert brought.paid.shape == (1, 1)
        np.testing.assert_allclose(brought.paid[0] / domain.spec.cost_scale, found.objectives[:, 0], rtol=1e-12)
        np.testing.assert_allclose(brought.violations[0], found.objectives[:, 1:], rtol=1e-12)
        np.testing.assert_array_equal(domain.perfect(weights_of(np.array([alpha]))), found.plan)


@BOTH
def test_nobody_knows_what_comes_and_both_parts_are_alike_in_any_order_of_asking(name):
    first, other = domain_of(name), domain_of(name)
    alphas = (0.0, 0.15, 0.4, 1.0)
    before = [answer(first, alpha) for alpha in alphas]
    for alpha, one in zip(alphas[::-1], before[::-1], strict=True):
        again = answer(other, alpha, part=Part.TRAINING, knowledge=Knowledge.CLAIRVOYANT)
        np.testing.assert_array_equal(again.plan, one.plan)
        np.testing.assert_array_equal(again.objectives, one.objectives)


def test_measures_of_a_junction_are_its_mean_queues():
    domain = domain_of("junction")
    brought = domain.expected(answer(domain, 0.0).plan)
    assert brought.measures[0, 0, :2].sum() == pytest.approx(brought.paid.item())
    assert round(brought.paid.item(), 4) == 1.7556


@BOTH
def test_a_play_is_the_plans_own_and_its_means_come_near_the_exact_ones(name):
    domain = domain_of(name, evaluation_steps=20_000)
    plan = answer(domain, 0.2).plan
    exact, played = domain.replayed(plan)
    for row in played.measures[:200, 0]:
        ((state, choice),) = np.argwhere((domain.process.measures == row).all(-1) & domain.process.allowed)
        assert choice == plan[state, 0]
    # Means of 40 stretches of 500 periods: of the standard error that they tell, five times.
    for told, mean in ((played.paid, exact.paid), (played.violations[..., 0], exact.violations[..., 0])):
        stretches = told.reshape(40, 500).mean(1)
        assert abs(stretches.mean() - mean.item()) < 5 * stretches.std(ddof=1) / np.sqrt(40)


@BOTH
def test_measures_tell_the_plan_where_it_was_and_the_rest_hardly_matters(name):
    domain = domain_of(name, evaluation_steps=20_000)
    plan = answer(domain, 0.3).plan
    exact, played = domain.replayed(plan)
    told = domain.choices_of(played.measures)
    known = told[:, 0] != UNKNOWN
    np.testing.assert_array_equal(told[known], plan[known])
    assert shares(domain.process, plan[:, 0])[~known].sum() < MOST_UNKNOWN
    assert domain.expected(told).paid.item() == pytest.approx(exact.paid.item(), rel=1e-2)


def test_too_short_a_play_tells_no_plan():
    domain = domain_of("junction", evaluation_steps=20)
    _, played = domain.replayed(answer(domain, 0.3).plan)
    with pytest.raises(NothingExactError, match="too few states"):
        domain.expected(domain.choices_of(played.measures))


@BOTH
def test_plays_of_several_policies_and_means_of_plays_tell_no_plan(name):
    domain = domain_of(name, evaluation_steps=2_000)
    plays = [domain.replayed(answer(domain, alpha).plan)[1].measures for alpha in (0.0, 0.6)]
    with pytest.raises(NothingExactError, match="no single policy"):
        domain.choices_of(np.concatenate(plays))
    means = domain.expected(answer(domain, 0.3).plan).measures
    with pytest.raises(NothingExactError, match="no single policy"):
        domain.choices_of(np.repeat(means, 5, 0))


@BOTH
@pytest.mark.parametrize("wrong", [lambda plan: plan[:-1], lambda plan: plan + 9, lambda plan: plan - 9])
def test_a_plan_of_something_else_is_refused(name, wrong):
    domain = domain_of(name)
    with pytest.raises(ValueError, match="a plan has shape"):
        domain.expected(wrong(answer(domain, 0.3).plan))


@BOTH
def test_conditions_are_what_is_expected_and_what_came(name):
    domain = domain_of(name, evaluation_steps=4_000, noise_seed=3)
    expected, came = domain.conditions()[:, 0].T
    assert expected == pytest.approx(np.full(4_000, {"gridworld": 0.1, "junction": 0.5}[name]))
    # Five standard deviations of a mean: Bernoulli .1, or the sum of .3 and .2.
    assert abs(came.mean() - expected[0]) < 5 * np.sqrt({"gridworld": 0.09, "junction": 0.37}[name] / 4_000)
    other = domain_of(name, evaluation_steps=4_000, noise_seed=4)
    assert (other.conditions() != domain.conditions()).any()


def test_a_limit_out_of_reach_is_said():
    # At gamma .9 nobody visits more than 2.5573 times; b = 3 asks for a mean violation of .7.
    assert domain_of("gridworld", visits=2.55).warnings == ()
    (warning,) = domain_of("gridworld", visits=3.0).warnings
    assert warning.startswith("mean missed visits is at least 0.744")
    assert domain_of("junction", tolerance=0.0).warnings == ()


@BOTH
def test_what_a_process_does_not_have_is_refused(name):
    config = registry.about(name).SETTINGS()
    source, domain = registry.load_source(name, config), domain_of(name)
    with pytest.raises(UsageError, match="no such plan exists"):
        registry.build(name, config, source, source, Section())
    with pytest.raises(UsageError, match="not on a --trace"):
        registry.build(name, config, source, sinusoidal())
    with pytest.raises(UsageError, match="can shift"):
        domain.shifted(Shift(load=2.0))
    with pytest.raises(NothingExactError, match="no plan by step"):
        domain.optimum(Scope.AVERAGE)


def test_more_visits_than_there_are_periods_are_refused():
    """Discounted by gamma .9 all periods together count 1 / (1 - .9) = 10."""
    assert domain_of("gridworld", visits=10.0).spec.limits.item() == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match=r"visits 10\.1: discounted by gamma 0\.9 there are at most 10"):
        domain_of("gridworld", visits=10.1)
