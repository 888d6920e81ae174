"""Resume is exact: killed at any moment and started again, a run ends as if it had never been."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.runs.tables import AppendTable
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import TINY, mamo
from tests.cli.killing import contents, forked, kill_after, kill_at_write, kill_before_checkpoint

KILLED = -9
COMMANDS = {"train": ("train", *TINY, "--iterations", "6"), "run-mamo": ("run-mamo", *TINY, "--cycles", "6")}
SIMULATED = ("--rejection-model", "simulation", "--idle-timeout", "1", "--simulated-seconds", "2", "--trace", "t.csv")
LOCAL, PARALLEL = ("--jobs", "1"), ("--jobs", "2")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("uninterrupted"))
        for name, command in COMMANDS.items():
            assert mamo(*command, *LOCAL, "--name", name).code == 0
        return {name: contents(Path("results") / name) for name in COMMANDS}


def resumed(folder, command, jobs, doom) -> tuple[int, dict]:
    """Exit code of the start that was to be killed, and what the run holds after another start."""
    code = forked((*COMMANDS[command], *jobs, "--name", "x"), doom)
    done = mamo(*COMMANDS[command], *jobs, "--name", "x")
    assert done.code == 0, done.err
    return code, contents(folder / "results" / "x")


@pytest.mark.parametrize("trial", range(4))
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_a_random_write_and_resumed_it_ends_the_same(folder, uninterrupted, command, trial):
    count = random.Random(trial).randint(1, 40)
    code, found = resumed(folder, command, LOCAL, kill_at_write(count))
    assert code == KILLED
    assert found == uninterrupted[command]


@pytest.mark.parametrize("trial", range(2))
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_a_random_moment_and_resumed_it_ends_the_same(folder, uninterrupted, command, trial):
    seconds = random.Random(f"{command} {trial}").uniform(0.02, 0.6)
    _, found = resumed(folder, command, LOCAL, kill_after(seconds))
    assert found == uninterrupted[command]


@pytest.mark.parametrize(("command", "count"), [("train", 13), ("run-mamo", 22)])
def test_killed_with_worker_processes_and_resumed_it_ends_the_same(folder, uninterrupted, command, count):
    code, found = resumed(folder, command, PARALLEL, kill_at_write(count))
    assert code == KILLED
    tables = uninterrupted[command].keys() - {"checkpoint"}
    assert {name: found[name] for name in tables} == {name: uninterrupted[command][name] for name in tables}


@pytest.mark.parametrize("jobs", [LOCAL, PARALLEL], ids=["one process", "workers"])
def test_a_simulated_node_goes_on_with_its_replicas(folder, jobs):
    rates = np.linspace(5.0, 90.0, 24)[:, None]
    trace = Trace(("f0",), expected_rate_rps=rates, actual_rate_rps=rates, step_seconds=5.0)
    write_trace(trace, folder / "t.csv")
    command = (*COMMANDS["run-mamo"], *SIMULATED)
    assert mamo(*command, *LOCAL, "--name", "whole").code == 0
    assert forked((*command, *jobs, "--name", "x"), kill_at_write(20)) == KILLED
    assert mamo(*command, *jobs, "--name", "x").code == 0
    whole, found = (contents(folder / "results" / name) for name in ("whole", "x"))
    tables = whole.keys() - ({"checkpoint"} if jobs == PARALLEL else set())
    assert {name: found[name] for name in tables} == {name: whole[name] for name in tables}


def test_a_kill_shows_as_crashed_and_every_start_is_on_record(folder):
    command = (*COMMANDS["run-mamo"], *LOCAL, "--name", "x")
    forked(command, kill_before_checkpoint(4))
    assert json.loads(mamo("runs", "show", "x", "--json").out)["status"] == "crashed"
    mamo(*command)
    starts = json.loads((folder / "results" / "x" / "run.json").read_text())["starts"]
    assert [start["status"] for start in starts] == ["crashed", "complete"]


@pytest.mark.parametrize(
    ("owner", "method"), [(MemberStreams, "load_state_dict"), (AppendTable, "_cut_back")], ids=["streams", "cut back"]
)
def test_without_a_part_of_the_state_the_comparison_fails(folder, uninterrupted, monkeypatch, owner, method):
    forked((*COMMANDS["run-mamo"], *LOCAL, "--name", "x"), kill_before_checkpoint(4))
    monkeypatch.setattr(owner, method, lambda *_: None)
    assert mamo(*COMMANDS["run-mamo"], *LOCAL, "--name", "x").code == 0
    assert contents(folder / "results" / "x") != uninterrupted["run-mamo"]


@pytest.fixture
def small_disk(folder):
    """A results folder on a disk of 16 MB of its own."""
    results = folder / "results"
    results.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "mamo-test", str(results)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a disk of its own cannot be mounted here")
    yield results
    subprocess.run(["umount", str(results)], check=True)


@pytest.mark.parametrize("room", [0, 30_000], ids=["none", "too little"])
def test_on_a_full_disk_the_old_state_survives_and_with_room_the_run_goes_on(small_disk, uninterrupted, room):
    command = (*COMMANDS["run-mamo"], *LOCAL, "--name", "x")
    forked(command, kill_before_checkpoint(4))
    for leftover in (small_disk / "x").glob(".*.tmp"):
        leftover.unlink()
    saved = (small_disk / "x" / "checkpoint.pt").read_bytes()
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(bytes(free - room))
    done = mamo(*command)
    assert (done.code, "no space left on the disk: free some" in done.err or "disk is full" in done.err) == (8, True)
    assert (small_disk / "x" / "checkpoint.pt").read_bytes() == saved
    (small_disk / "filler").unlink()
    assert mamo(*command).code == 0
    assert contents(small_disk / "x") == uninterrupted["run-mamo"]
