"""What a person or a program reads on stdout: tables, facts, JSON."""

import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from mamo_cli.cli.stdout import STDOUT
from mamo_cli.core.told import Table as Told
from mamo_cli.core.told import shown

SCHEMA_VERSION = 1
MOST_ROWS = 20
BETWEEN = " " * 3  # columns, in rich's simple tables


def print_json(content: Mapping[str, Any]) -> None:
    """Print exactly one JSON object on stdout; what is not a number becomes null."""
    print_lines([json.dumps(_finite({"schema_version": SCHEMA_VERSION, **content}), allow_nan=False)])


def print_lines(lines: Sequence[str]) -> None:
    """Print lines of data on stdout, as they are."""
    with STDOUT.data():
        for line in lines:
            print(line)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table on stdout; of a long one, a person on a terminal gets the first rows."""
    text = [any(isinstance(value, str) for value in values) for values in zip(*rows, strict=True)]
    table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
    with STDOUT.data():
        terminal = sys.stdout.isatty()
        most = MOST_ROWS if terminal else len(rows)
        cells = [[shown(value) for value in row] for row in rows[:most]]
        room = shutil.get_terminal_size().columns if terminal else None
        widths = _widths([*zip(columns, *cells, strict=True)], room)
        for column, width, left in zip(columns, widths, text, strict=True):
            table.add_column(column, justify="left" if left else "right", width=width)
        for row in cells:
            table.add_row(*row)
        _print(table)
        if len(rows) > most:
            print(f"... and {len(rows) - most} more: all of them in a pipe, such as into less, and with --json")


def _widths(columns: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """Of the columns of a table: as wide as their cells, or folded at spaces to fit as far as words allow."""
    widths = [max(map(cell_len, cells)) for cells in columns]
    longest = [max(cell_len(word) for cell in cells for word in cell.split() or [""]) for cells in columns]
    spare = [wide - word for wide, word in zip(widths, longest, strict=True)]
    excess = 0 if room is None else sum(widths) + len(BETWEEN) * (len(widths) - 1) - room
    for _ in range(max(0, min(excess, sum(spare)))):
        widest = max((column for column in range(len(widths)) if spare[column]), key=widths.__getitem__)
        widths[widest] -= 1
        spare[widest] -= 1
    return widths


def print_told(told: Told) -> None:
    """Print a table on stdout, or facts, which have no headings."""
    if told.headings:
        print_table(told.headings, told.rows)
    else:
        print_facts({row[0]: row[1] for row in told.rows})


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print names and values on stdout, one pair a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, shown(value))
    with STDOUT.data():
        _print(table)


def _print(table: Table) -> None:
    """Print as wide as it is to a program; to a person, folded to the terminal's width as far as words allow."""
    terminal = sys.stdout.isatty()
    narrowest, width = Console(width=1_000_000).measure(table)
    if terminal:
        width = min(width, max(narrowest, shutil.get_terminal_size().columns))
    console = Console(width=width, force_terminal=terminal, highlight=False, markup=False, emoji=False)
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        print(line.rstrip())


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
