from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection import table as table_module
from mamo_cli.domains.faas.rejection.models import ErlangModel, ServerlessModel
from mamo_cli.domains.faas.rejection.table import build_table

REFERENCE = ServerlessModel(0.065, 0.25, 60.0)
NODES = {
    "reference": (REFERENCE, 10, 108.0),
    "short timeout": (ServerlessModel(0.1, 0.25, 0.05), 50, 3000.0),
    "timeout of one service": (ServerlessModel(0.065, 3.0, 0.065), 20, 500.0),
    "timeout of a second": (ServerlessModel(0.065, 0.25, 1.0), 50, 5000.0),
    "ten minutes, slow service": (ServerlessModel(1.0, 10.0, 600.0), 50, 3000.0),
    "erlang": (ErlangModel(1.0), 50, 4000.0),
    "hardly any traffic": (REFERENCE, 3, 1e-3),
}


@dataclass(frozen=True)
class FixedRow:
    """A model that is `probability` at every rate above 0, for every n, plus `slope` a replica."""

    name: ClassVar[str] = "fixed"
    probability: float
    slope: float = 0.0

    def rejection_probability(self, arrival_rate_rps, max_replicas):
        row = self.probability + self.slope * np.arange(max_replicas)
        return np.multiply.outer(np.minimum(np.asarray(arrival_rate_rps), 1.0), row)


def every_lookup(table, rates):
    """The table's answer `(..., F, N)` for every number of replicas at rates `(..., F)`."""
    replicas = np.arange(1, table.max_replicas + 1)
    return np.moveaxis(table.lookup(rates, replicas.reshape(-1, *[1] * np.ndim(rates))), 0, -1)


@pytest.mark.parametrize("node", NODES)
def test_interpolation_error_is_within_its_bound(node):
    model, max_replicas, top = NODES[node]
    table = build_table([model], max_replicas, top)
    rng = np.random.default_rng(3)
    rates = np.concatenate([rng.uniform(0, top, 20_000), top * rng.uniform(size=20_000) ** 4])
    error = np.abs(every_lookup(table, rates[:, None])[:, 0] - model.rejection_probability(rates, max_replicas)).max()
    assert error <= table.error_bound <= 1e-4
    assert table.values.shape[-1] < 2**15


@pytest.mark.parametrize("node", NODES)
def test_table_obeys_the_laws_exactly(node):
    model, max_replicas, top = NODES[node]
    table = build_table([model], max_replicas, top)
    assert (np.diff(table.values, axis=1) <= 0.0).all()
    assert (np.diff(table.values, axis=2) >= 0.0).all()
    assert (table.values[..., 0] == 0.0).all()
    raw = model.rejection_probability(table.rates_rps, max_replicas).T
    np.testing.assert_allclose(table.values[0], raw, rtol=0, atol=1e-12)


def test_each_function_is_looked_up_in_its_own_rows():
    models = [REFERENCE, ErlangModel(0.2), ServerlessModel(0.03, 1.0, 10.0)]
    table = build_table(models, 6, 80.0)
    rng = np.random.default_rng(0)
    rates, replicas = rng.uniform(0, 80, (5, 4, 3)), rng.integers(1, 7, (5, 4, 3))
    everything = every_lookup(table, rates)
    assert everything.shape == (5, 4, 3, 6)
    picked = np.take_along_axis(everything, replicas[..., None] - 1, axis=-1)[..., 0]
    np.testing.assert_array_equal(table.lookup(rates, replicas), picked)
    for function, model in enumerate(models):
        exact = model.rejection_probability(rates[..., function], 6)
        np.testing.assert_allclose(everything[..., function, :], exact, rtol=0, atol=1e-4)


def test_grid_points_are_exact_and_the_last_is_within_reach():
    table = build_table([REFERENCE], 10, 108.0)
    assert np.sqrt(table.max_rate_rps) / table.root_step == len(table.rates_rps) - 1
    assert table.rates_rps[-1] == pytest.approx(108.0, rel=1e-15)
    np.testing.assert_allclose(every_lookup(table, table.rates_rps[:, None])[:, 0], table.values[0].T, rtol=1e-9)
    in_single_precision = np.nextafter(np.float32(108.0), np.float32(109.0))
    np.testing.assert_array_equal(every_lookup(table, [in_single_precision])[0], table.values[0, :, -1])


def test_lookups_outside_the_table_are_refused():
    table = build_table([REFERENCE], 10, 108.0)
    with pytest.raises(ValueError, match=r"arrival rate 108\.1 is above the table's 108"):
        table.lookup([[108.1]], [[3]])
    with pytest.raises(ValueError, match="arrival_rate_rps must be >= 0"):
        table.lookup([-1.0], [1])
    with pytest.raises(ValueError, match="has 1 functions, the rates have shape"):
        table.lookup([1.0, 2.0], [1])
    for replicas in ([0], [11], [2.0]):
        with pytest.raises(ValueError, match=r"replicas must be whole numbers in 1\.\.10"):
            table.lookup([5.0], replicas)


def test_a_node_without_traffic_has_a_table():
    assert build_table([REFERENCE], 4, 0.0).lookup([0.0], [1]) == [0.0]


def test_a_tolerance_out_of_reach_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(table_module, "MAX_CELLS", 512)
    with pytest.raises(UsageError, match=r"within 1e-08 needs more than 512 cells .* are the rates in requests/s"):
        build_table([REFERENCE], 10, 108.0, tolerance=1e-8)


@pytest.mark.parametrize("arguments", [([], 3, 1.0), ([REFERENCE], 0, 1.0), ([REFERENCE], 3, np.nan)])
def test_senseless_tables_are_refused(arguments):
    with pytest.raises(UsageError, match="a rejection table needs"):
        build_table(*arguments)


@pytest.mark.parametrize("fault", [FixedRow(1.1), FixedRow(-0.1), FixedRow(0.2, slope=0.1), FixedRow(np.nan)])
def test_a_model_that_breaks_a_law_is_refused(fault):
    assert build_table([FixedRow(0.5)], 3, 1.0).values.max() == 0.5
    with pytest.raises(ValueError, match="the rejection model of function 1 must"):
        build_table([REFERENCE, fault], 3, 2.0)
