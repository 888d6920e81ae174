"""200 random SIGKILLs over `train` and `run-mamo`, in one process and in several: `make test-faults`."""

import random
from collections import Counter
from pathlib import Path

import pytest

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.runs.tables import AppendTable
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import TINY
from tests.faults.harness import killed_until_done, uninterrupted

pytestmark = pytest.mark.faults

SHORT = ("--trace", "t.csv")  # so that a run's time goes into what is to be resumed
COMMANDS = {
    "train": ("train", *TINY, "--iterations", "40", "--iteration-steps", "16", *SHORT),
    "run-mamo": ("run-mamo", *TINY, "--cycles", "12", "--iteration-steps", "16", *SHORT),
}
JOBS = {"local": "1", "sharded": "2"}
KILLS = {"local": 10, "sharded": 5}  # starting workers takes seconds
CASES = [(command, "local", seed) for command in COMMANDS for seed in range(8)]
CASES += [(command, "sharded", seed) for command in COMMANDS for seed in range(4)]


def with_trace(folder: Path) -> Path:
    """A folder with the trace that the commands name."""
    write_trace(sinusoidal(steps=24, period=24), folder / "t.csv")
    return folder


def typed(command: str, jobs: str, name: str) -> tuple[str, ...]:
    return (*COMMANDS[command], "--jobs", JOBS[jobs], "--name", name)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What the uninterrupted run leaves and how long it computes, worked out once a case."""
    known = {}

    def of(command: str, jobs: str):
        if (command, jobs) not in known:
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder := with_trace(tmp_path_factory.mktemp("uninterrupted")))
                known[command, jobs] = uninterrupted(folder / "results" / "x", typed(command, jobs, "x"))
        return known[command, jobs]

    return of


def test_there_are_200_of_them():
    assert sum(KILLS[jobs] for _, jobs, _ in CASES) == 200


@pytest.mark.parametrize(("command", "jobs", "seed"), CASES)
def test_killed_again_and_again_a_run_ends_the_same(folder, reference, record_property, command, jobs, seed):
    with_trace(folder)
    rng, faults = random.Random(f"{command} {jobs} {seed}"), Counter()
    expected, seconds = reference(command, jobs)
    while faults.total() < KILLS[jobs]:
        name = f"x{faults.total()}-{rng.randrange(10**6)}"
        run = killed_until_done(folder / "results" / name, typed(command, jobs, name), rng, seconds)
        assert run.contents == expected
        faults += run.faults
    record_property("faults", dict(faults))
    assert faults.total() >= KILLS[jobs]


@pytest.mark.parametrize(
    ("owner", "method"), [(MemberStreams, "load_state_dict"), (AppendTable, "_cut_back")], ids=["streams", "cut back"]
)
def test_without_a_part_of_the_state_the_same_kills_are_noticed(folder, reference, monkeypatch, owner, method):
    expected, seconds = reference("run-mamo", "local")
    with_trace(folder)
    monkeypatch.setattr(owner, method, lambda *_: None)  # what is forked has it, too
    rng = random.Random(0)

    def noticed(trial: int) -> bool:
        run = folder / "results" / f"x{trial}"
        return killed_until_done(run, typed("run-mamo", "local", run.name), rng, seconds).contents != expected

    assert any(noticed(trial) for trial in range(5))
