"""The folder of all runs: another place than usual, several runs deleted at once, and a folder that is not readable."""

import json
import os
from pathlib import Path

import pytest

from mamo_cli.runs import manifest
from tests.cli.invoke import mamo

PLACE = ("--results", "other place/runs")


def test_every_command_takes_another_folder_and_says_how_to_go_on_there(folder):
    done = mamo("solve-offline", "--name", "plan", *PLACE)
    assert "run folder: other place/runs/plan\nnext: mamo plot plan --results 'other place/runs'\n" in done.err
    assert mamo("plot", *PLACE).code == 0
    assert [run["run"] for run in json.loads(mamo("runs", "list", "--json", *PLACE).out)["runs"]] == ["plan"]
    assert json.loads(mamo("runs", "show", "--json", *PLACE).out)["run"] == "other place/runs/plan"
    assert json.loads(mamo("doctor", "--json", *PLACE).out)["checks"]["other place/runs/ writable"] == "yes"
    none = mamo("runs", "show", "none", *PLACE)
    assert none.err == "mamo: no run 'none' under other place/runs/: see mamo runs list --results 'other place/runs'\n"
    assert json.loads(mamo("runs", "rm", "plan", "--yes", "--json", *PLACE).out)["deleted"] == ["other place/runs/plan"]
    assert not (folder / "results").exists()


def test_several_runs_are_deleted_at_once_or_none(finished):
    unknown = mamo("runs", "rm", "plan", "none", "--yes")
    assert (unknown.code, unknown.err) == (2, "mamo: no run 'none' under results/: see mamo runs list\n")
    assert (finished / "plan").exists()
    done = mamo("runs", "rm", "plan", "te", "results/plan", "--yes")
    assert (done.code, done.err) == (0, "deleted results/plan\ndeleted results/te\n")
    assert [path.name for path in finished.iterdir()] == ["wa"]


@pytest.fixture
def private(finished, monkeypatch):
    """A run folder that another user keeps for himself; who may do anything meets the same refusals."""
    (finished / "priv").mkdir()
    real_stat, real_read = Path.stat, Path.read_text

    def refuse(path):
        if "priv" in path.parts[:-1]:
            raise PermissionError(13, "Permission denied", str(path))

    def stat(self, **given):
        refuse(self)
        return real_stat(self, **given)

    def read_text(self, *given, **named):
        refuse(self)
        return real_read(self, *given, **named)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(Path, "read_text", read_text)
    return finished / "priv"


@pytest.mark.usefixtures("private")
def test_a_run_that_may_not_be_read_hides_no_other():
    listed = mamo("runs", "list", "--json")
    statuses = {run["run"]: run["status"] for run in json.loads(listed.out)["runs"]}
    assert statuses == {"plan": "complete", "te": "complete", "wa": "complete", "priv": "unreadable"}
    assert listed.err == "results/priv/run.json cannot be read: Permission denied\n"
    assert mamo("plot", "--json").code == 0
    assert mamo("doctor", "--json").code == 0
    assert json.loads(mamo("runs", "show", "--json").out)["run"] != "results/priv"
    shown = mamo("runs", "show", "priv")
    assert (shown.code, shown.err) == (3, "mamo: results/priv/run.json cannot be read: Permission denied\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_the_system_itself_refuses_so(finished):
    (finished / "te").chmod(0)
    try:
        assert manifest.list_runs(finished)[-1].name == "te"
        assert [run["status"] for run in json.loads(mamo("runs", "list", "--json").out)["runs"]][-1] == "unreadable"
    finally:
        (finished / "te").chmod(0o755)
