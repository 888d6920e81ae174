"""How far a command has come, on stderr: a bar on a terminal; elsewhere a line now and then, which a log can keep."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from threading import Event, Thread
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.seam import Spec
from mamo_cli.training.records import Tables, columns_of

LINE_SECONDS = 10.0


class Standing:
    """How far a command has come: its rounds, and the newest one's median alpha and mean violation of the limit."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.total: int | None = None
        self.over, self.detail, self.doing = 0, "", "preparing"
        self._began, self._before = time.monotonic(), 0

    def at(self, doing: str) -> None:
        """What is being done from now on, where there are no rounds."""
        self._began, self.doing = time.monotonic(), doing

    def start(self, rounds: int, spec: Spec) -> None:
        """So many rounds are to be played."""
        self._spec, self._columns = spec, columns_of(spec, ())["training"]
        self._began, self.total = time.monotonic(), rounds

    def __call__(self, rounds: int, rows: Tables) -> None:
        """So many are over; the first call tells of those that an earlier start has played."""
        self.over, self._before = rounds, self._before if rows else rounds
        self.detail = self._detail(rows.get("training", []))

    def line(self) -> str:
        """The same as a line, with the time left as far as the rounds until now tell."""
        seconds = time.monotonic() - self._began
        if self.total is None:
            return f"{self.command}: {self.doing} since {_shown(seconds)}"
        played = self.over - self._before
        left = f"{_shown(seconds / played * (self.total - self.over))} left" if played else ""
        return ", ".join(filter(None, [f"{self.command}: {self.over} of {self.total} rounds", self.detail, left]))

    def _detail(self, rows: list[list[Any]]) -> str:
        words = self._spec.words
        alphas = [self._columns.index(column) for column in words.each("alpha")]
        places = [self._columns.index(f"mean_{one.name}") for one in words.violations]
        known = [row for row in rows if row[places[0]] is not None]
        if not known:
            return ""
        told = [" + ".join(f"{median(row[alpha] for row in known):.2f}" for alpha in alphas)]
        for one, place, limits in zip(words.violations, places, self._spec.limits.T, strict=True):
            mean = sum(row[place] for row in known) / len(known)
            allowed = f"{limits.min():g}" if limits.min() == limits.max() else f"{limits.min():g} to {limits.max():g}"
            told.append(f"{one.name} {mean:.3f} of {allowed}")
        return f"alpha {'  '.join(told)}"


class _Bar(Standing):
    """The same, drawn as a bar."""

    def __init__(self, bar: Progress, command: str) -> None:
        super().__init__(command)
        self._bar, self._task = bar, bar.add_task(command, total=None, detail="")

    def at(self, doing: str) -> None:
        super().at(doing)
        self._bar.update(self._task, detail=doing)

    def start(self, rounds: int, spec: Spec) -> None:
        super().start(rounds, spec)
        self._bar.update(self._task, total=rounds)

    def __call__(self, rounds: int, rows: Tables) -> None:
        super().__call__(rounds, rows)
        self._bar.update(self._task, completed=rounds, detail=self.detail, refresh=not rows)


@contextmanager
def progress(command: str) -> Iterator[Standing]:
    """What is to be told of a command's rounds, shown until the end of the block; not at all to who wants quiet."""
    if OUTPUT.quiet:
        yield Standing(command)
        return
    shown = _drawn if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else _told
    with shown(command) as standing:
        yield standing


@contextmanager
def _drawn(command: str) -> Iterator[Standing]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True, force_terminal=True),
        expand=True,
        redirect_stdout=False,  # nobody writes there meanwhile, and who listens there must go on doing so
    )
    with bar:
        yield _Bar(bar, command)


@contextmanager
def _told(command: str) -> Iterator[Standing]:
    standing, over = Standing(command), Event()

    def tell() -> None:
        while not over.wait(LINE_SECONDS):
            OUTPUT.note(standing.line())

    teller = Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield standing
    finally:
        over.set()
        teller.join()


def _shown(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
