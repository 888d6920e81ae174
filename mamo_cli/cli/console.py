"""What a person sees: messages and progress on stderr, tables and JSON on stdout."""

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

SCHEMA_VERSION = 1
MOST_ROWS = 20
LOGGER = logging.getLogger("mamo_cli")


class Output:
    """How much the user wants to hear on stderr; whatever is said also goes to the log of the run at work."""

    def __init__(self) -> None:
        self.quiet = self.verbose = False
        self._handler: logging.Handler = logging.NullHandler()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Show messages on stderr until the end of the block."""
        self.quiet = self.verbose = False
        self._handler = logging.StreamHandler(sys.stderr)
        self._handler.setFormatter(logging.Formatter("%(message)s"))
        LOGGER.addHandler(self._handler)
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False
        self.want(quiet=False, verbose=False)
        try:
            yield
        finally:
            LOGGER.propagate = True
            LOGGER.removeHandler(self._handler)

    def want(self, *, quiet: bool, verbose: bool) -> None:
        """Take in what the options ask for, which may stand before the command's name and after it."""
        self.quiet, self.verbose = self.quiet or quiet, self.verbose or verbose
        self._handler.setLevel(logging.DEBUG if self.verbose else logging.ERROR if self.quiet else logging.INFO)

    def note(self, message: str) -> None:
        """Tell the user something."""
        LOGGER.info(message)

    def warn(self, message: str) -> None:
        """Tell the user something that casts doubt on the results."""
        LOGGER.warning(message)

    def alert(self, message: str) -> None:
        """Tell the user why a command did not do what it was asked to, also where only that is wanted."""
        LOGGER.error(message)

    def progress(self) -> Progress:
        """A progress bar on stderr; hidden where stderr is no terminal or the user wants quiet."""
        console = Console(stderr=True)
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(),
            console=console,
            expand=True,
            redirect_stdout=False,  # nobody writes there meanwhile, and who listens there must go on doing so
            disable=self.quiet or not console.is_terminal,
        )


OUTPUT = Output()


def print_json(content: Mapping[str, Any]) -> None:
    """Print exactly one JSON object on stdout; what is not a number becomes null."""
    print(json.dumps(_finite({"schema_version": SCHEMA_VERSION, **content}), allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a small table on stdout; of a long one, the first rows."""
    table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        text = any(isinstance(value, str) for value in values)
        table.add_column(column, justify="left" if text else "right", overflow="fold")
    for row in rows[:MOST_ROWS]:
        table.add_row(*[shown(value) for value in row])
    Console(highlight=False, markup=False, emoji=False).print(table)
    if len(rows) > MOST_ROWS:
        print(f"... and {len(rows) - MOST_ROWS} more")


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print names and values on stdout, one pair a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, shown(value))
    Console(highlight=False, markup=False, emoji=False).print(table)


def shown(value: Any) -> str:
    """A value as a person reads it: four significant digits, a dash for what is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
