import math

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.models import TIMED_NAMES, ErlangModel, ServerlessModel, make_model
from mamo_cli.domains.faas.rejection.serverless import serverless_rejection

RATES = np.linspace(0.0, 200.0, 12).reshape(3, 4)


def test_models_give_their_formula():
    erlang, mahmoudi = (make_model(name, 0.065, 0.25, 60.0) for name in ("erlang", "serverless"))
    np.testing.assert_array_equal(erlang.rejection_probability(RATES, 5), erlang_b(RATES * 0.065, 5))
    expected = serverless_rejection(RATES, 5, 0.065, 0.25, 60.0)
    np.testing.assert_array_equal(mahmoudi.rejection_probability(RATES, 5), expected)


def test_a_model_carries_its_name():
    assert [make_model(name, 0.065, 0.25, 60.0).name for name in TIMED_NAMES] == list(TIMED_NAMES)


def test_unknown_name_lists_the_known():
    with pytest.raises(UsageError, match="unknown rejection model 'magic'; known: erlang, serverless"):
        make_model("magic", 0.065, 0.25, 60.0)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_service_times_must_be_finite_and_positive(value):
    with pytest.raises(UsageError, match=f"warm_service_time_s must be a finite number > 0, got {value}"):
        ErlangModel(value)
    with pytest.raises(UsageError, match="cold_service_time_s must be"):
        ServerlessModel(0.065, value, 60.0)


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_idle_timeout_may_be_zero_or_infinite_but_not_negative(value):
    with pytest.raises(UsageError, match=f"idle_timeout_s must be a number >= 0 .* got {value}"):
        ServerlessModel(0.065, 0.25, value)
    assert ServerlessModel(0.065, 0.25, 0.0).idle_timeout_s == 0.0
    assert ServerlessModel(0.065, 0.25, math.inf).idle_timeout_s == math.inf


@pytest.mark.parametrize("name", TIMED_NAMES)
def test_negative_rates_are_refused(name):
    with pytest.raises(ValueError, match="arrival_rate_rps must be >= 0"):
        make_model(name, 0.065, 0.25, 60.0).rejection_probability([1.0, -1.0], 3)
