"""The tables of a run folder, read strictly: what is missing or broken is named, never guessed."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from mamo_cli.core.errors import DataError
from mamo_cli.core.words import Words
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.runs.outcomes import words_of

AGENT = "agent"
"""The column of the agents' names, whatever the domain calls them."""

ALPHA = "alpha"
"""The column of the weight of the violation."""

DRAWABLE = ("complete", "diverged")
"""Statuses of a run that has ended by itself; a diverged one still holds its healthy seeds.

So does a comparison of which some cells, which it names, failed.
"""


def read_command(folder: Path) -> str:
    """The command that made a run which has ended.

    Raises:
        DataError: There is no readable `run.json`, or the run has not ended.
    """
    manifest = read_manifest(folder)
    if manifest["status"] not in DRAWABLE and not manifest.get("failed"):
        raise DataError(f"{folder}: the run is {manifest['status']}: start the same command again to finish it")
    return str(manifest["command"])


def has_answers(folder: Path) -> bool:
    """Whether anything exact is known of what a run is about."""
    return bool(read_manifest(folder).get("exact", True))


def read_words(folder: Path) -> Words:
    """The words of the domain that a run is about, with the violations of its instance.

    Raises:
        DataError: there is no readable `run.json`, or this version does not know the domain.
    """
    manifest = read_manifest(folder)
    words = words_of(manifest)
    if words is None:
        raise DataError(f"{folder}: a run of the domain {manifest['domain']!r}, which this version does not know")
    return words


def quantities_of(folder: Path) -> list[str]:
    """What is shown of a run, one panel each: the first measure of its domain, then the violations."""
    words = read_words(folder)
    return [one.name for one in (*words.measures[:1], *words.violations)]


def read_heads(folder: Path, name: str) -> list[str]:
    """All columns of a run's table, that of the agents' names as `agent`.

    Raises:
        DataError: the file is missing or no text.
    """
    return _heads(folder, next(csv.reader(_text(folder / name).splitlines()), []))


def read_run_table(folder: Path, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of a run's table, every number exactly as written, an empty cell as NaN.

    The column of the agents' names reads as `agent`, and as empty text where the file has none (it has one only with
    several agents). Where each of several violations has an alpha of its own, `alpha` is what they weigh together.

    Args:
        folder: The run folder.
        name: File name, such as `plan.csv`.
        columns: What the caller needs; other columns are left out.

    Raises:
        DataError: The file is missing, empty or ragged, or lacks a column, or a cell is not of its column's kind.
    """
    path, words = folder / name, read_words(folder)
    lines = csv.reader(_text(path).splitlines())
    header = _heads(folder, next(lines, []))
    each = list(words.each(ALPHA))
    if ALPHA in columns and ALPHA not in header and set(each) <= set(header):
        known = read_run_table(folder, name, [*each, *(column for column in columns if column != ALPHA)])
        return known.assign(**{ALPHA: known[each].sum(axis=1)})[list(columns)]
    kept = [column for column in columns if column in header]
    rows = _rows(path, lines, len(header), [header.index(column) for column in kept])
    if not rows:
        raise DataError(f"{path}: holds no rows")
    missing = [column for column in columns if column not in kept and column != AGENT]
    if missing:
        raise DataError(
            f"{path}: column {', '.join(missing)} is missing, the file has {', '.join(header)}: if an earlier version "
            "wrote it, run its command again with --fresh"
        )
    cells = dict(zip(kept, zip(*rows, strict=True), strict=True))
    table = {column: _parsed(path, cells[column], column, header.index(column)) for column in kept}
    return pd.DataFrame({column: table.get(column, [""] * len(rows)) for column in columns})


def _heads(folder: Path, line: Sequence[str]) -> list[str]:
    agent = read_words(folder).agent
    return [AGENT if name == agent else name for name in line]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _rows(path: Path, lines: Iterable[list[str]], width: int, wanted: Sequence[int]) -> list[tuple[str, ...]]:
    """The wanted cells of every line after the head, all of which must be as long as it."""
    rows, ragged = [], []
    for number, line in enumerate(lines, start=2):
        if len(line) == width:
            rows.append(tuple(map(line.__getitem__, wanted)))
        else:
            ragged.append(f"{path}:{number}: must have {width} cells, got {len(line)}")
    if ragged:
        raise DataError(ragged)
    return rows


def _parsed(path: Path, cells: Sequence[str], column: str, position: int) -> list[str | int | float]:
    parse, kind = CELL_KINDS.get(column, NUMBER)
    try:
        return [parse(cell) for cell in cells]
    except ValueError:
        raise DataError(
            [
                f"{path}:{line}:{position + 1}: {column} must be {kind}, got {cell!r}"
                for line, cell in enumerate(cells, start=2)
                if not _parses(parse, cell)
            ]
        ) from None


def _parses(parse: Callable[[str], str | int | float], cell: str) -> bool:
    try:
        parse(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")


CellKind = tuple[Callable[[str], str | int | float], str]
NUMBER: CellKind = (_number, "a number")
TEXT: CellKind = (str, "text")
WHOLE: CellKind = (int, "a whole number")
CELL_KINDS = {
    AGENT: TEXT,
    "kind": TEXT,
    "model": TEXT,
    "scenario": TEXT,
    "strategy": TEXT,
    "over": TEXT,
    "te": TEXT,
    "readout": TEXT,
    "title": TEXT,
    "domain": TEXT,
    "player": TEXT,
    "reference": TEXT,
    "rule": TEXT,
    "knobs": TEXT,
    "scope": TEXT,
    "stage": TEXT,
    "termination": TEXT,
    "seed": WHOLE,
    "step": WHOLE,
    "cycle": WHOLE,
    "changed_at": WHOLE,
}
