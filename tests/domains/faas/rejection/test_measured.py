"""The measured model: its fit by hand, its laws, what stands where nothing was measured, and how certain it is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import DataError
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.expectation import expected_rejection
from mamo_cli.domains.faas.rejection.measured import fit, standard_errors
from mamo_cli.domains.faas.rejection.models import ErlangModel
from mamo_cli.domains.faas.rejection.support import support_warning
from mamo_cli.domains.faas.rejection.table import build_table
from mamo_cli.workload.measurements import Measurements
from mamo_cli.workload.measurements_csv import read_measurements
from mamo_cli.workload.trace import Trace
from tests.workload.test_real_files import real


def measured(*rows, weights=None, series=None):
    """Of (rate, replicas, rejection)."""
    rate, replicas, rejection = np.array(rows, dtype=np.float64).T
    weight = np.ones(len(rows)) if weights is None else np.array(weights, dtype=np.float64)
    order = np.arange(len(rows)) if series is None else np.array(series)
    return Measurements("node.csv", rate, replicas, rejection, weight, order)


# Roots 1, 2, 3 and 4: knots stand a power of two apart, at least 4 / 64: at 1/16.
CORNERS = measured((4, 1, 0.3), (16, 1, 0.9), (1, 2, 0.05), (9, 2, 0.4), (4, 2, 0.2), (4, 2, 0.1))


def test_cells_are_means_and_lines_between_them_in_the_root_of_the_rate():
    model = fit(CORNERS)
    assert model.kink_step == 1 / 16
    found = model.rejection_probability([0.0, 1.0, 2.25, 4.0, 6.25, 9.0], 2)
    one = [0.0, 0.15, 0.225, 0.3, 0.45, 0.6]  # from 0, to .3 at the root 2, to .9 at 4
    two = [0.0, 0.05, 0.1, 0.15, 0.275, 0.4]  # to .05 at 1, to .15 at 2, to .4 at 3
    np.testing.assert_allclose(found, np.stack([one, two], -1), atol=1e-15)
    halfway = model.rejection_probability([(2 + 1 / 32) ** 2], 2)[0]
    np.testing.assert_allclose(halfway, [0.3 + 0.6 / 64, 0.15 + 0.25 / 32], atol=1e-15)


def test_where_nothing_was_measured_stands_the_most_that_can_be():
    model = fit(CORNERS)
    found = model.rejection_probability([9.0, 16.0, 17.0, 1e4], 4)
    np.testing.assert_allclose(found[0], [0.6, 0.4, 0.4, 0.4], atol=1e-15)
    np.testing.assert_allclose(found[1], [0.9, 0.9, 0.9, 0.9], atol=1e-15)  # of two replicas, only 9 requests/s
    np.testing.assert_array_equal(found[2:], 1.0)
    np.testing.assert_array_equal(model.reach_rps, [16.0, 16.0])
    np.testing.assert_array_equal(model.supported([9.0, 16.5], 3), [[True, True, False], [False] * 3])


def test_the_highest_rate_measured_rejects_what_was_measured_there():
    """Knots stand 1/4 apart: the root of 101 is 40.2 of them, so that its cell is at 100, and the next knot at 105.06.

    The line to 1 begins there, not at 100; at the knot after it, the root 10.5, it is at 1.
    """
    model = fit(measured(*[(rate, n, 0.0) for rate in (20, 40, 60, 80, 101) for n in range(1, 11)]))
    assert model.kink_step == 1 / 4
    np.testing.assert_array_equal(model.rejection_probability([100.0, 101.0, 10.25**2], 10), 0.0)
    np.testing.assert_allclose(model.rejection_probability([10.375**2, 10.5**2, 200.0], 1)[:, 0], [0.5, 1.0, 1.0])
    np.testing.assert_array_equal(model.reach_rps, 101.0)
    np.testing.assert_array_equal(model.supported([101.0, 101.1], 2), [[True, True], [False, False]])
    assert support_warning([model], [workload(50, 101)], 0.0, 10) is None


def test_a_highest_rate_below_its_knot_bounds_no_further():
    """The root of 99 is 39.8 quarters: its cell is at 100, of which nothing was measured."""
    model = fit(measured((99, 1, 0.3)))
    np.testing.assert_array_equal(model.reach_rps, [99.0])
    np.testing.assert_array_equal(model.supported([99.0, 100.0], 1), [[True], [False]])
    np.testing.assert_array_equal(model.rejection_probability([100.0, 10.25**2], 1), [[0.3], [1.0]])


def test_the_knot_above_the_highest_rate_keeps_to_other_replicas():
    """The root of 4.3 is 33.2 sixteenths: knots at 33 and 34, at which two replicas were measured to reject .5.

    One, which rejected .3, rejects no less there; and with three, of which less was measured, no more than the two.
    """
    model = fit(measured((4.3, 1, 0.3), ((34 / 16) ** 2, 2, 0.5), (16, 2, 0.9), (1, 3, 0.1)))
    np.testing.assert_allclose(model.rejection_probability([(34 / 16) ** 2], 3), [[0.5, 0.5, 0.5]], atol=1e-15)
    assert model.rejection_probability(4.3, 1)[0] == pytest.approx(0.3 + 0.2 * (16 * 4.3**0.5 - 33))
    np.testing.assert_array_equal(model.reach_rps, [4.3, 16.0, 16.0])


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_what_is_called_measured_is_bounded_by_measurements(seed):
    """With halves for all rejection no rate that was measured rejects more; the last knot of all is beyond."""
    rows, _ = random_rows(seed)
    model = fit(replace(rows, rejection=np.full(rows.rows, 0.5)))
    replicas = rows.whole_replicas.max()
    found = model.rejection_probability(rows.arrival_rate_rps, replicas)
    supported = model.supported(rows.arrival_rate_rps, replicas)
    assert supported[np.arange(rows.rows), rows.whole_replicas - 1].all()
    assert found[supported].max() <= 0.5
    assert (model.values[:, -1] == 1.0).all()


def test_lines_stay_within_what_other_replicas_were_measured_to_reject():
    """Of 1 replica the line from 0 to .8 is .4 at the root 2; two were measured to reject .5 there, so 1 does, too.

    Of 3, the line from 0 to .7 is .35 there, above the .3 that 2 would be measured to reject in the second table.
    """
    raised = fit(measured((16, 1, 0.8), (4, 2, 0.5)))
    np.testing.assert_allclose(raised.rejection_probability([4.0, 9.0], 2), [[0.5, 0.5], [0.6, 0.6]], atol=1e-15)
    lowered = fit(measured((4, 2, 0.3), (16, 2, 0.9), (16, 3, 0.7)))
    np.testing.assert_allclose(lowered.rejection_probability([4.0, 9.0], 3)[:, 2], [0.3, 0.525], atol=1e-15)


def test_fewer_replicas_than_were_measured_reject_everything():
    model = fit(measured((4, 3, 0.1)))
    np.testing.assert_array_equal(model.rejection_probability(4.0, 4), [1.0, 1.0, 0.1, 0.1])
    np.testing.assert_array_equal(model.reach_rps, [0.0, 0.0, 4.0])


def test_requests_weigh():
    model = fit(measured((4, 1, 0.0), (4, 1, 1.0), weights=(300, 100)))
    assert model.rejection_probability(4.0, 1) == 0.25
    assert model.weight.sum() == 400


def test_rows_without_traffic_say_nothing():
    with_idle = fit(measured((0, 1, 1.0), (4, 1, 0.3)))
    np.testing.assert_array_equal(with_idle.values, fit(measured((4, 1, 0.3))).values)
    with pytest.raises(DataError, match=r"node\.csv: arrival_rate_rps is 0 in every row"):
        fit(measured((0, 1, 0.0)))


def random_rows(seed, rows=40):
    rng = np.random.default_rng(seed)
    top = 10.0 ** rng.uniform(-2, 3)
    return measured(*zip(rng.uniform(0, top, rows), rng.uniform(0.1, 6, rows), rng.random(rows), strict=True)), top


@given(st.integers(0, 10**6), st.integers(1, 8), st.floats(0.2, 5.0))
@settings(max_examples=40, deadline=None)
def test_the_table_holds_the_model_to_rounding_and_its_laws(seed, replicas, beyond):
    rows, top = random_rows(seed)
    model = fit(rows)
    table = build_table([model], replicas, top * beyond)
    rates = np.random.default_rng(seed).uniform(0, top * beyond, 200)
    exact = model.rejection_probability(rates, replicas)
    for n in range(1, replicas + 1):
        np.testing.assert_allclose(table.lookup(rates[:, None], n)[:, 0], exact[:, n - 1], atol=1e-12)
    assert table.error_bound <= 1e-12
    assert exact.min() >= 0.0
    assert exact.max() <= 1.0
    assert (np.diff(exact, axis=1) <= 1e-15).all()
    assert (np.diff(exact[np.argsort(rates)], axis=0) >= -1e-15).all()


def test_a_table_of_models_of_two_kinds_keeps_its_bound():
    models = [fit(random_rows(1)[0]), fit(random_rows(2)[0]), ErlangModel(0.1)]
    table = build_table(models, 6, 77.0)
    rates = np.random.default_rng(0).uniform(0, 77.0, 2000)
    error = 0.0
    for n in range(1, 7):
        exact = np.stack([model.rejection_probability(rates, 6)[:, n - 1] for model in models], -1)
        error = max(error, np.abs(table.lookup(np.stack([rates] * 3, -1), n) - exact).max())
    assert error <= table.error_bound <= 1e-4
    assert table.max_rate_rps >= 77.0


def mean_between(model, low, high, replicas):
    """Simpson's rule over the root r between knots, exact for what is quadratic: P(r^2) 2 r."""
    inside = model.roots[(model.roots > low**0.5) & (model.roots < high**0.5)]
    ends = np.concatenate(([low**0.5], inside, [high**0.5]))

    def height(root):
        return model.rejection_probability(root**2, replicas) * 2 * root[:, None]

    middle = height((ends[:-1] + ends[1:]) / 2)
    thirds = np.diff(ends)[:, None] / 6 * (height(ends[:-1]) + 4 * middle + height(ends[1:]))
    return thirds.sum(0) / (high - low)


@given(st.integers(0, 10**6), st.sampled_from([1e-3, 0.05, 0.2, 0.9, 1.0]))
@settings(max_examples=30, deadline=None)
def test_the_mean_over_the_noise_is_exact(seed, noise):
    rows, top = random_rows(seed)
    model, rates = fit(rows), np.array([0.01, 0.3, 0.9, 1.2, 5.0]) * top
    by_hand = [mean_between(model, rate * (1 - noise), rate * (1 + noise), 7) for rate in rates]
    exact = expected_rejection([model], rates[:, None], noise, 7)[:, 0]
    np.testing.assert_allclose(exact, by_hand, atol=1e-10)
    np.testing.assert_array_equal(expected_rejection([model], np.zeros((1, 1)), noise, 7), 0.0)
    still = expected_rejection([model], rates[:, None], 0.0, 7)[:, 0]
    np.testing.assert_array_equal(still, model.rejection_probability(rates, 7))


def test_the_standard_error_of_a_lone_cell_is_that_of_a_mean():
    """100 rows, a fifth of them 1: sqrt(.2 x .8 / 100) = .04, and 200 draws know it to some 5 %."""
    rows = measured(*[(4, 1, float(row % 5 == 0)) for row in range(100)])
    (error,) = standard_errors(rows)[np.isfinite(standard_errors(rows))]
    assert error == pytest.approx(0.04, rel=0.15)


def test_rows_of_a_trace_are_drawn_together():
    """Four traces of 25 like rows, one of them all 1: sqrt(.25 x .75 / 4) = .217, not sqrt(.25 x .75 / 100)."""
    rows = measured(*[(4, 1, float(row < 25)) for row in range(100)])
    together = standard_errors(replace(rows, series=np.arange(100) // 25))
    assert np.nanmax(together) == pytest.approx(0.217, rel=0.15)


@pytest.mark.parametrize("idle", [0, 1])
def test_rows_of_the_only_trace_with_traffic_are_drawn_by_themselves(idle):
    """Drawn whole, it would be the same in every draw, and the error 0; a trace of no traffic makes no second."""
    rows = measured(*[(4, 1, float(row % 5 == 0)) for row in range(100)], *[(0, 1, 0.0)] * idle)
    together = standard_errors(replace(rows, series=np.append(np.zeros(100, np.int64), np.ones(idle, np.int64))))
    assert np.nanmax(together) == pytest.approx(0.04, rel=0.15)


def test_a_large_table_is_fitted_in_time_that_its_cells_take():
    """Rows of no trace are drawn in one go, and replicas that nobody measured cost nothing."""
    rng = np.random.default_rng(5)
    rates, replicas = rng.uniform(0, 50, 5_000), rng.choice([1, 2, 900], 5_000)
    lost = erlang_b(0.1 * rates, 1)[:, 0]
    rows = measured(*zip(rates, replicas, np.where(replicas > 2, 0.0, lost), strict=True))
    model = fit(rows)
    assert model.values.shape[0] == 900
    assert np.abs(model.rejection_probability(rates[:100], 1)[:, 0] - lost[:100]).max() < 0.05
    assert np.nanmax(standard_errors(rows)) < 0.02


def workload(*rates):
    values = np.array(rates, dtype=np.float64)[:, None]
    return Trace(("f",), values, values)


def test_a_node_within_the_measurements_is_not_warned():
    assert support_warning([fit(CORNERS)], [workload(1, 9, 12)], 0.2, 2) is None


def test_what_is_beyond_is_said_once_and_how_far():
    """Rates 3 x 1.2 and 15 x 1.2, of 1 to 4 replicas: 16 requests/s and 2 replicas were measured, so 2 of 8 were."""
    text = support_warning([fit(CORNERS)], [workload(3, 15)], 0.2, 4)
    assert "node.csv: 1 to 16 requests/s with 1 to 2 replicas were measured" in text
    assert "asks for up to 18 requests/s and 4 replicas" in text
    assert "75% was not" in text
    assert support_warning([ErlangModel(0.1)], [workload(3, 15)], 0.2, 4) is None


@pytest.mark.parametrize(("rows", "rates", "replicas"), [(CORNERS, (21, 30), 2), (measured((4, 3, 0.1)), (1, 2), 2)])
def test_a_node_of_which_nothing_was_measured_is_refused(rows, rates, replicas):
    with pytest.raises(DataError, match=r"node\.csv: nothing was measured of what the node asks"):
        support_warning([fit(rows)], [workload(*rates)], 0.2, replicas)


def test_a_real_node_is_fitted_and_held_to_the_other_half():
    """1000 minutes of an OpenFaaS node; a second count of the cells by pandas."""
    path = real("openfaas_measurements.csv")
    rows, model = read_measurements(path), fit(read_measurements(path))
    table = pd.read_csv(path)
    assert rows.rows == len(table) == model.weight.sum()
    five = table[(table["replicas"] > 4) & (table["arrival_rate_rps"].pow(0.5).div(model.kink_step).round() == 30)]
    assert model.weight[4, 30] == len(five)
    assert model.mean[4, 30] == pytest.approx(five["rejection_fraction"].mean(), rel=1e-12)
    assert (np.diff(model.values, axis=0) <= 0).all()
    assert (np.diff(model.values, axis=1) >= 0).all()
