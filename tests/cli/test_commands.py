"""Every command, in this process: what it writes, prints and says."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.invoke import MAMO, TRAIN, mamo
from tests.experiments.mini import write_scenario

EVERY = [
    ("generate", "sinusoidal"),
    ("generate", "noisy"),
    ("import", "wide.csv", "--format", "wide"),
    ("solve-offline",),
    TRAIN,
    MAMO,
    ("evaluate",),
    ("export",),
    ("compare", "mini.toml", "--strategy", "fixed", "--jobs", "1"),
    ("plot",),
    ("runs", "list"),
    ("runs", "show"),
    ("runs", "compare", "te", "wa"),
    ("runs", "rm", "plan", "--yes"),
    ("watch",),
    ("doctor",),
]


@pytest.fixture
def files() -> None:
    write_scenario(Path("mini.toml"))
    pd.DataFrame({"f": np.sqrt(np.arange(1, 13)), "g": np.cbrt(np.arange(1, 13))}).to_csv("wide.csv", index=False)


def strictly(text: str) -> dict:
    return json.loads(text, parse_constant=pytest.fail)


@pytest.mark.usefixtures("finished", "files")
@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_json_is_one_object_and_quiet_leaves_stderr_empty(command):
    done = mamo(*command, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    assert strictly(done.out)["schema_version"] == 1
    assert done.out.count("\n") == 1


@pytest.mark.usefixtures("finished", "files")
@pytest.mark.parametrize("command", [c for c in EVERY if c[0] not in ("runs", "plot", "watch")], ids=" ".join)
def test_people_get_data_within_80_columns_and_the_next_step_on_stderr(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = mamo(*command)
    assert done.code == 0
    assert done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "next: mamo" in done.err


@pytest.mark.parametrize("place", [0, 99])
def test_quiet_may_stand_before_and_after_the_command(place):
    arguments = ["generate", "sinusoidal"]
    arguments.insert(place, "-q")
    assert mamo(*arguments)[::2] == (0, "")


def test_verbose_shows_the_debug_log():
    assert "rounds are done already" in mamo(*TRAIN, "-v").err


@pytest.mark.parametrize(
    ("run", "files"),
    [
        ("plan", {"plan.csv", "summary.csv", "frontier.csv"}),
        ("te", {"training.csv", "evaluation.csv", "summary.csv", "checkpoint.pt"}),
        ("wa", {"cycles.csv", "training.csv", "evaluation.csv", "summary.csv", "checkpoint.pt"}),
    ],
)
def test_a_run_folder_holds_what_the_contract_lists(finished, run, files):
    found = {path.name for path in (finished / run).iterdir()}
    assert found >= files | {"run.json", "config.toml", "log.txt", ".lock"}
    assert not [name for name in found if name.endswith(".tmp")]


def test_run_json_tells_where_the_run_came_from(finished):
    manifest = json.loads((finished / "wa" / "run.json").read_text())
    assert {"versions", "git", "cpu", "threads", "solver", "seeds", "started", "ended", "argv"} <= manifest.keys()
    assert [start["status"] for start in manifest["starts"]] == ["complete"]
    assert manifest["starts"][0]["argv"] == [*MAMO, "--name", "wa"] == manifest["argv"]


def test_one_row_is_shown_as_names_and_values():
    lines = [line.split() for line in mamo("solve-offline").out.splitlines()]
    assert ["scope", "step"] in lines
    assert all(len(line) == 2 for line in lines)


def test_replicas_and_cost_in_the_summary_are_those_of_the_plan(finished):
    plan, summary = (pd.read_csv(finished / "plan" / name) for name in ("plan.csv", "summary.csv"))
    assert summary["mean_replicas"].item() == plan["replicas"].mean()
    assert summary["mean_cost"].item() == pytest.approx(plan["cost"].mean() / 10)


def test_memory_binds_and_scaling_up_costs():
    free, bound, steady = (
        json.loads(mamo("solve-offline", "--json", *options).out)
        for options in ((), ("--memory-per-replica", "128", "--node-memory", "640"), ("--scale-up-cost", "5"))
    )
    assert bound["infeasible_steps"] > free["infeasible_steps"] == 0
    assert steady["objective"] > free["objective"]
    assert steady["termination"] == "optimal"


@pytest.mark.parametrize("run", ["te", "wa"])
def test_evaluate_on_the_runs_own_trace_repeats_its_evaluation(finished, run):
    assert mamo("evaluate", run, "--name", "again").code == 0
    before, after = (pd.read_csv(finished / name / "evaluation.csv") for name in (run, "again"))
    pd.testing.assert_frame_equal(before, after)


@pytest.mark.parametrize("run", ["te", "wa"])
def test_evaluate_on_another_trace_plays_that_trace(finished, run):
    mamo("generate", "sinusoidal", "--mean", "30", "--amplitude", "10", "--steps", "24", "--out", "other.csv")
    assert mamo("evaluate", run, "--trace", "other.csv", "--name", "other").code == 0
    rates = pd.read_csv(finished / "other" / "evaluation.csv").groupby("step")["expected_rate"].first()
    pd.testing.assert_series_equal(rates, pd.read_csv("other.csv", comment="#")["expected_rate"], check_index=False)


def test_evaluate_takes_only_complete_trained_runs(finished):
    refused = mamo("evaluate", "plan")
    assert refused.code == 2
    assert "complete solve-offline run: name a complete train or run-mamo run" in refused.err
    assert mamo("evaluate", "none").code == 2
