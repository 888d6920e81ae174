"""SIGINT and SIGTERM save and stop within 5 s in every phase; a second one stops at once."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from mamo_cli.runs.stopping import GRACE_SECONDS
from tests.cli.invoke import TINY, mamo, started
from tests.cli.killing import contents

PROMISED_SECONDS = 5.0
SHORT = ("run-mamo", *TINY, "--cycles", "6", "--name", "x", "--jobs", "1")
ENDLESS = ("run-mamo", *TINY, "--cycles", "100000", "--name", "x", "--jobs", "1")
LONG_ROUND = ("run-mamo", *TINY, "--iteration-steps", "100000", "--name", "x")

# Each program says on stdout when it is where the signal is to find it.
IN_A_ROUND = """
from mamo_cli.training.two_phase import TwoPhaseLoop
train = TwoPhaseLoop.advance
TwoPhaseLoop.advance = lambda self: print("here", flush=True) or train(self)
"""
IN_MANY_UPDATES = """
from mamo_cli.learners.dqn.networks import CompiledNetworks
learn = CompiledNetworks.learn
CompiledNetworks.learn = lambda self, replay, uniforms, *rest: (
    (len(uniforms) < 100 or print("here", flush=True)) and None or learn(self, replay, uniforms, *rest)
)
"""
STARTING_WORKERS = """
from mamo_cli.runs.worker import Worker
answer = Worker.answer
Worker.answer = lambda self: print("here", flush=True) or answer(self)
"""
SUMMARISING = """
import time
from mamo_cli.cli import session
session.solve_bounds = lambda *_: print("here", flush=True) or time.sleep(60)
"""
IN_A_SOLVERS_OWN_CODE = """
import hashlib
from mamo_cli.cli import session
session.solve_bounds = lambda *_: print("here", flush=True) or hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def stopped(patches: str, command: tuple[str, ...], *signals: int) -> tuple[int, str, float]:
    """Exit code, stderr and seconds to the end after the first of the signals, which come 0.3 s apart."""
    process = started(patches, *command)
    assert process.stdout.readline() == "here\n"
    sent = []
    for number in signals:
        time.sleep(0.3)
        process.send_signal(number)
        sent.append(time.monotonic())
    _, err = process.communicate(timeout=30)
    return process.returncode, err, time.monotonic() - sent[0]


def status() -> str:
    return json.loads(mamo("runs", "show", "x", "--json").out)["status"]


@pytest.mark.parametrize(
    ("patches", "command"),
    [
        (IN_A_ROUND, ENDLESS),
        (IN_A_ROUND, (*LONG_ROUND, "--jobs", "1")),
        (STARTING_WORKERS, (*LONG_ROUND, "--jobs", "2")),
        (SUMMARISING, SHORT),
    ],
    ids=["training", "a round beyond its grace", "workers starting", "summarising"],
)
def test_143_within_5_seconds_in_every_phase(patches, command):
    code, err, seconds = stopped(patches, command, signal.SIGTERM)
    assert (code, status()) == (143, "interrupted")
    assert seconds < PROMISED_SECONDS
    assert f"results/x keeps what is saved. Resume with: mamo {' '.join(command)}\n" in err
    assert "Traceback" not in err


def test_143_within_5_seconds_in_a_minutes_worth_of_gradient_steps(folder):
    Path("many.toml").write_text("[adaptation]\nupdates = 100000\n")
    command = ("run-mamo", *TINY[2:], "--seeds", "12", "--config", "many.toml", "--name", "x", "--jobs", "1")
    code, _, seconds = stopped(IN_MANY_UPDATES, command, signal.SIGTERM)
    assert (code, status()) == (143, "interrupted")
    assert seconds < PROMISED_SECONDS


def test_130_saves_and_the_same_command_ends_as_if_never_stopped(folder):
    code, err, _ = stopped(IN_A_ROUND, SHORT, signal.SIGINT)
    assert code == 130
    assert err.splitlines()[-1].startswith("mamo: stopped by SIGINT; results/x keeps what is saved. Resume with: mamo ")
    assert (folder / "results" / "x" / "checkpoint.pt").exists()
    assert mamo(*SHORT).code == mamo(*SHORT[:-4], "--name", "y", "--jobs", "1").code == 0
    assert contents(Path("results/x")) == contents(Path("results/y"))


def test_a_second_signal_stops_at_once():
    code, err, seconds = stopped(IN_A_ROUND, (*LONG_ROUND, "--jobs", "1"), signal.SIGINT, signal.SIGINT)
    assert code == 130
    assert seconds < GRACE_SECONDS
    assert "Traceback" not in err


def test_within_5_seconds_where_python_has_no_say():
    code, err, seconds = stopped(IN_A_SOLVERS_OWN_CODE, SHORT, signal.SIGTERM)
    assert (code, status()) == (143, "crashed")
    assert seconds < PROMISED_SECONDS
    assert "the same command" in err
    assert mamo(*SHORT).code == 0


def test_after_fresh_the_resume_line_names_the_folder(finished):
    command = ("run-mamo", *TINY, "--name", "wa", "--fresh", "--jobs", "1")
    _, err, _ = stopped(IN_A_ROUND, command, signal.SIGTERM)
    resume = err.split("Resume with: mamo ")[1].splitlines()[0].split()
    assert "--fresh" not in resume
    assert resume[-2:] == ["--name", "wa-2"]
    assert (finished / "wa-2").is_dir()


def test_no_worker_outlives_a_stop():
    process = started(STARTING_WORKERS.replace('"here"', "self._process.pid"), *LONG_ROUND, "--jobs", "2")
    worker = int(process.stdout.readline())
    os.kill(worker, 0)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
