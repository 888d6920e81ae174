"""The long run of a simulated function, held to Erlang-B, and its standard error to the spread of repetitions."""

import math

import numpy as np
import pytest

from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.simulation.pool import Service
from mamo_cli.domains.faas.simulation.steady import steady

WARM = Service(0.1, 0.4, math.inf)
SHORT = Service(0.1, 0.4, 0.05)


@pytest.mark.parametrize(("rate", "replicas"), [(5.0, 1), (30.0, 3), (100.0, 10)])
def test_replicas_that_stay_warm_are_a_loss_system(rate, replicas):
    found = steady(rate, replicas, WARM, 0.001, np.random.default_rng(1))
    assert found.standard_error <= 0.001
    assert abs(found.rejection - erlang_b(rate * 0.1, replicas)[-1]) <= 4 * found.standard_error
    assert found.cold_share < 1e-3
    assert found.mean_response_s == pytest.approx(0.1, rel=0.01)


def test_the_trap_of_short_timeouts():
    """SPEC section 3: .357 by simulation; what is served takes .1 s, a share of it, cold, .4 s."""
    found = steady(100.0, 10, SHORT, 0.0005, np.random.default_rng(0))
    assert found.rejection == pytest.approx(0.356, abs=0.002)
    assert found.mean_response_s == pytest.approx(0.1 + 0.3 * found.cold_share, rel=0.01)


@pytest.mark.parametrize("service", [WARM._replace(idle_timeout_s=5.0), SHORT], ids=["long", "short"])
def test_the_standard_error_is_the_spread_of_repetitions(service):
    """Of 40 repetitions: the spread of a spread is a ninth of it, so that .67 to 1.33 are three of those."""
    runs = [steady(20.0, 2, service, 0.01, np.random.default_rng(seed)) for seed in range(40)]
    spread = np.std([run.rejection for run in runs], ddof=1)
    told = np.sqrt(np.mean([run.standard_error**2 for run in runs]))
    assert 0.67 <= told / spread <= 1.33


def test_more_is_played_until_the_error_is_as_asked():
    rough, fine = (steady(50.0, 5, SHORT, error, np.random.default_rng(3)) for error in (0.05, 0.0005))
    assert fine.standard_error <= 0.0005 < rough.standard_error <= 0.05
    assert fine.requests > 8 * rough.requests


def test_nothing_rejected_is_known_to_one_request():
    found = steady(1.0, 20, WARM, 0.01, np.random.default_rng(0))
    assert (found.rejection, found.standard_error) == (0.0, 1 / found.requests)
