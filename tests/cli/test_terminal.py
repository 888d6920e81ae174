"""What a terminal shows, and what becomes of output that nobody can take."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.cli.invoke import COMMAND, MAMO, TINY, installed
from tests.cli.killing import forked, kill_before_checkpoint

COMMANDS = ["generate sinusoidal", "generate noisy", "import", "solve-offline", "train", "run-mamo", "evaluate", "plot"]
COMMANDS += ["runs list", "runs show", "runs compare", "runs rm", "watch", "doctor"]
HEAVY = ("torch", "pandas", "gurobipy", "matplotlib", "numba", "scipy", "ray")


def on_a_terminal(*arguments: str, stdout: bool = False, **environment: str) -> str:
    """What the command writes to a terminal of 100 columns as its stderr, or as its stdout."""
    reader, writer = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm", **environment}
    streams = (writer, subprocess.PIPE) if stdout else (subprocess.PIPE, writer)
    with subprocess.Popen([COMMAND, *arguments], stdout=streams[0], stderr=streams[1], env=environment) as process:
        os.close(writer)
        shown = b""
        try:
            while chunk := os.read(reader, 65536):
                shown += chunk
        except OSError:  # how a terminal tells that its other end is closed
            os.close(reader)
        process.communicate()
    return shown.decode()


def test_progress_shows_alpha_rejection_against_the_tolerance_and_time_left():
    shown = on_a_terminal(*MAMO)
    assert "alpha 0." in shown
    assert " of 0.05" in shown
    assert "0:00:00" in shown
    assert "100%" in shown


def test_progress_of_a_resumed_run_starts_at_the_rounds_that_are_done():
    command = ("run-mamo", *TINY, "--cycles", "4", "--jobs", "1", "--name", "x")
    forked(command, kill_before_checkpoint(4))
    shown = on_a_terminal(*command)
    assert "75%" in shown
    assert "50%" not in shown


def test_quiet_shows_no_bar():
    assert on_a_terminal(*MAMO, "-q") == ""


def test_a_reader_that_has_seen_enough_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([COMMAND, "doctor"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_that_cannot_be_encoded_is_escaped(finished):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([COMMAND, "runs", "list"], capture_output=True, env=environment, check=False)
    assert done.returncode == 0
    assert b"plan" in done.stdout


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_tidy_states_defaults_and_stays_light(command):
    program = (
        "import sys\nfrom mamo_cli.cli.main import main\n"
        f"try:\n    main()\nfinally:\n    print([name for name in {HEAVY} if name in sys.modules])"
    )
    arguments = [sys.executable, "-c", program, *command.split(), "--help"]
    environment = {**os.environ, "COLUMNS": "80"}
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment).stdout
    assert shown.splitlines()[-1] == "[]"
    assert "<bool>" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_every_number_in_a_help_page_has_a_default():
    shown = installed("run-mamo", "--help").out
    options = shown.split("Options:")[1].split("\n  -")
    numbers = [option for option in options if re.search("<float>|<int>|FLOAT|INTEGER", option)]  # as Typer's age is
    assert len(numbers) > 15
    assert all("default:" in option.lower() for option in numbers)


def test_no_command_shows_the_help_page():
    done = installed()
    assert done.code == 2
    assert done.err.startswith("Usage: mamo")
