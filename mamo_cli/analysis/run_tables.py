"""The tables of a run folder, read strictly: what is missing or broken is named, never guessed."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from mamo_cli.core.errors import DataError
from mamo_cli.core.words import Words
from mamo_cli.domains import registry as domains
from mamo_cli.runs.manifest import read_manifest

AGENT = "agent"
"""The column of the agents' names, whatever the domain calls them."""

FIRST_DOMAIN = "faas"
"""That of runs from before there were others."""

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


def has_answers(folder: Path) -> bool:
    """Whether anything exact is known of what a run is about."""
    return bool(read_manifest(folder).get("exact", True))


def read_words(folder: Path) -> Words:
    """The words of the domain that a run is about.

    Raises:
        DataError: there is no readable `run.json`, or this version does not know the domain.
    """
    name = read_manifest(folder).get("domain", FIRST_DOMAIN)
    if name not in domains.DOMAINS:
        raise DataError(f"{folder}: a run of the domain {name!r}, which this version does not know")
    words: Words = domains.about(name).WORDS
    return words


def quantities_of(folder: Path) -> list[str]:
    """What is shown of a run, one panel each: the first measure of its domain, then the violations."""
    words = read_words(folder)
    return [one.name for one in (*words.measures[:1], *words.violations)]


def read_run_table(folder: Path, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of a run's table, every number exactly as written, an empty cell as NaN.

    The column of the agents' names reads as `agent`, and as empty text where the file has none (it has one only with
    several agents).

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
    word = read_words(folder).agent
    header = [AGENT if name == word else name for name in header]
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
    missing = [column for column in columns if column not in header and column != AGENT]
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
CELL_KINDS = {AGENT: TEXT, "kind": TEXT, "scope": TEXT, "seed": WHOLE, "step": WHOLE, "cycle": WHOLE}
