"""Many starts of one command at once, and a clock that goes backwards."""

import itertools
import os
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from mamo_cli.runs import folder as run_folder
from mamo_cli.runs.manifest import read_manifest
from tests.cli.invoke import MAMO, mamo
from tests.cli.killing import contents, fork, forked

pytestmark = pytest.mark.faults

STARTS = 50
DONE, LOCKED = 0, 6


def test_of_fifty_starts_at_once_one_works_and_the_others_say_so(folder):
    children = [fork((*MAMO, "--name", "x"), lambda: None) for _ in range(STARTS)]
    codes = Counter(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert set(codes) <= {DONE, LOCKED}, codes
    assert [start["status"] for start in read_manifest(folder / "results" / "x")["starts"]] == ["complete"]
    assert mamo(*MAMO, "--name", "y").code == DONE
    assert contents(folder / "results" / "x") == contents(folder / "results" / "y")


def test_a_clock_that_goes_backwards_changes_nothing(folder):
    def turn_back() -> None:
        ticks = itertools.count(10**9, -3600)
        time.time = lambda: float(next(ticks))
        run_folder._now = lambda: datetime.fromtimestamp(next(ticks), UTC).isoformat()

    assert forked((*MAMO, "--name", "x"), turn_back) == DONE
    manifest = read_manifest(folder / "results" / "x")
    assert manifest["ended"] < manifest["started"]
    assert mamo(*MAMO, "--name", "y").code == DONE
    assert contents(folder / "results" / "x") == contents(folder / "results" / "y")
