"""Functions in one memory, each with a limit of its own: bounds, mixtures and tables of a run are joint."""

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.seam import Knowledge
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.plots.draw import draw_runs
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace

LIMITS = {"quick": 0.1, "slow": 0.04}


@pytest.fixture
def layers(tmp_path):
    """Two functions of which both cannot have what they want in the middle of their 12 periods."""
    load = 8.0 + 12.0 * np.sin(np.pi * np.arange(12) / 12)[:, None]
    functions = {}
    for name, times, memory in (("quick", 2.0, 1), ("slow", 1.0, 2)):
        path = tmp_path / f"{name}.csv"
        write_trace(Trace((name,), load * times, load * times, period_steps=12), path)
        functions[name] = {"trace": str(path), "tolerance": LIMITS[name], "memory_per_replica": memory}
    functions["slow"] |= {"warm_service_time": 0.15, "cold_service_time": 0.5}
    instance = {"node_memory": 16, "max_replicas": 8, "rejection_model": "erlang", "noise": 0.0}
    return {
        "function": functions,
        "instance": instance,
        "seeds": 1,
        "te": "exact",
        "strategy": "bisect",
        "readout": "mix",
    }


def test_a_joint_mixture_of_two_functions_is_close_to_the_bound(tmp_path, layers):
    config = configured(MamoConfig, layers, {"adaptation": {"cycles": 40}, "phase": {"iterations": 1, "window": 1}})
    outcome = run_mamo(config, Place(tmp_path), Machines(jobs=1))
    (row,) = outcome.summary
    assert row["tolerance"] is None
    assert row["holds"] == 1
    assert 1.0 - 1e-9 <= row["cost_over_causal_bound"] < 1.03
    terms = [row[name] for name in ("information", "grid", "determinism", "transfer", "strategy", "te", "model")]
    assert sum(terms) == pytest.approx(row["cost_over_bound"] - 1.0, abs=1e-9)
    agents = pd.read_csv(outcome.path / "agents.csv")
    assert dict(zip(agents["function"], agents["tolerance"], strict=True)) == LIMITS
    assert (agents["mean_rejection"] <= agents["tolerance"] + 1e-12).all()
    delivered = pd.read_csv(outcome.path / "delivered.csv")
    each = [own["share"].tolist() for _, own in delivered.groupby("function")]
    assert each[0] == each[1]  # one draw for both
    assert 1 < len(each[0]) <= 3
    assert {path.name for path in draw_runs([outcome.path])} >= {"mamo.png", "frontier.png", "decomposition.png"}


def test_the_bound_is_above_what_each_would_cost_alone_and_its_plays_fit(layers):
    config = configured(MamoConfig, layers)
    source = domains.load_source(config.domain, config.instance)
    tied = domains.build(config.domain, config.instance, source)
    alone = domains.build(config.domain, config.instance.model_copy(update={"node_memory": 1000}), source)
    assert tied.spec.coupled
    found = bound(tied)
    assert found.cost > bound(alone).cost + 1e-3
    assert found.gap <= 1e-9
    assert bound(tied, knowledge=Knowledge.CLAIRVOYANT).cost == pytest.approx(found.cost, abs=1e-12)  # without noise
    used = tied.spec.use[np.arange(2), :]
    for weights in found.weights.swapaxes(0, 1):
        plan = tied.answer(weights).plan
        assert (used[np.arange(2), plan].sum(1) <= 16).all()
