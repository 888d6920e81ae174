"""Drives a run to its end: rounds in, rows and checkpoints out, and a clean stop when asked."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext
from typing import Any

from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import Engine, Tables
from mamo_cli.runs.folder import RunFolder
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.stopping import STOP
from mamo_cli.runs.tables import AppendTable

# A checkpoint is due after this long, and never takes more than about a fiftieth of the time.
CHECKPOINT_SECONDS = 30.0
CHECKPOINT_SHARE = 0.02


def drive(
    run: RunFolder,
    columns: Mapping[str, Sequence[str]],
    engine: Callable[[list[dict[str, Any]] | None], Engine],
    progress: Callable[[int, Tables], None],
) -> list[int]:
    """Play all rounds of a run, resuming from its checkpoint where there is one.

    Args:
        run: the folder.
        columns: header of each table that shards fill.
        engine: makes the engine from the shards' saved states, or from nothing.
        progress: told how many rounds are over, before the first and after each, with that round's rows.

    Returns:
        Seeds that diverged.

    Raises:
        Stopped: a signal came; everything is saved, or as much as could be within its grace.
    """
    saved = checkpoint.load(run.path, run.digest)
    restoring = nullcontext() if saved is None else checkpoint.restoring(run.path)
    saved = {"rounds": 0, "lengths": {}, "shards": None} if saved is None else saved
    with ExitStack() as stack:
        with restoring:
            rounds, lengths = int(saved["rounds"]), dict(saved["lengths"])
            running = stack.enter_context(closing(engine(saved["shards"])))
        LOGGER.debug("%d rounds are done already", rounds)
        tables = {
            name: stack.enter_context(closing(AppendTable(run.path / f"{name}.csv", header, lengths.get(name, 0))))
            for name, header in columns.items()
        }
        progress(rounds, {})
        with STOP.deferred():
            saved_at, cost = time.monotonic(), 0.0
            while STOP.number is None and not running.done:
                rows = running.advance()
                rounds += 1
                for name, table in tables.items():
                    table.append(rows[name])
                progress(rounds, rows)
                waited = time.monotonic() - saved_at
                if STOP.number or running.done or waited > max(CHECKPOINT_SECONDS, cost / CHECKPOINT_SHARE):
                    cost = _save(run, tables, running, rounds)
                    saved_at = time.monotonic()
        return running.diverged_seeds


def _save(run: RunFolder, tables: Mapping[str, AppendTable], engine: Engine, rounds: int) -> float:
    """Make all that was played so far survive; returns the seconds it took."""
    start = time.monotonic()
    lengths = {name: table.sync() for name, table in tables.items()}
    checkpoint.save(run.path, run.digest, {"rounds": rounds, "lengths": lengths, "shards": engine.states()})
    run.checkpointed()
    seconds = time.monotonic() - start
    LOGGER.debug("checkpoint after round %d in %.2f s", rounds, seconds)
    return seconds
