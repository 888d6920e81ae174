"""`--rejection-model measured`: a run is what its measurements hold, and keeps them."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mamo_cli.core.settings import digest, read_toml
from mamo_cli.experiments.configs import EvaluateConfig
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.measurements_csv import read_measurements
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import TRAIN, mamo

ROWS = [f"{rate},{replicas},{min(rate / replicas / 40, 1)}" for rate in range(2, 60, 3) for replicas in (1, 2, 3)]
NODE = "\n".join(["arrival_rate_rps,replicas,rejection_fraction", *ROWS, ""])
GIVEN = ("--rejection-model", "measured", "--measurements", "node.csv", "--trace", "day.csv", "--max-replicas", "3")


@pytest.fixture(autouse=True)
def node(folder):
    """A day that the measurements cover."""
    write_trace(sinusoidal(mean=25, amplitude=15, steps=24, period=24), "day.csv")
    (folder / "node.csv").write_text(NODE)


def run_of(*arguments):
    done = mamo(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)["run"], done.err


def test_a_run_is_what_its_measurements_hold_whatever_they_are_called(folder):
    run, told = run_of("solve-offline", *GIVEN)
    assert "was not" not in told  # all that the node asks was measured
    (folder / "copy.csv").write_text(NODE + "\n")
    again, told = run_of("solve-offline", *GIVEN, "--measurements", "copy.csv")
    assert again == run
    assert "is complete already" in told
    (folder / "node.csv").write_text(NODE.replace("0.05\n", "0.06\n"))
    assert run_of("solve-offline", *GIVEN)[0] != run


def test_the_plan_rejects_what_was_measured(folder):
    """At 25 requests/s 3 replicas rejected .2, 2 rejected .3 and 1 .6; knots round a rate by half a knot."""
    run, _ = run_of("solve-offline", *GIVEN, "--tolerance", "0.35")
    plan = pd.read_csv(f"{run}/plan.csv")
    first = plan.iloc[0]
    assert first["replicas"] == 2
    assert first["rejection_expected"] == pytest.approx(25 / 2 / 40, abs=0.03)


def test_policies_are_evaluated_without_the_file_that_they_were_trained_on(folder):
    run_of(*TRAIN, *GIVEN, "--name", "te")
    (folder / "node.csv").unlink()
    run_of("evaluate", "te", "--name", "after")
    after, before = (pd.read_csv(f"results/{name}/evaluation.csv") for name in ("after", "te"))
    pd.testing.assert_frame_equal(after, before)
    judged, told = run_of("evaluate", "te", "--rejection-model", "simulation", "--name", "judged")
    assert "response_ms" in pd.read_csv(f"{judged}/evaluation.csv")
    assert "those of Erlang-B" in told
    grown, _ = run_of("train", "--grow", "te", "--seeds", "3", "--name", "grown", "--jobs", "1")
    assert pd.read_csv(f"{grown}/evaluation.csv")["seed"].nunique() == 3


def test_an_evaluation_is_named_by_the_trace_it_is_given_and_by_measurements_only_where_it_is_given_any(folder):
    run_of(*TRAIN, *GIVEN, "--name", "te")
    other = sinusoidal(mean=20, amplitude=10, steps=12, period=12)
    write_trace(other, "other.csv")

    def facts(*given):
        run, _ = run_of("evaluate", "te", "--trace", "other.csv", *given)
        return json.loads(Path(run, "run.json").read_text()), EvaluateConfig(**read_toml(Path(run, "config.toml")))

    trained = json.loads(Path("results/te/run.json").read_text())["config_digest"]
    told, config = facts()
    assert told["config_digest"] == digest(config, other.digest() + trained)  # as it has been since there are such runs
    told, config = facts("--measurements", "node.csv")
    measured = replace(other, measured={"node.csv": read_measurements(Path("node.csv"))})
    assert told["config_digest"] == digest(config, measured.digest() + trained)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (GIVEN[:2], 2, "--rejection-model measured needs --measurements, a table of what the node rejects"),
        (GIVEN[2:], 2, "--measurements is what --rejection-model measured reads: give both, or neither"),
        ((*GIVEN, "--measurements", "gone.csv"), 3, "gone.csv: cannot be read: No such file or directory"),
    ],
)
def test_half_a_word_is_refused(folder, arguments, code, message):
    done = mamo("solve-offline", *arguments)
    assert (done.code, done.out, done.err) == (code, "", f"mamo: {message}\n")
    assert not (folder / "results").exists()


def test_a_bad_table_is_refused_whole(folder):
    (folder / "node.csv").write_text(NODE.replace("5,1,", "5,none,").replace("8,3,", "8,3,-"))
    done = mamo("solve-offline", *GIVEN)
    assert done.code == 3
    assert done.err.startswith("mamo: node.csv:5:2: replicas must be a number above 0, at most 1000, got 'none'\n")
    assert "node.csv:10:3: rejection_fraction must be a number from 0 to 1, got '-0.0666" in done.err
    assert not (folder / "results").exists()


def test_nothing_is_planned_on_what_nobody_measured(folder):
    write_trace(sinusoidal(mean=250, amplitude=150, steps=24, period=24), "day.csv", force=True)
    done = mamo("solve-offline", *GIVEN)
    assert (done.code, done.out) == (3, "")
    assert "nothing was measured of what the node asks, 80 to 480 requests/s with 1 to 3 replicas" in done.err
    assert not (folder / "results").exists()


def test_what_lies_beyond_is_said_in_one_line(folder):
    _, told = run_of("solve-offline", *GIVEN, "--max-replicas", "6", "--tolerance", "0.5")
    assert told.count("node.csv: 2 to 59 requests/s with 1 to 3 replicas were measured") == 1
    assert "step by step, 50% was not" in told


def test_one_table_is_that_of_all_functions(folder):
    days = [sinusoidal(mean=mean, amplitude=10, steps=24, period=24) for mean in (20, 30)]
    for name, day in zip("ab", days, strict=True):
        write_trace(day, f"{name}.csv")
    (folder / "two.toml").write_text('[function.a]\ntrace = "a.csv"\n[function.b]\ntrace = "b.csv"\n')
    node = [*GIVEN[:4], "--max-replicas", "3", "--tolerance", "0.35", "--config", "two.toml"]
    plan = pd.read_csv(f"{run_of('solve-offline', *node)[0]}/plan.csv").set_index(["step", "function"])
    for name, mean in (("a", 20), ("b", 30)):
        first = plan.loc[0, name]
        assert first["rejection_expected"] == pytest.approx(mean / first["replicas"] / 40, abs=0.03)
    run_of(*TRAIN, *node, "--name", "te")
    (folder / "node.csv").unlink()
    run_of("evaluate", "te", "--name", "after")


def test_service_times_cannot_drift_under_measurements(folder):
    (folder / "drift.toml").write_text("[drift]\nservice = [[0, 1.0], [2, 1.5]]\n")
    done = mamo("run-mamo", *GIVEN, "--config", "drift.toml", "--seeds", "1", "--cycles", "3", "--jobs", "1")
    assert done.code == 2
    assert "measurements hold for the service times that they were made under" in done.err


def test_rules_say_what_they_see_as_busy_and_a_default_that_holds_is_not_undercut(folder):
    # The node rejects almost nothing: OpenFaaS Pro's default of 45 requests/s a replica holds, beyond its knob's span.
    (folder / "node.csv").write_text(
        "\n".join([NODE.partition("\n")[0], *(f"{r},{n},.001" for r in range(2, 90, 3) for n in (1, 2, 3)), ""])
    )
    run, told = run_of("baselines", *GIVEN, "--warm-service-time", "0.14")
    assert "what rules see as busy is the requests served times --warm-service-time (0.14 s)" in told
    summary = pd.read_csv(f"{run}/summary.csv").pivot(
        index="rule", columns="knobs", values=["mean_replicas", "held_in_training"]
    )
    assert (summary["held_in_training"] == 1).all(axis=None)
    assert (summary["mean_replicas", "tuned"] <= summary["mean_replicas", "default"]).all()
    _, told = run_of("baselines", "--trace", "day.csv")
    assert "as busy" not in told
