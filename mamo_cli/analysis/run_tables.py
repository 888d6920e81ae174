"""The tables of a run folder, read strictly: what is missing or broken is named, never guessed."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from mamo_cli.errors import DataError
from mamo_cli.runs.manifest import read_manifest

DRAWABLE = ("complete", "diverged")
"""Statuses of a run that has ended by itself; a diverged one still holds its healthy seeds."""


def read_command(folder: Path) -> str:
    """The command that made a run which has ended.

    Raises:
        DataError: There is no readable `run.json`, or the run has not ended.
    """
    manifest = read_manifest(folder)
    if manifest["status"] not in DRAWABLE:
        raise DataError(f"{folder}: the run is {manifest['status']}: start the same command again to finish it")
    return str(manifest["command"])


def read_run_table(folder: Path, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of a run's table, every number exactly as written, an empty cell as NaN.

    A column `function` that the file does not have (it has one only with several functions) reads as empty text.

    Args:
        folder: The run folder.
        name: File name, such as `plan.csv`.
        columns: What the caller needs; other columns are left out.

    Raises:
        DataError: The file is missing, empty or ragged, or lacks a column, or a cell is not of its column's kind.
    """
    path = folder / name
    lines = list(csv.reader(_text(path).splitlines()))
    if len(lines) < 2:
        raise DataError(f"{path}: holds no rows")
    header, rows = lines[0], lines[1:]
    _require_shape(path, header, rows, columns)
    table = {column: _parsed(path, rows, column, header.index(column)) for column in columns if column in header}
    return pd.DataFrame({column: table.get(column, [""] * len(rows)) for column in columns})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _require_shape(path: Path, header: list[str], rows: list[list[str]], columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in header and column != "function"]
    if missing:
        raise DataError(f"{path}: column {', '.join(missing)} is missing, the file has {', '.join(header)}")
    ragged = [
        f"{path}:{line}: must have {len(header)} cells, got {len(row)}"
        for line, row in enumerate(rows, start=2)
        if len(row) != len(header)
    ]
    if ragged:
        raise DataError(ragged)


def _parsed(path: Path, rows: list[list[str]], column: str, position: int) -> list[str | int | float]:
    parse, kind = CELL_KINDS.get(column, NUMBER)
    parsed: list[str | int | float] = []
    problems = []
    for line, row in enumerate(rows, start=2):
        try:
            parsed.append(parse(row[position]))
        except ValueError:
            problems.append(f"{path}:{line}:{position + 1}: {column} must be {kind}, got {row[position]!r}")
    if problems:
        raise DataError(problems)
    return parsed


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")


CellKind = tuple[Callable[[str], str | int | float], str]
NUMBER: CellKind = (_number, "a number")
TEXT: CellKind = (str, "text")
WHOLE: CellKind = (int, "a whole number")
CELL_KINDS = {"function": TEXT, "kind": TEXT, "scope": TEXT, "seed": WHOLE, "step": WHOLE, "cycle": WHOLE}
