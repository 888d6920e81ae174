"""`mamo validate-model`: what it writes, says and refuses."""

import json

import pandas as pd
import pytest

from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.models import MODEL_NAMES
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo
from tests.cli.test_measured import NODE

SMALL = ("validate-model", "--rates", "3", "--max-replicas", "3", "--standard-error", "0.01")
SHORT = ("--warm-service-time", "0.1", "--cold-service-time", "0.4", "--idle-timeout", "0.05")


def run_of(*arguments):
    done = mamo(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out), done.err


def test_models_are_held_to_the_simulation(folder):
    told, said = run_of(*SMALL, *SHORT)
    table = pd.read_csv(f"{told['run']}/validation.csv")
    assert len(table) == 2 * 3 * 3
    assert table["standard_error"].max() <= 0.01
    assert sorted(table["arrival_rate_rps"].unique()) == pytest.approx([8.0, 58.0, 108.0])
    summary = {row["model"]: row for row in told["models"]}
    error = (table["rejection_model"] - table["rejection_simulated"])[table["model"] == "serverless"]
    assert summary["serverless"]["mean_absolute_error"] == pytest.approx(error.abs().mean())
    assert summary["serverless"]["unsafe_cells"] == table[table["model"] == "serverless"]["unsafe"].sum() == 9
    assert "serverless promises less rejection than there is at 9 of 9 rates and replicas of f0: worst at" in said
    written = pd.read_csv(f"{told['run']}/summary.csv")
    assert written["mean_absolute_error"].tolist() == [row["mean_absolute_error"] for row in told["models"]]
    assert told["held_out"] == []


def test_the_same_command_again_says_the_same_and_plots(folder):
    first, _ = run_of(*SMALL)
    again, said = run_of(*SMALL)
    assert again == first
    assert "is complete already" in said
    assert run_of(*SMALL, "--noise-seed", "1")[0]["run"] != first["run"]
    fresh, _ = run_of(*SMALL, "--fresh")
    tables = [pd.read_csv(f"{run['run']}/validation.csv") for run in (first, fresh)]
    pd.testing.assert_frame_equal(*tables)
    drawn = mamo("plot", "--json")
    assert {file.rpartition(".")[2] for file in json.loads(drawn.out)["files"]} == {"csv", "png", "svg", "pdf"}


def test_a_person_reads_a_table(folder):
    done = mamo(*SMALL, "-q")
    assert (done.code, done.err) == (0, "")
    head, _, *rows = done.out.splitlines()
    assert head.split()[:3] == ["function", "model", "mean"]
    assert [row.split()[1] for row in rows] == ["erlang", "serverless"]


def test_measurements_are_held_to_both(folder):
    (folder / "node.csv").write_text(NODE)
    write_trace(sinusoidal(mean=25, amplitude=15, steps=24, period=24), "day.csv")
    node = ("--measurements", "node.csv", "--trace", "day.csv")
    told, _ = run_of(*SMALL, *node)
    assert [row["model"] for row in told["models"]] == ["erlang", "serverless", "measured"]
    assert [row["model"] for row in told["held_out"]] == ["measured", *["erlang"] * 2, *["serverless"] * 2, "measured"]
    assert all(row["fitted_rows"] == 30 and row["held_out_rows"] == 30 for row in told["held_out"])
    assert told["held_out"][0]["mean_absolute_error"] < 0.05
    cells = pd.read_csv(f"{told['run']}/measured.csv")
    assert cells["weight"].sum() == 60
    assert len(pd.read_csv(f"{told['run']}/held_out.csv")) == 6
    said = mamo(*SMALL, *node, "-q").out
    assert "service times" in said
    assert "in hindsight" in said
    # The node's own model does not change what it is held to.
    (folder / "own.toml").write_text('[instance]\nrejection_model = "measured"\n')
    other, _ = run_of(*SMALL, *node, "--config", "own.toml")
    assert other["models"] == told["models"]
    (folder / "node.csv").write_text(NODE.replace("0.05\n", "0.06\n"))
    assert run_of(*SMALL, *node)[0]["run"] != told["run"]


def test_each_function_is_simulated_as_it_is_served(folder):
    write_trace(sinusoidal(mean=20, amplitude=10, steps=24, period=24), "a.csv")
    write_trace(sinusoidal(mean=40, amplitude=10, steps=24, period=24), "b.csv")
    own = 'tolerance = 0.1\nmax_replicas = 2\nwarm_service_time = 0.2\ncold_service_time = 0.3\ntrace = "b.csv"\n'
    (folder / "node.toml").write_text(f'[function.a]\ntrace = "a.csv"\n[function.b]\n{own}')
    told, _ = run_of(*SMALL, "--config", "node.toml", "--noise", "0")
    table = pd.read_csv(f"{told['run']}/validation.csv")
    rates = table.groupby("function")["arrival_rate_rps"].agg(["min", "max"])
    assert rates.loc["a"].tolist() == pytest.approx([10.0, 30.0])
    assert rates.loc["b"].tolist() == pytest.approx([30.0, 50.0])
    assert table.groupby("function")["replicas"].max().to_dict() == {"a": 3, "b": 2}
    assert {row["function"]: row["tolerance"] for row in told["models"]} == {"a": 0.05, "b": 0.1}
    at_30 = table[(table["arrival_rate_rps"].round(6) == 30) & (table["replicas"] == 2) & (table["model"] == "erlang")]
    lost = {"a": erlang_b(30 * 0.065, 2)[-1], "b": erlang_b(30 * 0.2, 2)[-1]}
    assert dict(zip(at_30["function"], at_30["rejection_model"], strict=True)) == pytest.approx(lost)
    assert (at_30["rejection_simulated"] - at_30["rejection_model"]).abs().max() < 0.03


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--rejection-model", model) for model in MODEL_NAMES),
        *(("--shield", "0.1"), ("--shield-window", "30"), ("--latency-limit", "1"), ("--latency-tolerance", "0.1")),
        *(("--simulated-seconds", "10"), ("--train-share", "0.5"), ("--replica-cost", "2")),
        *(("--memory-per-replica", "128"), ("--node-memory", "1024")),
    ],
)
def test_what_would_change_nothing_is_no_option(folder, option, value):
    done = mamo(*SMALL, option, value)
    assert (done.code, done.out, len(done.said)) == (2, "", 1)
    assert done.err.startswith(f"mamo: No such option: {option}")
    assert not (folder / "results").exists()


def test_what_has_no_rejection_is_refused(folder):
    done = mamo("validate-model", "--domain", "inventory")
    said = "validate-model is about --domain faas: inventory has no model of rejection"
    assert (done.code, done.out, done.err) == (2, "", f"mamo: {said}\n")
    assert not (folder / "results").exists()


def test_bad_measurements_are_refused_before_anything_is_written(folder):
    (folder / "node.csv").write_text(NODE.replace("5,1,", "5,none,"))
    done = mamo(*SMALL, "--measurements", "node.csv")
    assert done.code == 3
    assert done.err.startswith("mamo: node.csv:5:2: replicas must be a number above 0")
    (folder / "node.csv").write_text(NODE.splitlines()[0] + "\n4,1,0.1\n")
    done = mamo(*SMALL, "--measurements", "node.csv")
    assert (done.code, done.err) == (
        3,
        "mamo: node.csv: half of its traces holds no traffic to fit, or to be held to\n",
    )
    assert not (folder / "results").exists()
