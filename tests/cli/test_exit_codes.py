"""Every exit code, by the installed command: one line on stderr that names the thing, its value and the remedy."""

import fcntl
import json
import resource
import shutil

import pytest

from tests.cli.invoke import TRAIN, Result, installed, mamo, patched

HEADER = "# step_seconds=300\nstep,function,expected_rate,actual_rate\n"


def refused(done: Result, code: int, *phrases: str) -> None:
    """Assert the code, nothing on stdout, and one line on stderr with these phrases."""
    assert (done.code, done.out) == (code, ""), done.err
    (said,) = done.said
    assert said.startswith("mamo: ")
    assert said.endswith("\n")
    for phrase in phrases:
        assert phrase in said


def test_1_a_system_of_another_kind():
    """Windows has no fcntl."""
    refused(patched("import sys\nsys.modules['fcntl'] = None", "--help"), 1, "mamo runs on Linux and macOS", "WSL")


NO_LOCKS = """
import errno, fcntl
def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = refuse
"""


def test_0_on_a_file_system_without_locks(folder):
    done = patched(NO_LOCKS, *TRAIN, "--name", "x")
    assert (done.code, done.err.count("results/x: its file system has no locks; the file .lock.held keeps")) == (0, 1)
    assert "a file in the run's folder stands in" in patched(NO_LOCKS, "doctor", "-q").out
    assert not (folder / "results" / "x" / ".lock.held").exists()


def test_0_done(folder):
    done = installed("generate", "sinusoidal", "--json")
    assert (done.code, json.loads(done.out)["path"]) == (0, "traces/sinusoidal.csv")
    assert (folder / "traces" / "sinusoidal.csv").exists()


def test_1_a_bug_in_a_run_leaves_its_traceback_in_the_runs_log(folder):
    bug = "from mamo_cli.experiments import machines\nmachines.drive = lambda *_: 1 / 0"
    done = patched(bug, *TRAIN, "--name", "x")
    refused(done, 1, "a bug of ours: ZeroDivisionError", "traceback in results/x/log.txt")
    assert "Traceback" in (folder / "results" / "x" / "log.txt").read_text()
    assert json.loads(mamo("runs", "show", "x", "--json").out)["status"] == "failed"


def test_1_a_bug_outside_any_run_leaves_its_traceback_in_results(folder):
    bug = "from mamo_cli.workload import generators\ngenerators.sinusoidal = lambda *_, **__: 1 / 0"
    refused(patched(bug, "generate", "sinusoidal"), 1, "traceback in results/log.txt")
    assert "ZeroDivisionError" in (folder / "results" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "phrases"),
    [
        (("train", "--sedes", "2"), ["--sedes", "--seeds"]),
        (("train", "--seeds", "two"), ["seeds", "valid integer, such as 8, or a range, such as 100..115", "got 'two'"]),
        (("train", "--seeds", "0"), ["seeds", "greater than or equal to 1", "got '0'"]),
        (("train", "--seeds", "9..3"), ["seeds", "greater than or equal to 1", "got '9..3'"]),
        (("train", "--seeds", "-3"), ["seeds", "valid integer", "got '-3'"]),
        (("train", "--seeds", "5..100005"), ["seeds", "at most 100000 seeds", "got '5..100005'"]),
        (("train", "--jobs", "0"), ["--jobs", "at least 1", "got 0"]),
        (("solve-offline", "--tolerance", "nan"), ["--tolerance", "finite", "got nan"]),
        (("solve-offline", "--tolerance", "inf"), ["--tolerance", "got inf"]),
        (("solve-offline", "--scope", "setp"), ["scope", "'setp'"]),
        (("run-mamo", "--preset", "slow"), ["--preset", "'slow'", "quick, paper"]),
        (("solve-offline", "--config", "none.toml"), ["none.toml", "No such file"]),
        (("solve-offline", "--name", "../up"), ["'../up'", "letters, digits"]),
        (("solve-offline", "--name", "-q" * 40), ["64 letters"]),
        (("solve-offline", "--memory-per-replica", "9"), ["--memory-per-replica", "--node-memory", "together"]),
        (("runs", "show", "none"), ["'none'", "mamo runs list"]),
        (("generate", "noisy", "--seed", "-1"), ["--seed", "-1"]),
        (("import",), ["argument", "file"]),
    ],
)
def test_2_usage_in_this_process(folder, arguments, phrases):
    refused(mamo(*arguments), 2, *phrases)
    assert not list(folder.glob("results/*/summary.csv"))


def test_2_usage():
    refused(installed("trian"), 2, "'trian'", "'train'")


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        (HEADER + "0,f,1,-3\n", ["trace.csv:3:4", "actual_rate", "'-3'"]),
        (HEADER + "0,f,nan,1\n", ["trace.csv:3:3", "expected_rate", "'nan'"]),
        ("", ["trace.csv"]),
        (None, ["trace.csv"]),
    ],
    ids=["negative", "NaN", "empty", "a directory"],
)
def test_3_bad_data_in_this_process(folder, text, phrases):
    path = folder / "trace.csv"
    path.mkdir() if text is None else path.write_text(text)
    refused(mamo("solve-offline", "--trace", "trace.csv"), 3, *phrases)
    assert not (folder / "results").exists()


def test_3_bad_data():
    refused(installed("solve-offline", "--trace", "none.csv"), 3, "none.csv")


def test_4_no_plan():
    done = installed("solve-offline", "--memory-per-replica", "128", "--node-memory", "100")
    refused(done, 4, "memory")


def test_5_diverged(folder):
    (folder / "wild.toml").write_text("[phase]\nlearning_rate = [[0.0, 1e38]]\nupdates_per_step = 8\n")
    command = (*TRAIN, "--batch-size", "32", "--config", "wild.toml", "--name", "x")
    done = installed(*command, "--environments", "16", "-q")
    refused(done, 5, "results/x", "every member diverged", "learning_rate")
    again = mamo(*command, "--environments", "16", "-q")
    assert (again.code, again.err) == (5, done.err)


def test_6_locked(finished):
    manifest = json.loads((finished / "plan" / "run.json").read_text())
    (finished / "plan" / "run.json").write_text(json.dumps({**manifest, "status": "interrupted"}))
    with (finished / "plan" / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused(installed("solve-offline", "--name", "plan"), 6, "results/plan", "in use", "--name")
        refused(mamo("runs", "rm", "plan", "--yes"), 6, "results/plan")
    assert mamo("runs", "rm", "plan", "--yes").code == 0


def test_7_no_readable_checkpoint(finished):
    manifest = json.loads((finished / "te" / "run.json").read_text())
    (finished / "te" / "run.json").write_text(json.dumps({**manifest, "status": "interrupted"}))
    for path in (finished / "te").glob("checkpoint*.pt"):
        path.write_bytes(b"")
    refused(installed(*TRAIN, "--name", "te"), 7, "results/te/checkpoint.pt", "--fresh")


def test_7_a_checkpoint_of_another_configuration(finished):
    shutil.copy(finished / "te" / "checkpoint.pt", finished / "wa" / "checkpoint.pt")
    done = mamo("evaluate", "wa")
    refused(done, 7, "results/wa/checkpoint.pt", "belongs to configuration")


def test_8_no_room(folder):
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    done = installed(*TRAIN, "--name", "x", preexec_fn=small_disk)
    refused(done, 8, "results/x/", "cannot write")
    assert mamo(*TRAIN, "--name", "x").code == 0  # with room again, the run goes on


def test_8_results_is_a_file(folder):
    (folder / "results").write_text("precious")
    refused(mamo("solve-offline"), 8, "results/solve-offline")
    assert (folder / "results").read_text() == "precious"


def test_no_answer_deletes_nothing(finished):
    done = installed("runs", "rm", "plan", input="n\n")
    assert (done.code, done.out) == (2, "")
    assert done.err == "delete results/plan? [y/N] mamo: results/plan was not deleted: answer y, or pass --yes\n"
    assert (finished / "plan" / "plan.csv").exists()
