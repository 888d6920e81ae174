"""Kills a run from outside, again and again at random moments, until it is done all the same."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.runs.manifest import read_manifest
from tests.cli.invoke import mamo
from tests.cli.killing import contents, fork
from tests.faults.phases import Watch

KILLED = -signal.SIGKILL
SETTING_UP = 0.2  # share of the kills that are timed from the start of the process, not of the computation
SOON = 0.4  # of the time a run computes: a kill falls within it, so that a run meets several
MOST_STARTS = 60  # of one run: it must get on between two kills


class Killed(NamedTuple):
    """A run that was killed until it was done: the faults by place, and what it left."""

    faults: Counter[str]
    contents: dict[str, Any]


def killed_until_done(run: Path, command: tuple[str, ...], rng: random.Random, seconds: float) -> Killed:
    """Start a command, kill it at a random moment within so many seconds, and again, until it ends by itself."""
    faults: Counter[str] = Counter()
    for _ in range(MOST_STARTS):
        code, place = _one_start(command, rng, seconds)
        if code == 0:
            _assert_clean(run)
            return Killed(faults, contents(run))
        assert code == KILLED, code
        if hit_a_live_run(run):
            faults[place] += 1
    raise AssertionError(f"{run} does not get on: {faults}")


def hit_a_live_run(run: Path) -> bool:
    """Whether a process was killed that had taken the run and not let go of it."""
    return (run / "run.json").exists() and read_manifest(run)["status"] == "crashed"


def uninterrupted(run: Path, command: tuple[str, ...]) -> tuple[dict[str, Any], float]:
    """What the run leaves that nobody kills, and the seconds that a kill should fall within."""
    watch = Watch()
    child = fork(command, watch.install)
    watch.wait(lambda: True)
    start = time.monotonic()
    assert os.waitpid(child, 0)[1] == 0
    return contents(run), (time.monotonic() - start) * SOON


def _one_start(command: tuple[str, ...], rng: random.Random, seconds: float) -> tuple[int, str]:
    """Exit code, and where the process was when it was killed."""
    watch = Watch()
    child = fork(command, watch.install)
    if rng.random() > SETTING_UP:
        watch.wait(_running(child))
    time.sleep(rng.uniform(0.0, seconds))
    place = watch.place
    os.kill(child, signal.SIGKILL)  # a child that has ended is still ours, and keeps the exit code it ended with
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), place


def _running(child: int) -> Callable[[], bool]:
    """Tells whether a child has not ended yet, without taking its exit code."""
    return lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _assert_clean(run: Path) -> None:
    """No start met an exception, every one is on record, and the run can be asked for once more."""
    log = (run / "log.txt").read_text()
    assert "Traceback" not in log
    assert " ERROR " not in log
    assert read_manifest(run)["status"] == "complete"
    assert mamo("runs", "show", run.name, "-q").code == 0
