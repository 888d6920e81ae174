"""What a run took, as people and programs are told of it."""

import json
import re

import pytest

from mamo_cli.experiments.reported import reported
from mamo_cli.runs import manifest
from mamo_cli.runs.cpu_time import own_seconds
from mamo_cli.runs.ledger import told
from tests.cli.invoke import TRAIN, installed, mamo


def test_a_run_ends_with_a_line_that_says_what_its_run_json_has(folder, monkeypatch):
    monkeypatch.setenv("MAMO_WATTS_PER_CORE", "36")
    monkeypatch.setenv("MAMO_CO2_G_PER_KWH", "100..300")
    done = mamo(*TRAIN, "--name", "te")
    found = json.loads((folder / "results/te/run.json").read_text())["energy"]
    [line] = [line for line in done.err.splitlines() if line.startswith("energy: ")]
    seconds, watt_hours, low, high = map(float, re.findall(r"\d[\d.e-]*", line.replace("CO2", "")))
    assert seconds == pytest.approx(found["cpu_seconds"], rel=1e-3)
    assert watt_hours == pytest.approx(seconds * 36 / 3600, rel=0.006)  # shown to three digits
    assert low == pytest.approx(seconds * 36 / 3.6e6 * 100, rel=0.006)
    assert high == pytest.approx(3 * low, rel=0.006)
    assert "energy" not in done.out


def test_all_of_a_command_s_processes_are_in_it_from_their_start(folder):
    """Beside the kernel's count of the whole command; what it takes to print and to end comes after its ledger."""
    before = own_seconds()
    assert installed(*TRAIN[:-1], "2", "--name", "te").code == 0
    whole = own_seconds() - before
    found = json.loads((folder / "results/te/run.json").read_text())["energy"]
    assert 0.7 * whole < found["cpu_seconds"] < whole


def test_lists_and_what_is_shown_of_a_run_have_it(finished):
    own = json.loads((finished / "wa/run.json").read_text())["energy"]
    listed = {run["run"]: run["energy"] for run in json.loads(mamo("runs", "list", "--json").out)["runs"]}
    assert listed["wa"] == own == json.loads(mamo("runs", "show", "wa", "--json").out)["energy"]
    line = told(manifest.read_manifest(finished / "wa"))
    assert f"{own['cpu_seconds']:.4g} CPU-seconds, " in line
    assert line in mamo("runs", "show", "wa").out
    assert dict(reported("wa", finished / "wa").provenance.rows)["energy"] == line


def test_a_run_of_an_earlier_version_has_none(finished):
    path = finished / "wa/run.json"
    earlier = json.loads(path.read_text())
    del earlier["energy"]
    path.write_text(json.dumps(earlier))
    listed = {run["run"]: run["energy"] for run in json.loads(mamo("runs", "list", "--json").out)["runs"]}
    assert listed["wa"] is None
    assert "energy" in mamo("runs", "show", "wa").out


def test_what_is_declared_wrongly_is_one_line_before_anything_is_written(folder, monkeypatch):
    monkeypatch.setenv("MAMO_CO2_G_PER_KWH", "green")
    done = mamo(*TRAIN)
    assert (done.code, done.out) == (2, "")
    assert done.err == "mamo: MAMO_CO2_G_PER_KWH is a number >= 0 or an interval such as 5..20, got 'green'\n"
    assert not list(folder.rglob("run.json"))
