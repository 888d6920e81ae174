"""Models held to a simulation: by hand, on the trap of short timeouts, and cell by cell independent."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.domains.faas.rejection.measured import fit
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.faas.simulation.pool import Service
from mamo_cli.domains.faas.simulation.steady import Steady
from mamo_cli.domains.faas.validation import (
    VALIDATED,
    VALIDATION,
    Asked,
    Held,
    asked_of,
    held_to_simulation,
    replicas_for,
    unsafe_warning,
    validated,
    validation_rows,
)
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace import Trace
from tests.domains.faas.rejection.test_measured import measured

TRAP = InstanceConfig(warm_service_time=0.1, cold_service_time=0.4, idle_timeout=0.05)
NODE = Asked("f", Service(0.1, 0.4, 0.05), 0.05, 2, np.array([10.0, 20.0, 30.0]))


def by_hand(rejection, simulated, errors=0.001, supported=True):
    """Models and simulations of two replicas at three rates."""
    errors, known = np.broadcast_to(errors, (3, 2)), np.broadcast_to(supported, (3, 2))
    cells = [
        [Steady(p, e, 0.1, 0.2, 1000) for p, e in zip(*row, strict=True)] for row in zip(simulated, errors, strict=True)
    ]
    return Held(NODE, "magic", np.array(rejection), known, cells)


HELD = by_hand([[0.045, 0.01], [0.3, 0.04], [0.5, 0.2]], [[0.05, 0.0], [0.35, 0.06], [0.44, 0.06]])


def test_errors_by_hand():
    """Errors -.005, .01; -.05, -.02; .06, .14: mean .285 / 6, most .14; two of the three below by more than .01."""
    row = validated(HELD)
    assert row["mean_absolute_error"] == pytest.approx(0.285 / 6)
    assert row["largest_error"] == pytest.approx(0.14)
    assert (row["largest_at_rate_rps"], row["largest_at_replicas"]) == (30.0, 2)
    assert (row["cells"], row["unsafe_cells"]) == (6, 2)
    assert row["worst_unsafe"] == pytest.approx(0.05)
    assert (row["worst_at_rate_rps"], row["worst_at_replicas"]) == (20.0, 1)


def test_replicas_at_the_tolerance_by_hand():
    """Simulated, .05 is held by 1 replica at 10 requests/s, by none at 20 and 30; the model: 1, 2, and 3 for none."""
    row = validated(HELD)
    assert (row["rates_held"], row["replicas_mape"], row["rates_short"]) == (1, 0.0, 1)
    lower = by_hand([[0.06, 0.01], [0.3, 0.04], [0.01, 0.0]], [[0.05, 0.0], [0.35, 0.03], [0.1, 0.02]])
    row = validated(lower)  # needs 1, 2, 2; plans 2, 2, 1
    assert row["replicas_mape"] == pytest.approx((1 / 1 + 0 + 1 / 2) / 3)
    assert (row["rates_held"], row["rates_short"]) == (3, 1)


def test_what_chance_may_explain_is_not_unsafe():
    """.05 below is more than .01, but not more than three standard errors of .02."""
    errors = np.array([[0.001] * 2, [0.02, 0.001], [0.001] * 2])
    row = validated(HELD._replace(simulated=by_hand(HELD.rejection, HELD.of("rejection"), errors).simulated))
    assert row["unsafe_cells"] == 1
    assert row["worst_unsafe"] == pytest.approx(0.02)


def test_a_model_is_not_judged_by_what_it_does_not_know():
    known = np.array([[True, True], [False, False], [True, False]])
    row = validated(HELD._replace(supported=known))
    assert (row["cells"], row["unsafe_cells"], row["worst_unsafe"]) == (3, 0, 0.0)
    assert row["largest_error"] == pytest.approx(0.06)
    nothing = validated(HELD._replace(supported=known & False))
    assert nothing["cells"] == nothing["rates_held"] == 0
    assert np.isnan(nothing["mean_absolute_error"])
    assert unsafe_warning(nothing) is None


def test_rows_say_what_the_arrays_hold():
    rows = [dict(zip(VALIDATION, row, strict=True)) for row in validation_rows(HELD)]
    assert [row["replicas"] for row in rows] == [1, 2] * 3
    assert rows[2] == {
        **{"function": "f", "model": "magic", "arrival_rate_rps": 20.0, "replicas": 1, "rejection_model": 0.3},
        **{"rejection_simulated": 0.35, "standard_error": 0.001, "cold_share": 0.1, "mean_response_s": 0.2},
        **{"requests": 1000, "supported": 1, "unsafe": 1},
    }
    assert list(validated(HELD)) == list(VALIDATED)


def test_the_least_replicas():
    rejection = np.array([[0.5, 0.05, 0.01], [0.04, 0.01, 0.0], [0.9, 0.8, 0.7]])
    assert replicas_for(rejection, 0.05).tolist() == [2.0, 1.0, 4.0]


@pytest.fixture(scope="module")
def trap():
    """SPEC section 3: 100 requests/s and ten replicas of .1 and .4 s, which end after .05 s of idleness."""
    function = Asked("f0", Service(0.1, 0.4, 0.05), 0.05, 10, np.array([100.0]))
    return {held.model: held for held in held_to_simulation([function], None, 0.001, 0)}


def test_the_trap_is_flagged(trap):
    cell = trap["serverless"].simulated[0][9]
    assert cell.rejection == pytest.approx(0.356, abs=4 * cell.standard_error)
    assert trap["serverless"].rejection[0, 9] < 0.0005
    assert trap["erlang"].rejection[0, 9] == pytest.approx(0.215, abs=0.0005)
    assert trap["serverless"].unsafe[0, 9]
    assert trap["erlang"].unsafe[0, 9]
    warning = unsafe_warning(validated(trap["serverless"]))
    assert warning is not None
    assert "serverless promises less rejection than there is at 10 of 10 rates and replicas of f0" in warning
    assert warning.endswith("; `mamo run-mamo --rejection-model simulation` is the safe choice")


def test_a_node_whose_replicas_stay_warm_is_safe_by_both_models():
    function = Asked("f0", Service(0.065, 0.25, 600.0), 0.05, 3, np.array([20.0, 60.0]))
    for held in held_to_simulation([function], None, 0.001, 0):
        assert not held.unsafe.any()
        assert np.abs(held.error).max() < 0.004


def test_a_cell_is_the_same_whatever_others_there_are():
    few = Asked("f", NODE.service, 0.05, 1, np.array([20.0]))
    one, *_ = held_to_simulation([few], None, 0.01, 7)
    several, *_ = held_to_simulation([few._replace(name="g"), NODE], None, 0.01, 7)[2:]
    assert several.simulated[1][0] == one.simulated[0][0]
    other, *_ = held_to_simulation([few], None, 0.01, 8)
    assert other.simulated[0][0] != one.simulated[0][0]


def test_what_was_measured_is_held_to_the_simulation_where_it_was_measured():
    model = fit(measured((10, 1, 0.3), (20, 1, 0.5)))
    held = held_to_simulation([NODE], model, 0.01, 0)[-1]
    assert held.model == "measured"
    assert held.supported.tolist() == [[True, False], [True, False], [False, False]]
    assert held.rejection[0, 0] == pytest.approx(0.3, abs=0.01)


def test_a_node_is_asked_what_its_trace_and_noise_can_bring():
    (asked,) = asked_of(TRAP, sinusoidal(), 5)
    np.testing.assert_allclose(asked.rates_rps, [8.0, 33.0, 58.0, 83.0, 108.0])
    assert (asked.name, asked.replicas, asked.tolerance) == ("f0", 10, 0.05)
    assert asked.service == Service(0.1, 0.4, 0.05)


def test_functions_that_are_served_alike_are_simulated_once():
    rates = np.array([[1.0, 5.0, 0.0, 2.0, 2.0], [4.0, 9.0, 0.0, 0.0, 2.0]])
    caps = np.array([[3, 5, 9, 2, 2], [4, 1, 9, 2, 2]])
    trace = Trace(("a", "b", "idle", "c", "d"), rates, rates, max_replicas=caps)
    (asked,) = asked_of(TRAP.model_copy(update={"noise": 0.0}), trace, 3)
    assert asked.name == "a+b+c+1-more"
    assert asked.rates_rps.tolist() == [1.0, 5.0, 9.0]
    assert asked.replicas == 5


def test_what_cannot_be_asked_is_refused():
    trace = sinusoidal(steps=4, period=4)
    with pytest.raises(DataError, match="no traffic"):
        asked_of(TRAP, replace(trace, expected_rate_rps=np.zeros((4, 1)), actual_rate_rps=np.zeros((4, 1))), 5)
    with pytest.raises(DataError, match="max_replicas goes up to 1001"):
        asked_of(TRAP, replace(trace, max_replicas=np.full((4, 1), 1001)), 5)
