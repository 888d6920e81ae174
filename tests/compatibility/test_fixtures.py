"""Run folders that earlier versions wrote are listed, shown, plotted and resumed, or refused with exit code 7.

`python -m tests.compatibility.regenerate` writes those of the present format.
"""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

from mamo_cli.runs import checkpoint
from tests.cli.conftest import folder
from tests.cli.invoke import mamo
from tests.compatibility.regenerate import COMMANDS, CYCLES, FIXTURES

__all__ = ["folder"]

VERSIONS = sorted(path.name for path in FIXTURES.iterdir())
COMPLETE = ("plan", "te", "wa")
REFUSED = 7


@pytest.fixture(params=VERSIONS)
def results(request, folder) -> Path:
    """What a version left, in the present folder."""
    shutil.copytree(FIXTURES / request.param, folder, dirs_exist_ok=True)
    return folder / "results"


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


def test_the_interrupted_run_goes_on_or_is_refused(results):
    run = results / "wa-interrupted"
    before = rows(run / "cycles.csv")
    assert 1 < len(before) < 1 + CYCLES
    done = resumed("wa-interrupted")
    assert done.code in (0, REFUSED), done.err
    if done.code == 0:
        after = rows(run / "cycles.csv")
        assert after[: len(before) - 1] == before[:-1]  # the last may be younger than the checkpoint
        assert len(after) == len(rows(results / "wa" / "cycles.csv")) == 1 + CYCLES


def test_policies_are_evaluated_or_refused(results):
    done = mamo("evaluate", "te", "--name", "again")
    assert done.code in (0, REFUSED), done.err
    if done.code == 0:
        assert rows(results / "again" / "evaluation.csv")[0] == rows(results / "te" / "evaluation.csv")[0]


def test_a_checkpoint_of_a_later_format_is_refused(results):
    for path in (results / "wa-interrupted").glob("checkpoint*.pt"):
        content = torch.load(path, weights_only=True)
        torch.save({**content, "format": checkpoint.FORMAT + 1}, path)
    done = resumed("wa-interrupted")
    assert (done.code, f"has format {checkpoint.FORMAT + 1}; this version reads" in done.err) == (REFUSED, True)
    assert "--fresh" in done.err
