"""Runs `mamo` in a forked process that is killed, and compares what runs leave behind."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mamo_cli.runs import checkpoint, driver
from mamo_cli.training.records import Tables
from mamo_cli.training.shards import ShardSpec, build_shard
from mamo_cli.training.two_phase import TwoPhaseLoop
from tests.cli.invoke import mamo


def forked(arguments: tuple[str, ...], during: Callable[[], None]) -> int:
    """Run the command in a forked process, after `during` has been called there; returns its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(fork(arguments, during), 0)[1])


def fork(arguments: tuple[str, ...], during: Callable[[], None]) -> int:
    """Start the same, which is spared the imports, and return its process id."""
    assert threading.enumerate() == [threading.main_thread()], threading.enumerate()
    child = os.fork()
    if child:
        return child
    try:
        driver.CHECKPOINT_SECONDS, driver.CHECKPOINT_SHARE = 0.0, float("inf")  # a checkpoint after every round
        during()
        os._exit(mamo(*arguments).code)
    finally:
        os._exit(99)


def kill_after(seconds: float) -> Callable[[], None]:
    """Kill this process in so many seconds, wherever it is then."""

    def doom() -> None:
        threading.Thread(target=lambda: (time.sleep(seconds), os.kill(os.getpid(), signal.SIGKILL))).start()

    return doom


def kill_at_write(count: int) -> Callable[[], None]:
    """Kill this process when it is about to make its n-th file durable."""

    def doom() -> None:
        left, fsync = [count], os.fsync

        def fsync_or_die(descriptor: int) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            fsync(descriptor)

        os.fsync = fsync_or_die

    return doom


def kill_before_checkpoint(count: int) -> Callable[[], None]:
    """Kill this process when the n-th checkpoint is about to be saved: the rows before it are there."""

    def doom() -> None:
        left, save = [count], checkpoint.save

        def save_or_die(*arguments: Any) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            save(*arguments)

        checkpoint.save = save_or_die

    return doom


def contents(run: Path) -> dict[str, Any]:
    """All that a run computed: its tables' bytes and its checkpoint, tensors as bytes."""
    tables = {path.name: path.read_bytes() for path in run.glob("*.csv")}
    saved = torch.load(run / checkpoint.NAME, weights_only=True)["state"]
    return {**tables, "checkpoint": plain(saved)}


def plain(value: Any) -> Any:
    """Nested state with tensors as (type, shape, bytes): equal where every bit is."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


class DeadlyShard:
    """A loop whose process is killed once, in its third round; `mark` tells that it was."""

    def __init__(self, mark: Path, loop: TwoPhaseLoop) -> None:
        self.mark, self.loop = mark, loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    def advance(self) -> Tables:
        rows = self.loop.advance()
        if rows["cycles"][0][1] == 2 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return rows


def deadly_shard(mark: Path, spec: ShardSpec) -> DeadlyShard:
    """Build such a loop; can be pickled."""
    return DeadlyShard(mark, build_shard(spec))
