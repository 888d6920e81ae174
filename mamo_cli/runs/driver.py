"""Drives a run to its end: rounds in, rows and checkpoints out, and a clean stop when asked."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import Engine, Tables
from mamo_cli.runs.folder import RunFolder
from mamo_cli.runs.tables import AppendTable

# A checkpoint is due after this long, and never takes more than about a fiftieth of the time.
CHECKPOINT_SECONDS = 30.0
CHECKPOINT_SHARE = 0.02


class Stopped(SystemExit):  # noqa: N818 - not an error: the user asked for it
    """The run was stopped by a signal; `code` is the exit code for it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


class StopRequest:
    """Remembers the first SIGINT or SIGTERM; the second one stops at once."""

    def __init__(self) -> None:
        self.number: int | None = None

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Handle both signals until the end of the block."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise Stopped(number)
        self.number = number


def drive(
    run: RunFolder,
    columns: Mapping[str, Sequence[str]],
    engine: Callable[[list[dict[str, Any]] | None], Engine],
    progress: Callable[[Tables], None],
) -> list[int]:
    """Play all rounds of a run, resuming from its checkpoint where there is one.

    Args:
        run: the folder.
        columns: header of each table that shards fill.
        engine: makes the engine from the shards' saved states, or from nothing.
        progress: told each round's rows.

    Returns:
        Seeds that diverged.

    Raises:
        Stopped: a signal came; everything is saved.
    """
    saved = checkpoint.load(run.path, run.digest)
    lengths = saved["lengths"] if saved else {}
    tables = {name: AppendTable(run.path / f"{name}.csv", header, lengths.get(name, 0)) for name, header in columns.items()}
    running = engine(saved["shards"] if saved else None)
    try:
        with StopRequest().listening() as stop:
            saved_at, cost = time.monotonic(), 0.0
            while not running.done:
                rows = running.advance()
                for name, table in tables.items():
                    table.append(rows[name])
                progress(rows)
                waited = time.monotonic() - saved_at
                if stop.number is not None or running.done or waited > max(CHECKPOINT_SECONDS, cost / CHECKPOINT_SHARE):
                    start = time.monotonic()
                    lengths = {name: table.sync() for name, table in tables.items()}
                    checkpoint.save(run.path, run.digest, {"lengths": lengths, "shards": running.states()})
                    saved_at = time.monotonic()
                    cost = saved_at - start
                if stop.number is not None and not running.done:
                    raise Stopped(stop.number)
            return running.diverged_seeds
    finally:
        running.close()
        for table in tables.values():
            table.close()
