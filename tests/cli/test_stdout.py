"""Standard output carries data alone, whole and unfolded, whatever a library prints and whoever reads it."""

import ast
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import mamo_cli.cli
from tests.cli.invoke import COMMAND, TRAIN, installed, patched
from tests.cli.test_exit_codes import refused
from tests.cli.test_terminal import on_a_terminal

LONG = "a-name-as-long-as-people-give-their-runs-2026-11-26-lr0.003-s200"
assert len(LONG) == 64
TWO_JOBS = (*TRAIN[:-1], "2")

# What a library may do: print, write to the descriptor, and leave something in C's own buffer.
CHATTER = """
import ctypes, os, sys
from mamo_cli.solvers import cbc, highs
def chatty(function):
    def called(*arguments):
        print("said by Python")
        os.write(1, b"said by a system call\\n")
        ctypes.CDLL(None).printf(b"said by C\\n")
        return function(*arguments)
    return called
from mamo_cli.runs import folder
folder.provenance = chatty(folder.provenance)
"""
SAID = {"said by Python", "said by a system call", "said by C"}


@pytest.mark.parametrize("command", [("solve-offline",), TRAIN], ids=lambda command: command[0])
def test_what_libraries_print_is_no_data(command):
    done = patched(CHATTER, *command, "--json", "--name", "x")
    assert (done.code, json.loads(done.out)["run"]) == (0, "results/x")
    assert set(done.err.splitlines()) >= SAID


def test_nor_does_it_break_the_quiet():
    done = patched(CHATTER, "solve-offline", "--json", "--name", "x", "-q")
    assert (done.code, done.err, json.loads(done.out)["run"]) == (0, "", "results/x")


def test_that_check_sees_what_is_not_kept_apart():
    broken = "from mamo_cli.cli.stdout import StandardOutput\nStandardOutput._leave = lambda self: None\n"
    assert set(patched(broken + CHATTER, "solve-offline", "--json").out.splitlines()) >= SAID


def test_data_goes_through_one_place():
    """A bare print in a command would be taken for a library's."""
    for path in Path(mamo_cli.cli.__file__).parent.glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        prints = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        bare = [call.lineno for call in prints if "file" not in {keyword.arg for keyword in call.keywords}]
        assert path.name in ("console.py", "main.py") or not bare, f"{path.name}: {bare}"


def test_a_full_disk_is_told_of_once(finished):
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMMAND, "runs", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (8, 1)
    assert done.stderr.startswith("mamo: cannot write standard output: no space left on the disk: free some")


@pytest.mark.parametrize("environment", [{}, {"COLUMNS": "10"}, {"FORCE_COLOR": "1", "COLUMNS": "80"}], ids=str)
def test_a_pipe_gets_whole_lines_and_all_of_them(finished, environment):
    for number in range(30):
        (finished / f"{LONG[:-2]}{number:02}").mkdir()
        (finished / f"{LONG[:-2]}{number:02}" / "run.json").write_bytes((finished / "plan" / "run.json").read_bytes())
    asked = [COMMAND, "runs", "list"], [COMMAND, "runs", "show", "te"]
    listed, shown = (
        subprocess.run(
            one, capture_output=True, text=True, check=True, env={**os.environ, **environment}
        ).stdout.splitlines()
        for one in asked
    )
    assert (
        sum(line.split()[:2] == [f"{LONG[:-2]}{number:02}", "complete"] for number in range(30) for line in listed)
        == 30
    )
    assert ["command", "line", "mamo", *TRAIN, "--name", "te"] in [line.split() for line in shown]
    assert "\x1b" not in "".join(listed + shown)


def test_a_terminal_folds_at_spaces_shows_twenty_and_loses_no_value(finished):
    for number in range(30):
        (finished / f"r{number:02}").mkdir()
        (finished / f"r{number:02}" / "run.json").write_bytes((finished / "plan" / "run.json").read_bytes())
    shown = on_a_terminal("runs", "list", stdout=True).splitlines()
    assert sum("complete" in line for line in shown) == 20
    assert "... and 13 more" in shown[-1]
    facts = on_a_terminal("runs", "show", "te", stdout=True, COLUMNS="60").splitlines()
    assert max(map(len, facts)) <= 60
    narrow = on_a_terminal("runs", "list", stdout=True, COLUMNS="10")
    assert sum("complete" in line for line in narrow.splitlines()) == 20
    values = (
        on_a_terminal("solve-offline", "--json", stdout=True),
        on_a_terminal("solve-offline", stdout=True, COLUMNS="10"),
    )
    assert f"{json.loads(values[0])['mean_cost']:.4g}" in values[1]


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_a_daemon_without_standard_streams_does_its_work(folder, closed):
    program = (
        "import os, sys\n"
        f"for descriptor in {closed}:\n    os.close(descriptor)\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, {COMMAND!r}, 'solve-offline', '--name', 'x'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ("termination" in done.stdout) == (1 not in closed)
    run = folder / "results" / "x"
    assert json.loads((run / "run.json").read_text())["status"] == "complete"
    assert all(b"termination" not in path.read_bytes() for path in run.glob(".lock"))


def test_without_standard_input_nobody_agrees(finished):
    program = f"import os\nos.close(0)\nos.execv({COMMAND!r}, [{COMMAND!r}, 'runs', 'rm', 'plan'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (finished / "plan" / "plan.csv").exists()


@pytest.mark.parametrize(
    ("files", "command"), [(6, ("solve-offline",)), (8, ("solve-offline",)), (11, TWO_JOBS)], ids=str
)
def test_too_few_open_files_are_named_with_their_remedy(files, command):
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    done = installed(*command, preexec_fn=few)
    refused(done, 8, "too many open files: raise the limit, as with `ulimit -n 1024`")
    assert "standard output" not in done.err
