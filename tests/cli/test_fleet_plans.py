"""Exact plans and bounds of fleets from the command line, and what is said where there are none."""

import json

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.bounds import bounds_of
from mamo_cli.domains.faas.fleet.domain import build
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.joined import joined
from mamo_cli.workload.options import Options
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo
from tests.workload.test_real_files import real

SHORT = ("--seeds", "1", "--iterations", "1", "--iteration-steps", "4")


@pytest.fixture(autouse=True)
def _waves(folder):
    for nodes in (3, 10):
        waves = [sinusoidal(steps=12, period=12, phase=-12 * m / nodes, function=f"node{m}") for m in range(nodes)]
        write_trace(joined({wave.functions[0]: wave for wave in waves}, {}), folder / f"{nodes}.csv")


def plan(folder, *more, code=0):
    done = mamo("solve-offline", "--domain", "fleet", "--json", *more)
    assert done.code == code, done.err
    return json.loads(done.out) if code == 0 else done.err


@pytest.mark.parametrize("scope", ["step", "average", "alpha"])
def test_a_plan_and_its_files_say_the_same(folder, scope):
    told = plan(folder, "--trace", "3.csv", "--topology", "full", "--scope", scope, "--tolerance", "0.1")
    assert told["gap"] <= (2e-2 if scope == "average" else 1e-9)  # of few periods, a mixture's rounding shows
    path = folder / told["run"]
    rows = pd.read_csv(path / "plan.csv")
    assert len(rows) == 36
    cost = rows["cost"].mean() * 3
    if scope != "alpha":
        assert told["objective"] == pytest.approx(cost, rel=1e-9)
        worst = (
            rows["rejection_expected"].max()
            if scope == "step"
            else rows.groupby("node")["rejection_expected"].mean().max()
        )
        assert worst <= 0.1 + 1e-6
    frontier = pd.read_csv(path / "frontier.csv").set_index("kind")["mean_cost"]
    assert frontier["average"] <= frontier["step"] + 1e-12
    assert mamo("plot", path.name).code == 0


def test_all_requests_of_ten_nodes_are_weighed_where_nothing_else_is_known(folder):
    ten = ("--trace", "10.csv", "--topology", "star", "--scope", "alpha")
    refused = plan(folder, *ten, code=4)
    assert refused == "mamo: choices that touch one another in more than 200,000 ways are not enumerated\n"
    pooled = (*ten, "--pooled", "--solver", "highs")
    assert "erlang alone" in plan(folder, *pooled, code=4)
    told = plan(folder, *pooled, "--rejection-model", "erlang", "--max-replicas", "4")
    assert (told["solver"], told["termination"]) == ("highs", "optimal")
    assert told["gap"] <= 1e-6
    rows = pd.read_csv(folder / told["run"] / "plan.csv")
    lost = (rows["rejection_expected"] * rows["expected_rate"]).sum() / rows["expected_rate"].sum()
    assert told["objective"] == pytest.approx(0.2 * told["mean_cost"] + 0.8 * lost, rel=1e-6)


@pytest.mark.parametrize("scope", [(), ("--scope", "average")])
def test_all_requests_are_of_scope_alpha(folder, scope):
    told = plan(folder, "--trace", "3.csv", "--pooled", *scope, code=2)
    assert "--pooled is of plans that weigh what is lost: by step and on average nothing is weighed" in told
    assert told.count("\n") == 1
    assert not (folder / "results").exists()


def test_of_no_requests_there_is_a_plan(folder):
    names, rates = ("node0", "node1", "node2"), np.zeros((4, 3))
    write_trace(Trace(names, rates, rates, step_seconds=300.0, period_steps=4), folder / "none.csv")
    for pooled in ((), ("--pooled",)):
        told = plan(folder, "--trace", "none.csv", "--topology", "ring", "--scope", "alpha", "--alpha", "1", *pooled)
        assert (told["objective"], told["bound"], told["gap"]) == (0, 0, 0)


def test_where_nothing_is_known_training_goes_on_and_says_so(folder):
    done = mamo("train", "--domain", "fleet", "--trace", "10.csv", "--topology", "star", *SHORT)
    assert done.code == 0
    assert "200,000 ways are not enumerated: no bound, no exact alpha and no regret" in done.err


def test_ten_real_loads_in_a_ring_have_bounds(folder):
    """The functions of one trace, each a node: neighbours that help make the limits cheaper."""
    options = Options(format="wide", step_seconds=60, where=(("trace_type", "pwr_25"),), forecast="perfect")
    trace = import_trace(real("openfaas_load_traces.csv"), options)[0]
    ring, alone = (build(FleetConfig(topology=topology), trace) for topology in ("ring", "none"))
    for together, apart in zip(bounds_of(ring), bounds_of(alone), strict=True):
        assert (together.objectives[:, 1] <= 0.05 + 1e-9).all()
        assert together.gap <= 1e-9
        saved = 1 - together.cost * ring.spec.cost_scale / (apart.cost * alone.spec.cost_scale)
        assert 0.04 < saved < 0.07
    write_trace(trace, folder / "real.csv")
    done = mamo("train", "--domain", "fleet", "--trace", "real.csv", "--topology", "ring", "--alpha", "0.5", *SHORT)
    assert done.code == 0, done.err
    found = pd.read_csv(next((folder / "results").glob("train-*")) / "frontier.csv").set_index("kind")["mean_cost"]
    assert np.isclose(found["causal"] * ring.spec.cost_scale, 3.03627, rtol=1e-4)


def nothing_means_to(path):
    """No table has a mean of whom nodes forward to, which is a number for a name."""
    tables = {table.name: pd.read_csv(table, comment="#") for table in path.glob("*.csv")}
    means = {(name, column) for name, table in tables.items() for column in table if column.endswith("_to")}
    for name, column in means:
        assert tables[name][column].isna().all(), (name, column)
    assert '"mean_to": null' in (path / "run.json").read_text()
    assert "NaN" not in (path / "run.json").read_text()
    return {name for name, _ in means}


def test_whom_nodes_forward_to_is_named_and_never_averaged(folder):
    fleet = ("--domain", "fleet", "--trace", "3.csv", "--topology", "full", "--warm-service-time", "0.2")
    done = mamo("solve-offline", *fleet, "--scope", "average", "--name", "plan")
    assert (done.code, "mean_to" in done.out) == (0, False)
    rows = pd.read_csv(folder / "results/plan/plan.csv")
    assert set(rows.loc[rows["forwarded"] > 0, "to"]) <= {1, 2, 3}
    assert (rows["forwarded"] > 0).any()
    assert rows.loc[rows["forwarded"] == 0, "to"].isna().all()
    assert (rows["node"].str.removeprefix("node").astype(int) + 1 != rows["to"]).all()  # these are called from node0 on
    assert nothing_means_to(folder / "results/plan") == {"summary.csv", "agents.csv", "frontier.csv"}

    (folder / "walk.toml").write_text("[walk]\nwindow = 4\n")
    walk = ("--continual", "--config", "walk.toml", "--seeds", "2", "--iterations", "2", "--iteration-steps", "8")
    done = mamo("run-mamo", *fleet, *walk, "--cycles", "2", "--name", "walk")
    assert done.code == 0, done.err
    assert " to " not in done.out
    assert nothing_means_to(folder / "results/walk") >= {"training.csv", "cycles.csv", "summary.csv", "frontier.csv"}
    walked = pd.read_csv(folder / "results/walk/continual.csv")
    assert walked["to"].isna().all()
    assert walked["replicas"].notna().all()
    assert pd.read_csv(folder / "results/walk/references.csv")["to"].isna().all()
    played = pd.read_csv(folder / "results/walk/evaluation.csv")
    assert (played["to"].isna() == (played["forwarded"] == 0)).all()
    assert set(played["to"].dropna()) <= {1, 2, 3}
    for name in ("plan", "walk"):
        assert mamo("plot", name).code == 0
