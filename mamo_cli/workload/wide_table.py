"""Wide tables: one column a function, one row a control period, rates in requests/s."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.imported import Imported, note_text, select
from mamo_cli.workload.tables import TableReader, shown
from mamo_cli.workload.timestamps import MAX_SECONDS, TimeKind, parse_time

TIME_COLUMNS = ("time", "timestamp", "step", "minute")
Row = tuple[int, list[str]]


def read_wide(
    path: Path, step_seconds: float, functions: Sequence[str] | None, where: tuple[str, str] | None
) -> Imported:
    """Return the rates of the chosen columns; every kept row is one control period of `step_seconds`.

    A column named like one of TIME_COLUMNS must rise by equal amounts from row to row. Numbers in it are of unknown
    unit and go no further; dates must be `step_seconds` apart.

    Args:
        path: the file.
        step_seconds: what one row stands for.
        functions: the columns to take, by name or beginning; None takes all but the time and the `where` column.
        where: (column, value) that a row must have to be kept.

    Raises:
        UsageError: a chosen column or value is not there.
        DataError: a cell is no rate, or the rows do not follow one another.
    """
    table = TableReader(path)
    rows = _rows_where(table, where)
    times = [index for index, name in enumerate(table.header) if name.lower() in TIME_COLUMNS]
    spent = {*times, *(() if where is None else (table.header.index(where[0]),))}
    free = [index for index in range(len(table.header)) if index not in spent]
    if not free:
        raise DataError(f"{path}:{table.header_line}:1: no column is left that could hold the rates of a function")
    columns = [free[position] for position in select(path, [table.header[index] for index in free], functions)]
    _check_numeric(table, rows[0], columns)
    rates = np.array([[table.rate(line, fields, index) for index in columns] for line, fields in rows])
    for index in times:
        _check_times(table, rows, index, step_seconds)
    table.check()
    return Imported(
        names=[table.header[index] for index in columns],
        rate_rps=rates,
        notes={} if where is None else {"where": note_text("=".join(where))},
    )


def _rows_where(table: TableReader, where: tuple[str, str] | None) -> list[Row]:
    """Return the rows to keep, at least one, with their lines."""
    if where is None:
        rows = list(table.rows())
        table.check()
        return rows
    column, value = where
    if column not in table.header:
        raise UsageError(f"{table.path}: no column {column!r} for --where: there are {', '.join(table.header)}")
    index = table.header.index(column)
    values: dict[str, None] = {}
    rows = []
    for line, fields in table.rows():
        values[fields[index]] = None
        if fields[index] == value:
            rows.append((line, fields))
    table.check()
    if not rows:
        some = ", ".join(shown(text) for text in list(values)[:10])
        raise UsageError(f"{table.path}: no row has {column}={value!r}: there are {some}")
    return rows


def _check_numeric(table: TableReader, first: Row, columns: list[int]) -> None:
    """Tell a column of text from a bad cell: the remedy is another one."""
    line, fields = first
    for index in columns:
        if _is_text(fields[index]):
            name = table.header[index]
            remedy = f"choose columns with --function, or rows with --where {name}={fields[index][:30]}"
            table.fault(line, index + 1, f"column {name} holds text, got {shown(fields[index])}: {remedy}")
    table.check()


def _is_text(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell != ""
    return False


def _check_times(table: TableReader, rows: list[Row], index: int, step_seconds: float) -> None:
    """Refuse rows that jump, stand still or go back in time, as two series in one table do."""
    name = table.header[index]
    wanted_ns: int | None = None
    before: tuple[TimeKind, int] | None = None
    for line, fields in rows:
        now = parse_time(fields[index])
        if now is None:
            what = f"a date or a number up to {MAX_SECONDS}"
            table.fault(line, index + 1, f"{name} must be {what}, got {shown(fields[index])}")
        elif before is not None:
            rise_ns = now[1] - before[1]
            if wanted_ns is None:
                wanted_ns = rise_ns if now[0] is TimeKind.SECONDS else round(step_seconds * 1e9)
            # A hundredth, for clocks that tick unevenly and for rounded decimals.
            if rise_ns <= 0 or abs(rise_ns - wanted_ns) > wanted_ns / 100:
                wanted = f"by {wanted_ns / 1e9:g}" if wanted_ns > 0 else "steadily"
                remedy = "give rows in order and --step-seconds apart, one series only (--where COLUMN=VALUE)"
                table.fault(line, index + 1, f"{name} must rise {wanted} a row, got {rise_ns / 1e9:g}: {remedy}")
        before = now or before
