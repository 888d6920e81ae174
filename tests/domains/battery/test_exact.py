"""Best plans against all plans of a tiny battery, and against linear programs; means against draws."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Knowledge, Part, Scope, Termination
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.battery.domain import build, load
from mamo_cli.domains.battery.exact import mean_above, tables
from mamo_cli.domains.battery.settings import BatteryConfig
from tests.domains.battery.homes import TINY, reference, tiny

few = settings(max_examples=25, deadline=None)
loads = st.lists(st.sampled_from([0.0, 0.3, 1.0, 1.7, 3.0]), min_size=6, max_size=6).filter(any)
tolerances = st.sampled_from([0.0, 0.02, 0.1, 0.3, 1.0])


def every_play(table, config):
    """Mean bill and mean excess of all plans of one home of which a table `(T, C, 3)` tells, within what it holds."""
    moves, levels = config.moves, config.levels
    plans = np.array(list(product(range(2 * moves + 1), repeat=len(table))))
    charge = (plans - moves).cumsum(1)
    plans = plans[((charge >= 0) & (charge <= levels)).all(1)]
    return plans, table[np.arange(len(table)), plans].mean(1)[:, :2]


def least_mixed(table, config, limit):
    """The least mean bill of mixtures within a limit: a linear program over the chances of charges and choices."""
    steps, choices = table.shape[:2]
    levels, moves = config.levels, config.moves
    at = {
        key: place
        for place, key in enumerate(
            (t, charge, choice)
            for t, charge, choice in product(range(steps), range(levels + 1), range(choices))
            if 0 <= charge + choice - moves <= levels
        )
    }
    flow = sparse.lil_array((steps * (levels + 1), len(at)))
    for (t, charge, choice), place in at.items():
        flow[t * (levels + 1) + charge, place] += 1.0
        if t + 1 < steps:
            flow[(t + 1) * (levels + 1) + charge + choice - moves, place] -= 1.0
    begin = np.zeros(flow.shape[0])
    begin[0] = 1.0
    brought = np.array([table[t, choice, :2] for t, _, choice in at]) / steps
    solved = linprog(
        brought[:, 0], A_eq=flow.tocsr(), b_eq=begin, A_ub=brought[None, :, 1], b_ub=[limit], method="highs"
    )
    assert solved.status == 0
    return solved.fun


@given(low=st.floats(-5, 5), width=st.sampled_from([0.0, 1e-6, 0.5, 3.0]), threshold=st.sampled_from([0.0, 1.0, -2.0]))
@settings(max_examples=100, deadline=None)
def test_the_mean_above_a_threshold_is_the_integral(low, width, threshold):
    places = low + width * (np.arange(20_000) + 0.5) / 20_000
    found = mean_above(np.array(low), np.array(low + width), threshold)
    assert found == pytest.approx(np.maximum(places - threshold, 0.0).mean(), abs=1e-6)


def test_a_plan_brings_on_average_what_is_expected_of_it_every_period():
    domain, draws = tiny([[1.0, 0.2], [0.4, 1.9], [2.0, 0.0], [1.5, 2.5]], noise=0.5), 20_000
    plan = np.array([[2, 2], [2, 1], [0, 0], [0, 2]])
    rng = np.random.default_rng(1)
    came = domain.training.mean * (1 + rng.uniform(-0.5, 0.5, (draws, 4, 2)))
    environment = domain.environment(Part.TRAINING, draws)
    steps = [environment.step(np.broadcast_to(plan[t], (draws, 1, 2)), came[:, None, t]) for t in range(4)]
    expected = domain.expected(plan)
    for told, meant in (
        (np.stack([s.paid[:, 0] for s in steps]), expected.paid),
        (np.stack([s.objectives[:, 0, :, 1] for s in steps]), expected.violations[..., 0]),
        (np.stack([s.measures[:, 0, :, 2] for s in steps]), expected.measures[..., 2]),
    ):
        error = told.mean(1) - meant
        assert np.all(np.abs(error) <= 4.5 * told.std(1) / draws**0.5 + 1e-12)
    np.testing.assert_allclose(expected.measures[..., :2], np.stack([s.measures[0, 0, :, :2] for s in steps]))
    np.testing.assert_array_equal(domain.choices_of(expected.measures), plan)


def test_a_plan_beyond_what_the_battery_holds_is_what_can_be_done_of_it():
    domain = tiny([1.0, 0.5, 2.0, 1.0])
    too_much = np.array([[0], [2], [2], [2]])
    possible = np.array([[1], [2], [2], [1]])
    for one, other in zip(domain.expected(too_much), domain.expected(possible), strict=True):
        np.testing.assert_array_equal(one, other)
    meant, came = domain.replayed(too_much)
    np.testing.assert_array_equal(meant.paid, domain.expected(too_much).paid)
    told = reference(BatteryConfig(**TINY), domain.conditions()[:, 0, 1], too_much[:, 0], scale=1.125)
    np.testing.assert_allclose(came.paid[:, 0], told[:, 0])
    np.testing.assert_allclose(came.measures[:, 0], told[:, 1:4])
    np.testing.assert_allclose(came.violations[:, 0, 0], told[:, 4])


@given(loads, st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9, 1.0]), st.sampled_from(Knowledge))
@few
def test_under_weights_no_plan_is_better(mean, alpha, knowledge):
    domain, weights = tiny(mean), weights_of(np.array([alpha]))
    table = tables(domain.evaluation, known=knowledge is Knowledge.CLAIRVOYANT)[:, 0]
    plans, brought = every_play(table, BatteryConfig(**TINY))
    answer = domain.answer(weights, knowledge=knowledge)
    scores = brought / [domain.spec.cost_scale, 1.0] @ weights[0]
    assert answer.objectives[0] @ weights[0] == pytest.approx(scores.min(), abs=1e-14)
    own = int(np.flatnonzero((plans == answer.plan[:, 0]).all(1))[0])
    np.testing.assert_allclose(answer.objectives[0], brought[own] / [domain.spec.cost_scale, 1.0], atol=1e-15)


@given(loads, tolerances)
@few
def test_on_average_the_bound_is_below_every_plan_and_the_plan_within_the_limit(mean, tolerance):
    domain = tiny(mean, tolerance=tolerance)
    _, brought = every_play(tables(domain.evaluation)[:, 0], BatteryConfig(**TINY))
    best = domain.optimum(Scope.AVERAGE)
    played = domain.expected(best.plan)
    least = brought[:, 1].min()
    kept = brought[:, 1] <= max(tolerance, least) + 1e-9
    assert best.objective == pytest.approx(played.paid.mean(), abs=1e-15)
    assert played.violations.mean() <= max(tolerance, least) + 1e-9
    assert best.bound <= brought[kept, 0].min() + 1e-9 <= best.objective + 2e-9
    assert best.feasible.all() == (least <= tolerance + 1e-9)
    assert best.constraint_residual == pytest.approx(max(least - tolerance, 0.0), abs=1e-9)


@given(loads, tolerances)
@few
def test_at_every_step_least_excess_comes_first_and_then_the_bill(mean, tolerance):
    domain = tiny(mean, tolerance=tolerance)
    table = tables(domain.evaluation)[:, 0]
    plans, brought = every_play(table, BatteryConfig(**TINY))
    beyond = np.maximum(table[np.arange(len(table)), plans, 1] - tolerance, 0.0).sum(1)
    best = domain.optimum(Scope.STEP)
    assert best.termination is Termination.OPTIMAL
    assert best.objective == pytest.approx(brought[beyond <= beyond.min() + 1e-9, 0].min(), abs=1e-12)
    own = np.maximum(domain.expected(best.plan).violations - tolerance, 0.0)
    assert own.sum() == pytest.approx(beyond.min(), abs=1e-9)
    np.testing.assert_array_equal(best.feasible, own[..., 0] <= 1e-9)


@given(loads, st.sampled_from([0.05, 0.1, 0.2]), st.sampled_from(Knowledge))
@few
def test_bounds_by_dynamic_programming_are_those_by_linear_program(mean, tolerance, knowledge):
    domain, config = tiny(mean, tolerance=tolerance), BatteryConfig(**TINY)
    table = tables(domain.evaluation, known=knowledge is Knowledge.CLAIRVOYANT)[:, 0]
    _, brought = every_play(table, config)
    if brought[:, 1].min() > tolerance:
        return
    found = bound(domain, knowledge=knowledge)
    assert found.cost * domain.spec.cost_scale == pytest.approx(least_mixed(table, config, tolerance), abs=1e-8)


def week():
    """The default home, for a week."""
    config = BatteryConfig()
    return config, build(config, load(config).slice(0, 7 * 24))


@pytest.mark.parametrize("knowledge", Knowledge)
def test_a_week_of_the_default_battery_by_linear_program(knowledge):
    config, domain = week()
    table = tables(domain.evaluation, known=knowledge is Knowledge.CLAIRVOYANT)[:, 0]
    found = bound(domain, knowledge=knowledge)
    assert found.cost * domain.spec.cost_scale == pytest.approx(least_mixed(table, config, 0.02), abs=1e-8)
    assert found.objectives[0, 1] == pytest.approx(0.02, abs=1e-9)


def test_a_battery_that_could_change_by_any_amount_bounds_the_nine_changes_closely():
    # The continuous program: what is charged and discharged, from the grid and above the limit, in every hour.
    config, domain = week()
    hours, homes = 168, domain.evaluation
    one, before = sparse.eye_array(hours), sparse.eye_array(hours, k=-1)
    nothing, eta = 0 * one, config.efficiency
    cost = np.r_[np.zeros(2 * hours), homes.price, np.zeros(2 * hours)] / hours
    meter = sparse.hstack((one / eta, -eta * one, -one, nothing, nothing))  # <= -load
    excess = sparse.hstack((nothing, nothing, one, -one, nothing))  # <= limit
    mean = np.r_[np.zeros(3 * hours), np.ones(hours), np.zeros(hours)] / hours / homes.excess_scale[0]
    solved = linprog(
        cost,
        A_ub=sparse.vstack((meter, excess, mean[None])).tocsr(),
        b_ub=np.r_[-homes.load[:, 0], np.full(hours, config.peak_limit), config.tolerance],
        A_eq=sparse.hstack((one, -one, nothing, nothing, before - one)).tocsr(),
        b_eq=np.zeros(hours),
        bounds=np.repeat([[0, 3.0], [0, 3.0], [0, None], [0, None], [0, 9.0]], hours, 0).astype(object),
        method="highs",
    )
    found = bound(domain, knowledge=Knowledge.CLAIRVOYANT).cost * domain.spec.cost_scale
    assert 1.04 * solved.fun < found < 1.06 * solved.fun


def test_each_home_has_a_plan_of_its_own():
    mean = np.array([[1.0, 0.2], [0.4, 1.9], [2.0, 0.0], [1.5, 2.5]])
    both, alone = tiny(mean), [tiny(mean[:, a]) for a in range(2)]
    for scope in (Scope.STEP, Scope.AVERAGE):
        joint, single = both.optimum(scope), [domain.optimum(scope) for domain in alone]
        np.testing.assert_array_equal(joint.plan, np.hstack([one.plan for one in single]))
        assert joint.objective == pytest.approx(sum(one.objective for one in single))
    weights = weights_of(np.array([0.2, 0.7]))
    np.testing.assert_array_equal(both.perfect(weights), both.answer(weights).plan)
    assert both.optimum(Scope.ALPHA, weights).termination is Termination.OPTIMAL
    with pytest.raises(UsageError, match="weights"):
        both.optimum(Scope.ALPHA)


@pytest.mark.parametrize("part", Part)
def test_who_knows_more_never_does_worse_and_of_the_training_nobody_knows_more(part):
    _, domain = week()
    weights = weights_of(np.array([0.06]))
    knows, sees = (domain.answer(weights, part, knowledge).objectives[0] @ weights[0] for knowledge in Knowledge)
    assert sees - knows > 1e-3 if part is Part.EVALUATION else sees == knows


def test_the_default_figures():
    # A year: without control, without a limit, and at the limit; euros an hour.
    domain = build(BatteryConfig(), load(BatteryConfig()))
    idle = domain.expected(np.full((364 * 24, 1), 4))
    assert idle.paid.mean() == pytest.approx(0.265696, abs=5e-7)
    assert idle.violations.mean() == pytest.approx(0.067059, abs=5e-7)
    free = domain.answer(np.array([[1.0, 0.0]])).objectives[0] * [domain.spec.cost_scale, 1.0]
    np.testing.assert_allclose(free, [0.201802, 0.365457], atol=5e-7)
    causal, clairvoyant = (
        bound(domain, knowledge=each).cost * domain.spec.cost_scale
        for each in (Knowledge.CAUSAL, Knowledge.CLAIRVOYANT)
    )
    assert (round(clairvoyant, 6), round(causal, 6)) == (0.214108, 0.220366)
    average = domain.optimum(Scope.AVERAGE)
    assert average.bound == pytest.approx(causal, abs=1e-7)
    assert 0 <= average.gap < 1e-4
