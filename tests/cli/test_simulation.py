"""`--rejection-model simulation` from the command line: what its tables hold, and a model's policies judged by it."""

import csv
import json

import numpy as np
import pytest

from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import TINY, mamo

NODE = ("--trace", "t.csv", "--idle-timeout", "0.2", "--max-replicas", "8")
SIMULATED = (*NODE, "--rejection-model", "simulation")
MEASURES = [
    "replicas", "cold_start_share", "response_ms", "response_p95_ms", "warm_replica_seconds", "busy_replica_seconds",
]  # fmt: skip


@pytest.fixture(autouse=True)
def trace(folder):
    rates = np.linspace(5.0, 90.0, 24)[:, None]
    rates[::6] = 0.0  # periods in which nothing is served have no response time, and no mean counts them
    write_trace(Trace(("f0",), expected_rate_rps=rates, actual_rate_rps=rates, step_seconds=20.0), folder / "t.csv")


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def known(rows, name):
    return [float(row[name]) for row in rows if row[name]]


def test_a_plan_is_simulated(folder):
    told = json.loads(mamo("solve-offline", *SIMULATED, "--name", "x", "--json").out)
    rows = table(folder / "results" / "x" / "plan.csv")
    for name in MEASURES:
        assert told[f"mean_{name}"] == pytest.approx(np.mean(known(rows, name)), rel=1e-12)
    assert len(known(rows, "response_ms")) == len(known(rows, "response_p95_ms")) == 20
    came = np.mean([float(row["rejection_actual"]) for row in rows])
    assert told["mean_rejection_actual"] == pytest.approx(came, rel=1e-12)
    assert told["mean_rejection_actual"] > told["mean_rejection_expected"] + 0.01  # cold starts, which no model knows
    for row in (row for row in rows if float(row["actual_rate"])):
        assert 0.0 < float(row["busy_replica_seconds"]) < float(row["warm_replica_seconds"])
        assert float(row["warm_replica_seconds"]) <= 20.0 * float(row["replicas"]) * (1 + 1e-12)
        assert 65.0 < float(row["response_ms"]) < 250.0  # between the warm and the cold mean
    shown = mamo("solve-offline", *SIMULATED, "--name", "x").out
    assert "mean_response_p95_ms" in shown
    assert "over_noise" not in shown


def test_a_loop_says_what_its_members_measured(folder):
    done = mamo("run-mamo", *TINY, "--cycles", "1", *SIMULATED, "--name", "x")
    assert done.code == 0
    lines = done.out.splitlines()
    place = next(place for place, line in enumerate(lines) if "median warm replica seconds" in line)
    delivered = table(folder / "results/x/evaluation.csv")
    for row in table(folder / "results/x/cycles.csv"):
        assert 65.0 < float(row["eval_response_ms"]) < 250.0
    assert 0 < len(known(delivered, "response_ms")) < len(delivered)
    means = [[float(row[f"mean_{name}"]) for name in MEASURES[1:]] for row in table(folder / "results/x/summary.csv")]
    assert [float(number) for number in lines[place + 2].split()] == pytest.approx(np.median(means, 0), rel=1e-3)


def test_trained_by_simulation_and_by_a_model_policies_are_judged_by_either(folder):
    results = folder / "results"
    trained = mamo("train", *TINY, *SIMULATED, "--name", "simulated")
    assert trained.code == 0
    assert "median cold start share" in trained.out
    assert "exact answers, bounds and regret are those of Erlang-B" in trained.err
    assert mamo("train", *TINY, *NODE, "--name", "modelled").code == 0
    for name in ("simulated", "modelled"):
        assert mamo("evaluate", name, "--rejection-model", "simulation", "--name", f"{name}-judged").code == 0
        judged = table(results / f"{name}-judged" / "evaluation.csv")
        assert list(judged[0])[6:12] == MEASURES
        if name == "simulated":  # which is as it was judged in training
            assert judged == table(results / "simulated" / "evaluation.csv")
    plain = table(results / "modelled" / "evaluation.csv")
    assert [row["actual_rate"] for row in plain] == [row["actual_rate"] for row in judged]
    summary = table(results / "modelled-judged" / "summary.csv")
    for name in (*MEASURES, "rejection"):
        own = [row for row in judged if (row["seed"], row["alpha"]) == ("0", "0.9")]
        told = next(row for row in summary if (row["seed"], row["alpha"]) == ("0", "0.9"))
        assert float(told[f"mean_{name}"]) == pytest.approx(np.mean(known(own, name)), rel=1e-12)
    for row in table(results / "simulated" / "training.csv"):
        assert 65.0 < float(row["mean_response_ms"]) < 250.0
