"""Models held to measurements that they have not seen: by hand, on a node of known service time, on a real one."""

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.domains.faas.held_out import HELD_OUT, MEASURED, cell_rows, held_out_rows
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.measurements_csv import read_measurements
from tests.domains.faas.rejection.test_measured import measured
from tests.workload.test_real_files import real


def by_model(rows):
    return {(row["model"], row["times"]): row for row in rows}


def test_errors_by_hand():
    """Fitted: 2 and 1 replicas reject .04 and .2 of 4 requests/s. Held out: .06, thrice as heavy, and .1."""
    rows = measured(*((4, 2, 0.04), (4, 1, 0.2), (4, 2, 0.06), (4, 1, 0.1)), weights=(1, 1, 3, 1), series=(0, 0, 1, 1))
    found = by_model(held_out_rows(rows, InstanceConfig(tolerance=0.05)))
    row = found["measured", ""]
    assert row["mean_absolute_error"] == pytest.approx((3 * 0.02 + 0.1) / 4)
    assert row["root_mean_square_error"] == pytest.approx(((3 * 0.02**2 + 0.1**2) / 4) ** 0.5)
    assert row["mean_error"] == pytest.approx((-3 * 0.02 + 0.1) / 4)
    assert (row["fitted_rows"], row["held_out_rows"]) == (2, 2)
    assert row["rates_held"] == 0  # .06 and .1 are above the tolerance
    assert np.isnan(row["replicas_mape"])
    assert found["measured", "in hindsight"]["mean_absolute_error"] == pytest.approx(0.0, abs=1e-15)
    assert set(row) == set(HELD_OUT)


def test_replicas_by_hand():
    """At .07, one replica would do by the half held out and two by the other; at 9 requests/s two, and none does."""
    fitted = ((4, 1, 0.1), (4, 2, 0.04), (9, 1, 0.5), (9, 2, 0.4))
    held_out = ((4, 1, 0.06), (4, 2, 0.04), (9, 1, 0.5), (9, 2, 0.02))
    rows = measured(*fitted, *held_out, series=(0,) * 4 + (1,) * 4)
    row = by_model(held_out_rows(rows, InstanceConfig(tolerance=0.07)))["measured", ""]
    assert row["rates_held"] == 4
    assert row["replicas_mape"] == pytest.approx((2 * (2 - 1) / 1 + 2 * (3 - 2) / 2) / 4)
    assert row["rates_short"] == 0


def test_the_service_time_of_a_loss_system_is_found():
    rates, replicas = np.tile(np.linspace(5, 60, 12), 6), np.repeat(np.arange(1, 7), 12)
    lost = [erlang_b(rate * 0.08, n)[-1] for rate, n in zip(rates, replicas, strict=True)]
    rows = measured(*zip(rates, replicas, lost, strict=True))
    found = by_model(held_out_rows(rows, InstanceConfig(warm_service_time=0.2, idle_timeout=1e4)))
    for model in ("erlang", "serverless"):
        assert found[model, "fitted"]["warm_service_time_s"] == pytest.approx(0.08, rel=1e-3)
        assert found[model, "fitted"]["mean_absolute_error"] < 1e-4
        assert found[model, "as given"]["warm_service_time_s"] == 0.2
        assert found[model, "as given"]["mean_absolute_error"] > 0.1
        assert found[model, "as given"]["mean_error"] > 0.1  # too slow, too pessimistic


def test_every_cell_measured_has_its_row():
    rows = measured((4, 1, 0.0), (4, 1, 0.5), (16, 2, 0.75), weights=(1, 3, 2))
    cells = [dict(zip(MEASURED, row, strict=True)) for row in cell_rows(rows)]
    assert [(cell["replicas"], cell["arrival_rate_rps"], cell["weight"]) for cell in cells] == [(1, 4, 4), (2, 16, 2)]
    assert [cell["rejection_mean"] for cell in cells] == [0.375, 0.75]
    assert [cell["rejection_fitted"] for cell in cells] == [0.375, 0.75]


def test_a_half_without_traffic_is_refused():
    with pytest.raises(DataError, match="half of its traces holds no traffic"):
        held_out_rows(measured((4, 1, 0.1), (0, 1, 0.0)), InstanceConfig())


def test_the_real_node_in_numbers_that_the_readme_has():
    rows = read_measurements(real("openfaas_measurements.csv"))
    assert [rows.series_names[number] for number in np.unique(rows.halves()[0].series)] == [
        *("0-8", "0-0", "0-1", "0-3", "0-5")
    ]
    found = by_model(held_out_rows(rows, InstanceConfig(warm_service_time=0.14)))
    errors = {name: row["mean_absolute_error"] for name, row in found.items()}
    assert errors["measured", ""] == pytest.approx(0.1126, abs=0.0005)
    assert found["measured", ""]["root_mean_square_error"] == pytest.approx(0.2547, abs=0.0005)
    assert errors["erlang", "fitted"] == pytest.approx(0.1436, abs=0.001)
    assert errors["erlang", "as given"] == pytest.approx(0.1687, abs=0.001)
    assert found["measured", ""]["replicas_mape"] == pytest.approx(0.132, abs=0.001)
    assert found["erlang", "fitted"]["replicas_mape"] == pytest.approx(0.732, abs=0.001)
    assert found["erlang", "as given"]["replicas_mape"] == pytest.approx(2.86, abs=0.01)
