"""SIGINT and SIGTERM save and stop within 5 s in every phase; a second one stops at once."""

import json
import os
import pty
import signal
import time
from pathlib import Path

import pytest

from mamo_cli.runs.stopping import PATIENCE_SECONDS
from tests.cli.invoke import COMMAND, TINY, mamo, started
from tests.cli.killing import contents
from tests.clock import HANG_SECONDS, ended_within

PROMISED_SECONDS = 5.0  # of the product's own time: see tests/clock.py
AT_ONCE_SECONDS = 2.0  # less than the first signal's grace
SHORT = ("run-mamo", *TINY, "--cycles", "6", "--name", "x", "--jobs", "1")
ENDLESS = ("run-mamo", *TINY, "--cycles", "100000", "--name", "x", "--jobs", "1")
LONG_ROUND = ("run-mamo", *TINY, "--iteration-steps", "100000", "--name", "x")

# Each program says on stdout when it is where the signal is to find it.
IN_A_ROUND = """
from mamo_cli.training.two_phase import TwoPhaseLoop
train = TwoPhaseLoop.advance
TwoPhaseLoop.advance = lambda self: print("here", file=SAID) or train(self)
"""
# A short run would be over before the signal: this one waits for it.
UNTIL_ASKED = """
import time
from mamo_cli.runs.stopping import STOP
from mamo_cli.training.two_phase import TwoPhaseLoop
train = TwoPhaseLoop.advance
def waiting(self):
    print("here", file=SAID)
    while STOP.number is None:
        time.sleep(0.01)
    return train(self)
TwoPhaseLoop.advance = waiting
"""
IN_MANY_UPDATES = """
from mamo_cli.learners.dqn.compiled_networks import CompiledNetworks
learn = CompiledNetworks.learn
CompiledNetworks.learn = lambda self, replay, uniforms, *rest: (
    (uniforms.shape[1] < 100 or print("here", file=SAID)) and None or learn(self, replay, uniforms, *rest)
)
"""
STARTING_WORKERS = """
from mamo_cli.runs.worker import Worker
answer = Worker.answer
Worker.answer = lambda self: print("here", file=SAID) or answer(self)
"""
SOLVING_BOUNDS = """
import time
from mamo_cli.experiments import session
session.frontier = lambda *_: print("here", file=SAID) or time.sleep(60)
"""
SUMMARISING = """
import time
from mamo_cli.experiments import run_mamo
run_mamo.mamo_summary = lambda *_: print("here", file=SAID) or time.sleep(60)
"""
IN_A_SOLVERS_OWN_CODE = """
import hashlib
from mamo_cli.experiments import session
session.frontier = lambda *_: print("here", file=SAID) or hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


# On a busy machine the watch, whose clock is the wall's, may end what would have ended by itself: here it waits, and
# the product is held to the watch's patience by a clock of its own, which is less than what is promised.
UNWATCHED = f"""
from mamo_cli.runs import stopping
stopping.PATIENCE_SECONDS = {HANG_SECONDS}
"""
# Says which of its ways to an end the product takes, as soon as it has.
TELLING = """
import os
from mamo_cli.runs.stopping import StopRequest
def telling(name):
    function = getattr(StopRequest, name)
    def told(self, number, frame):
        try:
            function(self, number, frame)
        finally:
            os.write(SAID.fileno(), f"{name}\\n".encode())
    setattr(StopRequest, name, told)
telling("_asked")
telling("_out_of_grace")
"""


def stopped(patches: str, command: tuple[str, ...], number: int, *beside: int) -> tuple[int, str]:
    """Exit code and stderr of a command that is sent a signal and ends by itself, before its watch would end it."""
    return ended(UNWATCHED + patches, command, number, PATIENCE_SECONDS, *beside)


def ended(patches: str, command: tuple[str, ...], number: int, limit: float, *beside: int) -> tuple[int, str]:
    """Exit code and stderr of a command that is sent a signal.

    Args:
        patches: run before.
        command: what it is to do.
        number: of the signal.
        limit: within which it must end.
        beside: processes that it waits for and has not started.

    Raises:
        AssertionError: it does not.
    """
    with started(patches, *command) as process:
        assert process.stdout.readline() == "here\n"
        time.sleep(0.3)  # so that it is well within
        process.send_signal(number)
        ended_within(process, limit, *beside)
        return process.wait(), process.stderr.read()


def status() -> str:
    return json.loads(mamo("runs", "show", "x", "--json").out)["status"]


@pytest.mark.parametrize(
    ("patches", "command"),
    [
        (IN_A_ROUND, ENDLESS),
        (IN_A_ROUND, (*LONG_ROUND, "--jobs", "1")),
        (STARTING_WORKERS, (*LONG_ROUND, "--jobs", "2")),
        (SOLVING_BOUNDS, SHORT),
        (SUMMARISING, SHORT),
    ],
    ids=["training", "a round beyond its grace", "workers starting", "solving bounds", "summarising"],
)
def test_143_within_5_seconds_in_every_phase(patches, command):
    code, err = stopped(patches, command, signal.SIGTERM)
    assert (code, status()) == (143, "interrupted")
    assert f"results/x keeps what is saved. Resume with: mamo {' '.join(command)}\n" in err
    assert "Traceback" not in err


def test_143_within_5_seconds_in_a_minutes_worth_of_gradient_steps(folder):
    Path("many.toml").write_text("[adaptation]\nupdates = 100000\n")
    command = ("run-mamo", *TINY[2:], "--seeds", "12", "--config", "many.toml", "--name", "x", "--jobs", "1")
    code, _ = stopped(IN_MANY_UPDATES, command, signal.SIGTERM)
    assert (code, status()) == (143, "interrupted")


def test_130_saves_and_the_same_command_ends_as_if_never_stopped(folder):
    code, err = stopped(UNTIL_ASKED, SHORT, signal.SIGINT)
    assert code == 130
    assert err.splitlines()[-1].startswith("mamo: stopped by SIGINT; results/x keeps what is saved. Resume with: mamo ")
    assert (folder / "results" / "x" / "checkpoint.pt").exists()
    assert mamo(*SHORT).code == mamo(*SHORT[:-4], "--name", "y", "--jobs", "1").code == 0
    assert contents(Path("results/x")) == contents(Path("results/y"))


def stopped_at_once(patches: str) -> tuple[int, str]:
    """Exit code and stderr of a long round that is sent two signals, the second once the first is taken in.

    Raises:
        AssertionError: it was not the second that ended it.
    """
    with started(patches + TELLING + IN_A_ROUND, *LONG_ROUND, "--jobs", "1") as process:
        for said in ("here\n", "_asked\n"):
            assert process.stdout.readline() == said
            process.send_signal(signal.SIGINT)
        ended_within(process, AT_ONCE_SECONDS)
        said = process.stdout.read()
        assert said in ("", "_asked\n"), said  # the first one's grace was not over yet
        return process.wait(), process.stderr.read()


def test_the_watch_has_less_patience_than_is_promised():
    assert PATIENCE_SECONDS < PROMISED_SECONDS


def test_a_second_signal_stops_at_once():
    code, err = stopped_at_once("")
    assert code == 130
    assert "Traceback" not in err


def test_within_5_seconds_where_python_has_no_say():
    code, err = ended(IN_A_SOLVERS_OWN_CODE, SHORT, signal.SIGTERM, PROMISED_SECONDS)
    assert (code, status()) == (143, "crashed")
    assert "the same command" in err
    assert mamo(*SHORT).code == 0


def test_after_fresh_the_resume_line_names_the_folder(finished):
    command = ("run-mamo", *TINY, "--name", "wa", "--fresh", "--jobs", "1")
    _, err = stopped(UNTIL_ASKED, command, signal.SIGTERM)
    resume = err.split("Resume with: mamo ")[1].splitlines()[0].split()
    assert "--fresh" not in resume
    assert resume[-2:] == ["--name", "wa-2"]
    assert (finished / "wa-2").is_dir()


def test_no_worker_outlives_a_stop():
    telling = STARTING_WORKERS.replace('"here"', "self._process.pid")
    with started(UNWATCHED + telling, *LONG_ROUND, "--jobs", "2") as process:
        worker = int(process.stdout.readline())
        os.kill(worker, 0)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG_SECONDS)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_closed_terminal_saves_too(folder):
    """The system sends SIGHUP, and nobody can be told any more."""
    process, terminal = pty.fork()
    if not process:
        os.execv(COMMAND, [COMMAND, *ENDLESS])
    shown = b""
    while b"alpha 0." not in shown:
        shown += os.read(terminal, 65536)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 128 + signal.SIGHUP
    assert status() == "interrupted"
    assert (folder / "results" / "x" / "checkpoint.pt").exists()


# What breaks the promise: by computing on, by sleeping on, and by standing in the way of the second signal.
PATIENT = "from mamo_cli.runs import stopping\nstopping.GRACE_SECONDS = stopping.PATIENCE_SECONDS = 60\n"
UNMOVED = PATIENT + "stopping.StopRequest._asked = lambda *_: None\n"
MOVED_ONCE = """
from mamo_cli.runs import stopping
stopping.IMPATIENCE_SECONDS = 60
asked = stopping.StopRequest._asked
stopping.StopRequest._asked = lambda self, *arguments: self.number is None and asked(self, *arguments)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("patches", "command"),
    [(PATIENT + IN_A_ROUND, (*LONG_ROUND, "--jobs", "1")), (UNMOVED + SUMMARISING, SHORT)],
    ids=["computing", "sleeping"],
)
def test_a_product_that_goes_on_breaks_the_promise(patches, command):
    with pytest.raises(AssertionError, match="5 s are promised"):
        ended(patches, command, signal.SIGTERM, PROMISED_SECONDS)


@pytest.mark.slow
def test_a_product_that_the_second_signal_does_not_move_is_noticed():
    with pytest.raises(AssertionError, match=r"2 s are promised|_out_of_grace"):
        stopped_at_once(MOVED_ONCE)
