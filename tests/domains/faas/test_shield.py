"""What the shield promises, by exact sums over what may be counted; faults planted in it must break the same laws."""

import functools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson
from scipy.stats import chi2, poisson

from mamo_cli.domains.faas.rejection.models import ErlangModel, ServerlessModel
from mamo_cli.domains.faas.rejection.table import RejectionTable, build_table
from mamo_cli.domains.faas.shield import Shield, from_counts, from_noise, largest_rates, quantile, raised

CAP, PEAK_RPS = 12, 150.0
MODELS = (ErlangModel(0.065), ServerlessModel(0.1, 0.4, 60.0))
TABLE = build_table(MODELS, CAP, PEAK_RPS)
NO_TABLE = RejectionTable(np.zeros((len(MODELS), CAP, 2)), 1.0, 1.0, 0.0)  # lets the models alone decide

tolerances = st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.25, 0.6])
deltas = st.floats(1e-4, 0.5)
windows = st.floats(0.5, 300.0)


@functools.cache
def largest(tolerance, exact=False):
    return largest_rates(MODELS, NO_TABLE if exact else TABLE, np.array([tolerance, tolerance]))


def failing(shield, rate_rps, tolerance, function=0):
    """Probability over the counts at a fixed rate that P exceeds the tolerance though the cap allows more replicas."""
    mean = rate_rps * shield.window_s
    counts = np.arange(int(mean + 12 * np.sqrt(mean) + 40))
    floors = shield.floor(np.repeat(counts[:, None].astype(float), len(MODELS), 1))[:, function]
    rejection = MODELS[function].rejection_probability(rate_rps, CAP)
    bad = (rejection[floors - 1] > tolerance) & (floors < CAP)
    return poisson.pmf(counts, mean)[bad].sum()


@given(tolerances, deltas, windows, st.floats(0.0, PEAK_RPS), st.sampled_from([0, 1]))
@settings(max_examples=100)
def test_at_a_fixed_rate_it_fails_with_at_most_its_probability(tolerance, delta, window, rate, function):
    shield = from_counts(largest(tolerance), delta, window)
    assert failing(shield, rate, tolerance, function) <= delta + 1e-12


@given(tolerances, deltas, windows)
@settings(max_examples=30)
def test_at_the_rates_where_a_replica_more_is_needed_it_fails_as_often_as_whole_counts_can(tolerance, delta, window):
    # Just above the largest rate of n replicas the counts that let n play are those that it was made from: one count
    # more would be too often. So no smaller floor keeps the promise.
    exact = largest(tolerance, exact=True)
    shield, rates = from_counts(exact, delta, window), exact[0]
    for n in range(1, CAP):
        rate, most = rates[n - 1] * (1 + 1e-9), shield.enough[0, n - 1]
        assert failing(shield, rate, tolerance) == pytest.approx(poisson.cdf(most, rate * window), abs=1e-9)
        assert poisson.cdf(most + 1, rates[n - 1] * window) > delta


@given(tolerances, deltas, windows)
@settings(max_examples=30)
def test_it_is_garwoods_limit(tolerance, delta, window):
    # Floor of k counts: smallest n whose largest rate is not below chi2.ppf(1 - delta, 2 (k + 1)) / 2 / window.
    rates = largest(tolerance)
    shield = from_counts(rates, delta, window)
    counts = np.unique(np.concatenate((np.arange(20), np.maximum(shield.enough[0], 0), shield.enough[0] + 1)))
    limit = chi2.ppf(1 - delta, 2 * (counts + 1)) / 2 / window
    close = (np.abs(limit[:, None] / rates[0] - 1) < 1e-9).any(1)
    floors = shield.floor(np.stack((counts, counts), -1))[:, 0]
    wanted = np.minimum(1 + (rates[0] < limit[:, None]).sum(1), CAP)
    np.testing.assert_array_equal(floors[~close], wanted[~close])


def test_the_rate_that_replicas_serve_is_the_models_own_not_the_tables():
    rates = largest(0.05)
    for function, model in enumerate(MODELS):
        for n in range(1, CAP + 1):
            at, above = (model.rejection_probability(rates[function, n - 1] * f, CAP)[n - 1] for f in (1, 1.001))
            assert at <= 0.05 < above
            played = TABLE.lookup(np.full(2, min(rates[function, n - 1], PEAK_RPS)), np.full(2, n))[function]
            assert played <= 0.05
    # Erlang-B of one replica: a / (1 + a) = .05 at a = 1 / 19 erlang, less what the table errs by.
    assert rates[0, 0] == pytest.approx(1 / 19 / 0.065, rel=3e-3)
    assert rates[0, 0] <= 1 / 19 / 0.065


def test_the_planted_fault_of_a_mean_rate_without_a_bound_fails_the_law():
    shield = Shield(np.floor(largest(0.05) * 5.0), 5.0)  # n is enough for k counts if k / 5 s is a rate that n serves
    worst = max(failing(shield, rate, 0.05) for rate in np.linspace(1.0, 100.0, 100))
    assert worst > 0.4


def test_a_bound_for_another_probability_fails_the_law_somewhere():
    # A delta .06 is no delta .05: among rates just above those that n replicas serve, one fails more often.
    rates = largest(0.05, exact=True)
    worst = [max(failing(from_counts(rates, delta, 30.0), r * (1 + 1e-9), 0.05) for r in rates[0, :-1])
             for delta in (0.05, 0.06)]  # fmt: skip
    assert worst[0] <= 0.05 < worst[1]


def test_readings_at_the_edges_of_what_can_be():
    rates = largest(0.05)
    shield = from_counts(rates, 0.05, 30.0)
    # No request in 30 s: at most -ln .05 / 30 = .0999 requests/s, which one replica serves.
    assert shield.floor(np.zeros(2)).tolist() == [1, 1]
    # In .5 s: at most 5.99, .389 erlang: one replica rejects .28, two .052, three .0067.
    assert from_counts(rates, 0.05, 0.5).floor(np.zeros(2))[0] == 3
    everything = from_counts(largest(1.0), 0.05, 30.0)
    assert everything.floor(np.full(2, 1e9)).tolist() == [1, 1]
    assert from_counts(largest(0.0), 0.05, 30.0).floor(np.zeros(2))[0] == CAP


@given(tolerances, st.floats(0.0, 0.9), st.floats(0.0, 80.0), st.floats(-1.0, 1.0))
@settings(max_examples=100)
def test_within_the_noises_edge_it_never_fails(tolerance, noise, expected, deviation):
    shield = from_noise(largest(tolerance), noise)
    floor = shield.floor(np.full(2, expected * shield.edge))[0]
    came = expected * (1.0 + noise * deviation)
    rejection = MODELS[0].rejection_probability(came, CAP)
    assert rejection[floor - 1] <= tolerance or floor == CAP
    assert floor == 1 or MODELS[0].rejection_probability(expected * (1.0 + noise), CAP)[floor - 2] > tolerance - 1e-4


@given(deltas, st.floats(1.0, 60.0), st.floats(0.0, 0.5), st.floats(0.5, 140.0))
@example(0.5, 1.0, 1e-12, 1.0)  # whose ends cancel
@settings(max_examples=40, deadline=None)
def test_the_floors_distribution_is_that_of_counts_under_the_noise(delta, window, noise, rate):
    shield = from_counts(largest(0.05), delta, window)
    below = shield.below(np.zeros((2, 2)), np.array([[0.0, 0.0], [rate, rate]]), noise)
    assert (below[0] == (shield.enough >= 0)).all()  # without traffic nothing is counted
    means = rate * window * (1 + noise * np.linspace(-1, 1, 2001))
    wanted = simpson(poisson.cdf(shield.enough[0, :-1, None], means), dx=1 / 2000, axis=1)
    np.testing.assert_allclose(below[1, 0, :-1], wanted, rtol=0, atol=1e-9)


def price(window, delta):
    """Mean replicas of the floor alone over those that the rate takes, less 1, on the reference sinusoid."""
    model = ErlangModel(0.065)
    enough = largest_rates((model,), build_table((model,), 24, 90.0), np.array([0.05]))
    rate = 50 + 40 * np.sin(2 * np.pi * np.arange(288) / 288)[:, None]
    below = from_counts(enough, delta, window).below(rate, rate, 0.0)
    floor = raised(np.broadcast_to(np.arange(1.0, 25.0), below.shape), below)[:, 0, 0].mean()
    return floor / (1 + (enough < rate).sum(1)).mean() - 1


@pytest.mark.parametrize(("window", "delta", "more"), [(5, 0.05, 0.066), (30, 0.05, 0.021), (30, 0.001, 0.045)])
def test_the_price_of_knowing_the_rate_from_counts(window, delta, more):
    # Known from a sketch of its own that draws the counts 400 times at every step, and inverts by a table of rates.
    assert price(window, delta) == pytest.approx(more, abs=0.0006)


def test_means_of_what_the_floor_raises_by_hand():
    # Floor 1, 2 or 3 with probability .5, .3, .2; 1, 2 and 3 replicas bring 10, 4 and 1.
    below, values = np.array([[[0.5, 0.8, 1.0]]]), np.array([[[10.0, 4.0, 1.0]]])
    np.testing.assert_allclose(raised(values, below)[0, 0], [5 + 1.2 + 0.2, 0.8 * 4 + 0.2, 1.0], rtol=1e-15)


@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True), st.floats(0.0, 1e6))
def test_the_quantile_is_scipys(chance, mean):
    assert quantile(chance, np.array([mean]))[0] == poisson.ppf(chance, mean)


def test_no_command_waits_for_the_import_of_all_distributions():
    told = "import sys, mamo_cli.domains.faas.domain; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
