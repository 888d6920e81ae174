"""A run that grows ends with the bytes of one that was asked for at once, and only what is new is trained."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from mamo_cli.experiments import growth, machines
from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import LocalEngine
from mamo_cli.runs.folder import GROWING
from mamo_cli.training.two_phase import TwoPhaseLoop
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import MAMO, TRAIN, mamo
from tests.cli.killing import contents, forked, kill_after, kill_at_write
from tests.compatibility.regenerate import COMMANDS, FIXTURES, VERSION

KILLED = -9
STEADY = "[adaptation]\nepsilon = [[0.0, 0.5]]\n"  # exploration that does not depend on how many cycles there are
PHASE = ("--iterations", "3", "--iteration-steps", "4", "--environments", "2", "--trace", "day.csv")
TE, WA = ("train", *PHASE), ("run-mamo", *PHASE, "--config", "steady.toml")
# What there is, and what is asked for; the shards of both are cut across members in any way.
CASES = {
    "more seeds": (TE, ("--seeds", "2", "--jobs", "1"), ("--seeds", "5", "--jobs", "2")),
    "seeds before and after, more alphas": (
        TE,
        ("--seeds", "2..3", "--alpha", "0.9", "--alpha", "0.1", "--jobs", "3"),
        ("--seeds", "1..4", "--alpha", "0.1", "--alpha", "0.5", "--alpha", "0.9", "--jobs", "1"),
    ),
    "more seeds of a loop": (WA, ("--seeds", "2", "--cycles", "3", "--jobs", "2"), ("--seeds", "3", "--cycles", "3")),
    "more cycles": (WA, ("--seeds", "2", "--cycles", "2", "--jobs", "1"), ("--cycles", "5", "--jobs", "1")),
    "both, from a single cycle": (
        WA,
        ("--seeds", "3..4", "--cycles", "1", "--jobs", "2"),
        ("--seeds", "2..6", "--cycles", "4", "--jobs", "1"),
    ),
    "cycles of root finding": (
        (*WA[:-2], "--strategy", "bisect"),
        ("--seeds", "2", "--cycles", "2"),
        ("--seeds", "2", "--cycles", "4"),
    ),
    "cycles at fixed weights": (
        (*WA[:-2], "--strategy", "fixed"),
        ("--seeds", "2", "--cycles", "2"),
        ("--seeds", "2", "--cycles", "3"),
    ),
}


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """All shards in this process: what a worker's costs is its start, and its rows are the same."""
    alone = lambda build, shards, states, processes, pool: LocalEngine(build, shards, states)  # noqa: E731
    monkeypatch.setattr(machines, "local_engine", alone)


@pytest.fixture(autouse=True)
def day(folder):
    write_trace(sinusoidal(steps=24, period=24), "day.csv")
    Path("steady.toml").write_text(STEADY)


def done(*arguments: str) -> Path:
    """The run of a command that ends well."""
    result = mamo(*arguments)
    assert result.code == 0, result.err
    return Path("results") / arguments[arguments.index("--name") + 1]


def tables(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.glob("*.csv")}


def files(run: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.iterdir()}


@pytest.fixture
def trained(monkeypatch) -> list[tuple[int, int]]:
    """Seeds and iterations that are played in this process."""
    played, advance = [], TwoPhaseLoop.advance

    def told(loop):
        before = loop._iteration
        rows = advance(loop)
        played.extend((seed, iteration) for seed in loop._seeds for iteration in range(before, loop._iteration))
        return rows

    monkeypatch.setattr(TwoPhaseLoop, "advance", told)
    return played


@pytest.mark.parametrize("case", CASES)
def test_a_grown_run_is_the_one_that_was_asked_for_at_once(case):
    command, few, many = CASES[case]
    before = done(*command, *few, "--name", "before")
    kept = files(before)
    more = done(command[0], "--grow", "before", *many, "--name", "grown")
    seeds = () if "--seeds" in many else few[:2]
    assert tables(more) == tables(done(*command, *seeds, *many, "--name", "at-once"))
    assert files(before) == kept
    assert not (more / GROWING).exists()
    for run in ("grown", "at-once"):
        done("evaluate", run, "--noise-seed", "3", "--name", f"{run}-again")
    again = [Path(f"results/{run}-again/evaluation.csv").read_bytes() for run in ("grown", "at-once")]
    assert again[0] == again[1]


def test_only_what_is_new_is_trained(trained):
    done(*WA, "--seeds", "2", "--cycles", "2", "--jobs", "1", "--name", "before")
    trained.clear()
    done("run-mamo", "--grow", "before", "--seeds", "3", "--jobs", "1", "--name", "wide")
    assert trained == [(2, iteration) for iteration in range(6)]
    trained.clear()
    done("run-mamo", "--grow", "before", "--cycles", "3", "--jobs", "1", "--name", "long")
    assert sorted(trained) == [(seed, iteration) for seed in (0, 1) for iteration in range(6, 9)]


def test_a_grown_run_is_left_as_one_that_was_interrupted_there_and_grows_again():
    done(*WA, "--seeds", "2", "--cycles", "1", "--jobs", "1", "--name", "r1")
    for cycles in (2, 4):
        done("run-mamo", "--grow", f"r{cycles // 2}", "--cycles", f"{cycles}", "--jobs", "1", "--name", f"r{cycles}")
    # Members, networks, replays, random streams, all to the last bit.
    at_once = done(*WA, "--seeds", "2", "--cycles", "4", "--jobs", "1", "--name", "x")
    assert contents(Path("results/r4")) == contents(at_once)


GROWTH = ("run-mamo", "--grow", "before", "--seeds", "3", "--cycles", "3", "--jobs", "1", "--name", "grown")


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A run, what it grows into, and that when nobody kills it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("grown"))
        write_trace(sinusoidal(steps=24, period=24), "day.csv")
        Path("steady.toml").write_text(STEADY)
        before = done(*WA, "--seeds", "2", "--cycles", "2", "--jobs", "1", "--name", "before").resolve()
        return before, contents(done(*GROWTH))


@pytest.mark.parametrize("count", [*range(3, 40, 5), 0])
def test_killed_while_it_grows_it_ends_the_same_and_nothing_is_lost(grown, count):
    before, expected = grown
    shutil.copytree(before, "results/before")
    kept = files(Path("results/before"))
    assert forked(GROWTH, kill_at_write(count) if count else kill_after(0.2)) == KILLED
    done(*GROWTH)
    assert contents(Path("results/grown")) == expected
    assert not Path("results/grown", GROWING).exists()
    assert files(Path("results/before")) == kept


def kill_once_new_members_are_saved() -> None:
    """Kill this process as soon as what the new members learnt on their way is saved."""
    save = checkpoint.save

    def save_and_die(folder, *given):
        save(folder, *given)
        if folder.name == GROWING:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.save = save_and_die


def test_what_was_begun_can_be_trained_without_the_run_it_grew_from(grown):
    before, expected = grown
    shutil.copytree(before, "results/before")
    assert forked(GROWTH, kill_once_new_members_are_saved) == KILLED
    assert Path("results/grown", GROWING).exists()
    shutil.rmtree("results/before")
    done(*WA, "--seeds", "3", "--cycles", "3", "--jobs", "1", "--name", "grown")
    assert tables(Path("results/grown")) == {name: held for name, held in expected.items() if name != "checkpoint"}
    assert not Path("results/grown", GROWING).exists()


@pytest.mark.parametrize("fault", ["no order", "no cycle due"])
def test_without_a_part_of_it_the_comparison_fails(grown, monkeypatch, fault):
    before, expected = grown
    shutil.copytree(before, "results/before")
    if fault == "no order":
        monkeypatch.setattr(growth, "_order", lambda *_: lambda row: 0)
    else:
        load = TwoPhaseLoop.load_state_dict
        undue = lambda loop, state: load(loop, {**state, "due": False})  # noqa: E731
        monkeypatch.setattr(TwoPhaseLoop, "load_state_dict", undue)
    done(*GROWTH)
    assert tables(Path("results/grown")) != {name: held for name, held in expected.items() if name != "checkpoint"}


def test_the_trace_is_the_one_that_the_run_keeps():
    done(*TE, "--seeds", "1", "--jobs", "1", "--name", "before")
    at_once = tables(done(*TE, "--seeds", "2", "--jobs", "1", "--name", "at-once"))
    os.unlink("day.csv")
    assert tables(done("train", "--grow", "before", "--seeds", "2", "--jobs", "1", "--name", "grown")) == at_once


def test_a_run_of_an_earlier_version_grows(folder):
    shutil.copytree(FIXTURES / VERSION, folder, dirs_exist_ok=True)
    at_once = tables(done(*COMMANDS["te"], "--seeds", "2", "--name", "at-once"))
    assert tables(done("train", "--grow", "te", "--seeds", "2", "--jobs", "1", "--name", "grown")) == at_once


def test_members_of_a_range_are_those_of_all():
    done(*TE, "--seeds", "4", "--alpha", "0.5", "--jobs", "1", "--name", "all")
    done(*TE, "--seeds", "1..2", "--alpha", "0.5", "--jobs", "1", "--name", "some")
    header, *rows = Path("results/all/evaluation.csv").read_text().splitlines()
    wanted = [row for row in rows if row[0] in "12"]
    assert Path("results/some/evaluation.csv").read_text().splitlines() == [header, *wanted]


MORE = "it may have more of seeds, alpha, adaptation.cycles alone"
REFUSALS = [
    (TRAIN[0], "te", ("--seeds", "1"), f"results/te cannot grow into this run (seeds: 2 -> 1): {MORE}"),
    (TRAIN[0], "te", ("--alpha", "0.1"), f"results/te cannot grow into this run (alpha: [0.1, 0.9] -> [0.1]): {MORE}"),
    (
        TRAIN[0], "te", ("--seeds", "3", "--tolerance", "0.1", "--iterations", "4"),
        "results/te cannot grow into this run (instance.tolerance: 0.05 -> 0.1; phase.iterations: 2 -> 4, and the "
        f"schedules of a phase run over all its iterations): {MORE}",
    ),
    (
        MAMO[0], "wa", ("--cycles", "6"),
        "results/wa cannot grow into this run (adaptation.cycles: 4 -> 6, and adaptation.epsilon runs over all "
        f"cycles): {MORE}",
    ),
    (MAMO[0], "wa", ("--cycles", "3"), f"results/wa cannot grow into this run (adaptation.cycles: 4 -> 3): {MORE}"),
    (
        TRAIN[0], "te", ("--trace", "day.csv"),
        "results/te cannot grow into this run: its trace, its start or its device is another",
    ),
    (TRAIN[0], "wa", (), "results/wa is a complete run-mamo run: --grow needs a complete train run"),
    (TRAIN[0], "none", (), "no run 'none' under results/: see mamo runs list"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "run", "given", "message"), REFUSALS, ids=[case[3][-70:] for case in REFUSALS])
def test_what_does_not_grow_is_refused_with_the_reason(finished, command, run, given, message):
    refused = mamo(command, "--grow", run, *given, "--jobs", "1", "--name", "x")
    assert (refused.code, refused.out, refused.said) == (2, "", [f"mamo: {message}\n"])
    assert not (finished / "x").exists()


def test_the_same_name_with_more_of_something_says_how_to_grow(finished):
    refused = mamo(*TRAIN, "--seeds", "3", "--name", "te")
    assert refused.said == [
        "mamo: results/te holds a run of another configuration (seeds: 2 -> 3): use another --name "
        "(with --grow te, which trains only what is new), or --fresh\n"
    ]


def test_tables_that_are_not_those_of_the_run_are_refused(finished):
    with (finished / "te" / "training.csv").open("a") as file:
        file.write("0,0.1,9\n")
    refused = mamo("train", "--grow", "te", "--seeds", "3", "--jobs", "1", "--name", "x")
    message = "mamo: results/te/training.csv is not what its run left: it cannot grow\n"
    assert (refused.code, refused.said) == (7, [message])
