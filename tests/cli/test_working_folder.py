"""Nothing is run from the working folder, whatever lies there, in this process or in any that it starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.invoke import COMMAND, TINY

DEPENDENCIES = {"mamo_cli", "numpy", "pandas", "torch", "typer", "click", "rich", "numba", "scipy", "pulp", "highspy"}
DEPENDENCIES |= {"matplotlib", "pydantic", "gurobipy", "sitecustomize", "usercustomize"}
PLANTED = "print('planted:', __name__)\nraise SystemExit(99)\n"
COMMANDS = [
    ("train", *TINY, "--jobs", "2", "--name", "te"),
    ("solve-offline", "--solver", "cbc"),
    ("plot", "te"),
    ("runs", "list"),
]


def plant(folder: Path) -> None:
    """Fill a folder with files that are named like modules, and say so when they are run."""
    names = set(sys.stdlib_module_names) | DEPENDENCIES
    assert len(names) > 250
    for name in names:
        (folder / f"{name}.py").write_text(PLANTED)


@pytest.fixture
def planted(folder):
    plant(folder)
    return folder


def ran(*command: str) -> tuple[int, bool]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, "planted:" in done.stdout + done.stderr


@pytest.mark.usefixtures("planted")
def test_no_command_runs_what_lies_in_the_working_folder():
    assert [ran(COMMAND, *command) for command in COMMANDS] == [(0, False)] * len(COMMANDS)


def test_that_check_sees_a_file_that_is_run(planted):
    assert ran(sys.executable, "-c", "import signal") == (99, True)


def test_as_a_module_python_looks_there_for_the_package_alone(planted):
    (planted / "mamo_cli.py").unlink()
    assert ran(sys.executable, "-m", "mamo_cli", *COMMANDS[0]) == (0, False)


@pytest.mark.parametrize("module", ["mamo_cli", "mamo_cli.cli.main"])
def test_as_a_module_it_is_the_same_command(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "runs", "show", "x"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mamo: no run 'x' under results/: see mamo runs list\n"
