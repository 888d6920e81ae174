"""What a person or a program reads on stdout: tables, facts, JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

SCHEMA_VERSION = 1
MOST_ROWS = 20


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
