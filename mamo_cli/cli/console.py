"""What a person sees: messages and progress on stderr, tables and JSON on stdout."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

SCHEMA_VERSION = 1


@dataclass
class Output:
    """How much the user wants to hear; set once from the global options."""

    quiet: bool = False
    verbose: bool = False

    def note(self, message: str) -> None:
        """Tell the user something on stderr, unless told to be quiet."""
        if not self.quiet:
            Console(stderr=True, soft_wrap=True, highlight=False).print(message, markup=False)

    def progress(self) -> Progress:
        """A progress bar on stderr; hidden where stderr is no terminal or the user wants quiet."""
        console = Console(stderr=True)
        return Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[detail]}"), TimeRemainingColumn(),
            console=console, disable=self.quiet or not console.is_terminal,
        )  # fmt: skip


OUTPUT = Output()


def print_json(content: Mapping[str, Any]) -> None:
    """Print exactly one JSON object on stdout; what is not a number becomes null."""
    print(json.dumps(_finite({"schema_version": SCHEMA_VERSION, **content}), allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """Print a small table on stdout."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*[shown(value) for value in row])
    console = Console(highlight=False)
    console.print(table if console.is_terminal else table, soft_wrap=False)


def shown(value: Any) -> str:
    """A value as a person reads it: four significant digits, blanks for what is not known."""
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
