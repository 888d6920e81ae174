"""Run folders that earlier versions wrote are listed, shown, plotted and resumed, or refused with exit code 7.

`python -m tests.compatibility.regenerate` writes those of the present format.
"""

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from mamo_cli.runs import checkpoint
from tests.cli.conftest import folder
from tests.cli.invoke import mamo
from tests.compatibility.regenerate import COMMANDS, CYCLES, FIXTURES, VERSION

__all__ = ["folder"]

VERSIONS = sorted(path.name for path in FIXTURES.iterdir())
COMPLETE = ("plan", "te", "wa")
DONE, REFUSED = 0, 7


@pytest.fixture(params=VERSIONS)
def version(request) -> str:
    return request.param


@pytest.fixture
def results(version, folder) -> Path:
    """What a version left, in the present folder."""
    shutil.copytree(FIXTURES / version, folder, dirs_exist_ok=True)
    return folder / "results"


def test_there_are_fixtures_of_every_format_and_the_last_are_of_the_present_one():
    saved = [torch.load(FIXTURES / name / "results" / "wa" / checkpoint.NAME, weights_only=True) for name in VERSIONS]
    assert [content["format"] for content in saved] == list(range(1, checkpoint.FORMAT + 1))
    assert VERSIONS[-1] == VERSION


def test_a_run_whose_columns_had_other_names_is_refused_in_one_line_that_says_what_to_do(folder):
    """Of a gridworld, what is earned was once a second `mean_reward`."""
    command = ("train", "--domain", "gridworld", "--iterations", "2", "--iteration-steps", "4", "--jobs", "1")
    assert mamo(*command, "--seeds", "1", "--name", "old").code == 0
    for table in (folder / "results/old").glob("*.csv"):
        head, _, rest = table.read_text().partition("\n")
        table.write_text(head.replace("earned", "reward") + "\n" + rest)
    plotted = mamo("plot", "old")
    assert (plotted.code, len(plotted.err.splitlines())) == (3, 1)
    assert "earned is missing" in plotted.err
    assert "if an earlier version wrote it, run its command again with --fresh" in plotted.err
    grown = mamo(*command, "--seeds", "2", "--grow", "old", "--name", "more")
    assert (grown.code, len(grown.err.splitlines())) == (REFUSED, 1)
    assert "training.csv has other columns than this version writes: it cannot grow, start over" in grown.err


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def resumed(name: str):
    return mamo(*COMMANDS[name], "--name", name, "--json")


def test_every_run_is_listed_with_its_status(results):
    listed = json.loads(mamo("runs", "list", "--json").out)["runs"]
    statuses = {run["run"]: run["status"] for run in listed}
    assert statuses == {"plan": "complete", "te": "complete", "wa": "complete", "wa-interrupted": "crashed"}


@pytest.mark.parametrize("run", COMMANDS)
def test_every_run_is_shown(results, run):
    shown = json.loads(mamo("runs", "show", run, "--json").out)
    assert (shown["run"], shown["command"]) == (f"results/{run}", COMMANDS[run][0])
    assert {"config.toml", "run.json"} <= set(shown["files"])


@pytest.mark.parametrize("run", COMPLETE)
def test_complete_runs_are_plotted_from_their_tables(results, run):
    done = mamo("plot", run)
    assert done.code == 0, done.err
    assert list((results / run / "figures").glob("*.png"))


@pytest.mark.parametrize("run", COMPLETE)
def test_the_command_of_a_complete_run_says_so(results, run):
    done = resumed(run)
    assert done.code == 0, done.err
    assert f"results/{run} is complete already" in done.err


def test_the_interrupted_run_goes_on_in_the_present_format_and_is_refused_in_others(results, version):
    run = results / "wa-interrupted"
    before = rows(run / "cycles.csv")
    assert 1 < len(before) < 1 + CYCLES
    done = resumed("wa-interrupted")
    assert done.code == (DONE if version == VERSION else REFUSED), done.err
    after = rows(run / "cycles.csv")
    if done.code == DONE:
        assert after[: len(before) - 1] == before[:-1]  # the last may be younger than the checkpoint
        assert len(after) == len(rows(results / "wa" / "cycles.csv")) == 1 + CYCLES
    else:
        assert f"this version reads {checkpoint.FORMAT}: start over with --fresh" in done.err
        assert after == before


@pytest.mark.parametrize("run", ["te", "wa"])
def test_policies_of_the_present_format_are_evaluated_and_others_refused(results, version, run):
    done = mamo("evaluate", run, "--name", "again")
    assert done.code == (DONE if version == VERSION else REFUSED), done.err
    if done.code == DONE:
        again, before = (pd.read_csv(results / name / "evaluation.csv") for name in ("again", run))
        pd.testing.assert_frame_equal(again, before)


def test_a_checkpoint_of_a_later_format_is_refused(results):
    for path in (results / "wa-interrupted").glob("checkpoint*.pt"):
        content = torch.load(path, weights_only=True)
        torch.save({**content, "format": checkpoint.FORMAT + 1}, path)
    done = resumed("wa-interrupted")
    assert (done.code, f"has format {checkpoint.FORMAT + 1}; this version reads" in done.err) == (REFUSED, True)
    assert "--fresh" in done.err
