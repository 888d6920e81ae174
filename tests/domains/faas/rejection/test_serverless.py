import math
import warnings
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pacsltk.perfmodel import get_sls_warm_count_dist

from mamo_cli.domains.faas.rejection import serverless
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.serverless import serverless_rejection


def random_points(count, seed, *, max_replicas, rate_rps, service_s, idle_s):
    """Draws (rate, n, warm, cold, idle), each log-uniform in its range."""
    rng = np.random.default_rng(seed)
    spans = [np.log(span) for span in (rate_rps, service_s, service_s, idle_s)]
    for _ in range(count):
        rate, warm, cold, idle = (float(np.exp(rng.uniform(*span))) for span in spans)
        yield rate, int(rng.integers(1, max_replicas + 1)), warm, cold, idle


def authors_rejection(rate, n, warm, cold, idle):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs: division by zero where a probability underflows
        answer, _ = get_sls_warm_count_dist(rate, warm, cold, idle, maximum_concurrency=n, faster_solution=False)
    return float(answer["rejection_prob"])


def exact_rejection(rate, n, warm, cold, idle):
    """The authors' formulas with their subtractions as they stand, in 100 digits; stationarity by products."""
    with localcontext(prec=100, Emax=MAX_EMAX, Emin=MIN_EMIN):
        rate, warm, cold, idle = (Decimal(value) for value in (rate, warm, cold, idle))
        inverse = blocking_before = Decimal(1)
        kill_rate, weights = Decimal(0), [Decimal(1)]
        for m in range(1, n + 1):
            inverse = 1 + inverse * m / (rate * warm)
            served = rate * (blocking_before - 1 / inverse)
            gap = served * (idle + warm)
            inter_arrival = -(idle + warm) * (-gap).exp() + (1 - (-gap).exp()) / served
            kill_rate += 1 / (idle + (1 / (-served * idle).exp() - 1) * inter_arrival)
            block_rate = rate * blocking_before
            weights.append(weights[-1] * block_rate / (1 + block_rate * cold) / kill_rate)
            blocking_before = 1 / inverse
        return float(blocking_before * weights[-1] / sum(weights))


def assert_agrees_with_authors(count, seed):
    """1e-9 relative, on every draw where theirs is finite; below 1e-300 both have lost digits to underflow."""
    ranges = {"rate_rps": (1e-2, 1e4), "service_s": (1e-2, 3.0), "idle_s": (1e-2, 1e3)}
    for point in random_points(count, seed, max_replicas=20, **ranges):
        theirs = authors_rejection(*point)
        if math.isfinite(theirs):
            assert serverless_rejection(*point)[-1] == pytest.approx(theirs, rel=1e-9, abs=1e-300), point


def test_one_replica_by_hand():
    # lambda = s_w = s_c = tau = 1: B_1 = 1/2, so the replica serves L = 1/2 and y = L (tau + s_w) = 1.
    # Its life is K = 1 + (e^(1/2) - 1) (1 - 2/e) / (1/2); a cold start comes at rate b_0 = 1/2.
    # Two states, up at 1/2 and down at 1/K: p_1 = (1/2) / (1/2 + 1/K), and P = p_1 / 2.
    life = 1 + 2 * (math.exp(0.5) - 1) * (1 - 2 / math.e)
    expected = 0.5 * 0.5 / (0.5 + 1 / life)
    assert serverless_rejection(1.0, 1, 1.0, 1.0, 1.0) == pytest.approx([expected], rel=1e-14)


def test_agrees_with_the_authors_code():
    assert_agrees_with_authors(2000, seed=0)


def test_comparison_with_the_authors_catches_a_planted_fault(monkeypatch):
    life = serverless._replica_life
    monkeypatch.setattr(serverless, "_replica_life", lambda served, warm, idle: life(served, warm * (1 + 1e-6), idle))
    with pytest.raises(AssertionError):
        assert_agrees_with_authors(100, seed=0)


def test_no_digit_is_lost_far_outside_the_usual_range():
    ranges = {"rate_rps": (1e-6, 1e6), "service_s": (1e-4, 10.0), "idle_s": (1e-4, 1e6)}
    for point in random_points(150, 1, max_replicas=40, **ranges):
        assert serverless_rejection(*point)[-1] == pytest.approx(exact_rejection(*point), rel=1e-11, abs=1e-300), point


def test_every_replica_count_in_one_pass():
    row = serverless_rejection(7.0, 12, 0.5, 2.0, 3.0)
    alone = [serverless_rejection(7.0, n, 0.5, 2.0, 3.0)[-1] for n in range(1, 13)]
    np.testing.assert_array_equal(row, alone)
    assert serverless_rejection(np.ones((4, 3)), 12, 0.5, 2.0, 3.0).shape == (4, 3, 12)


def test_short_timeout_is_optimistic_as_the_specification_says():
    assert serverless_rejection(100.0, 10, 0.1, 0.25, 0.05)[-1] < 5e-4
    assert erlang_b(100.0 * 0.1, 10)[-1] == pytest.approx(0.215, abs=5e-4)


@pytest.mark.parametrize("idle", [0.0, 5e-324, 1e-300, 1e-3, 60.0, 1e308, math.inf])
@pytest.mark.parametrize("warm", [1e-6, 0.065, 1e6])
def test_finite_in_range_and_below_erlang_everywhere(warm, idle):
    rates = np.array([0.0, 5e-324, 1e-310, 1e-200, 1e-10, 1.0, 1e10, 1e200, 1.7e302])
    rejection = serverless_rejection(rates, 50, warm, 0.25, idle)
    assert ((rejection >= 0.0) & (rejection <= erlang_b(rates * warm, 50))).all()
    assert (rejection[0] == 0.0).all()


def test_idle_timeout_limits():
    rates = np.geomspace(0.1, 1e3, 50)
    erlang = erlang_b(rates * 0.065, 20)
    gaps = [np.abs(serverless_rejection(rates, 20, 0.065, 0.25, idle) - erlang).max() for idle in (1, 1e3, 1e6)]
    assert gaps[0] > 1e-3 > gaps[1] > 1e-6 > gaps[2]
    np.testing.assert_array_equal(serverless_rejection(rates, 20, 0.065, 0.25, math.inf), erlang)
    assert (serverless_rejection(rates, 20, 0.065, 0.25, 0.0) == 0.0).all()


RATE = st.floats(0, 1e9)
SERVICE = st.floats(1e-4, 1e3)


@given(RATE, RATE, SERVICE, SERVICE, st.one_of(st.floats(0, 1e6), st.just(math.inf)))
def test_laws(rate, other, warm, cold, idle):
    low, high = serverless_rejection(sorted((rate, other)), 30, warm, cold, idle)
    assert ((low >= 0.0) & (high <= 1.0)).all()
    assert (np.diff(low) <= 1e-13 * low[:-1]).all(), "more replicas never reject more"
    assert (high >= low * (1 - 1e-11)).all(), "more traffic never rejects less"
