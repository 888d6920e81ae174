"""What a forked `mamo` is doing, told to the process that watches it through a byte of shared memory."""

import functools
import mmap
import time
from collections.abc import Callable

from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import ProcessEngine
from mamo_cli.runs.tables import AppendTable
from mamo_cli.strategies.wa_dqn.agent import WeightAdaptationAgent
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.two_phase import TwoPhaseLoop

PLACES = (
    (TwoPhaseLoop, "advance", "between"),
    (TaskAgents, "train_iteration", "training"),
    (TaskAgents, "evaluate", "evaluation"),
    (WeightAdaptationAgent, "observe", "WA update"),
    (AppendTable, "append", "table"),
    (checkpoint, "save", "checkpoint"),
    (ProcessEngine, "__init__", "starting workers"),
    (ProcessEngine, "advance", "workers at work"),
)
NAMES = ("set-up or summary", *(name for _, _, name in PLACES))
ENGINE = {NAMES.index(name) for name in ("between", "training", "workers at work")}


class Watch:
    """A byte that the child writes and its parent reads."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)  # shared with what is forked from now on

    def install(self) -> None:
        """In the child: tell which place it is in, from now on."""
        for number, (owner, name, _) in enumerate(PLACES, 1):
            setattr(owner, name, self._told(number, getattr(owner, name)))

    def _told(self, number: int, function: Callable) -> Callable:
        @functools.wraps(function)
        def told(*args, **options):
            before, self._byte[0] = self._byte[0], number
            try:
                return function(*args, **options)
            finally:
                self._byte[0] = before

        return told

    @property
    def place(self) -> str:
        return NAMES[self._byte[0]]

    def wait(self, wanted: Callable[[], bool]) -> None:
        """Return as soon as the child computes, or `wanted` no longer holds."""
        while self._byte[0] not in ENGINE and wanted():
            time.sleep(0.001)
