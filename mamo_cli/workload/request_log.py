"""Request logs: one row a request with the time it came, or the time it ended and how long it took."""

from array import array
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.imported import Imported, note_text, select
from mamo_cli.workload.tables import TableReader, shown
from mamo_cli.workload.timestamps import MAX_SECONDS, TimeKind, parse_duration, parse_time
from mamo_cli.workload.trace import FloatArray, IntArray

ARRIVAL_COLUMNS = (
    "timestamp",
    "arrival_timestamp",
    "start_timestamp",
    "arrival_time",
    "start_time",
    "time",
)
END_COLUMNS = ("end_timestamp", "end_time")
FUNCTION_COLUMNS = ("func", "function")
ONLY_FUNCTION = "f0"
MAX_CELLS = 10_000_000


@dataclass
class _Requests:
    """Arrivals in nanoseconds, each with the number of its (application, function); `keys` is in order of numbers."""

    arrival_ns: MutableSequence[int] = field(default_factory=lambda: array("q"))
    code: MutableSequence[int] = field(default_factory=lambda: array("q"))
    keys: dict[tuple[str, str], int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def read_requests(
    path: Path, step_seconds: float, functions: Sequence[str] | None, time_column: str | None
) -> Imported:
    """Return arrival rates by control period, the first of which begins with the first request of the log.

    Rows may stand in any order. The log's last period is dropped, since nobody knows how much of it the log saw; the
    notes say how many requests went with it. An end time with a `duration` beside it gives the arrival, their
    difference. Rows are told apart by a `func` or `function` column where there is one (and by `app` beside it).

    Args:
        path: the file.
        step_seconds: length of a control period.
        functions: which functions to keep, by name or beginning; None keeps all. The periods are the whole log's.
        time_column: the column with the time; None looks for a usual name.

    Raises:
        UsageError: `time_column` or a function is not there, or the periods would be too many.
        DataError: the file is no request log, or shorter than one control period.
    """
    requests = _read(path, time_column)
    order = sorted(requests.keys)
    rank = np.empty(len(order), dtype=np.int64)
    rank[[requests.keys[key] for key in order]] = np.arange(len(order))
    counts, dropped = _bin(path, requests.arrival_ns, rank[np.array(requests.code)], len(order), step_seconds)
    names = [function for _, function in order]
    chosen = select(path, names, functions)
    return Imported(
        names=[names[index] for index in chosen],
        rate_rps=counts[:, chosen] / step_seconds,
        notes={**requests.notes, "dropped": f"{dropped} requests of the last period, seen in part"},
    )


def _read(path: Path, time_column: str | None) -> _Requests:
    table = TableReader(path)
    time = _time_index(table, time_column)
    ends = table.header[time].lower() in END_COLUMNS
    duration = _find(table, ("duration",)) if ends else None
    function, app = _find(table, FUNCTION_COLUMNS), _find(table, ("app",))
    requests = _Requests(notes={"time_column": note_text(table.header[time])})
    if duration is not None:
        requests.notes["arrival"] = note_text(f"{table.header[time]} - {table.header[duration]}")
    kind: TimeKind | None = None
    for line, fields in table.rows():
        kind, arrival = _time(table, line, fields, time, kind)
        if duration is not None:
            arrival -= _duration(table, line, fields, duration)
        requests.arrival_ns.append(arrival)
        name = ONLY_FUNCTION if function is None else table.text(line, fields, function)
        key = ("" if app is None else fields[app], name)
        requests.code.append(requests.keys.setdefault(key, len(requests.keys)))
    table.check()
    return requests


def _time_index(table: TableReader, time_column: str | None) -> int:
    """Return the index of the column that tells when a request came, or else when it ended."""
    if time_column is not None:
        if time_column not in table.header:
            raise UsageError(f"{table.path}: no column {time_column!r}: there are {', '.join(table.header)}")
        return table.header.index(time_column)
    for usual in (ARRIVAL_COLUMNS, END_COLUMNS):
        found = [index for index, name in enumerate(table.header) if name.lower() in usual]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(table.header[index] for index in found)
            raise DataError(f"{table.path}:{table.header_line}:1: any of {names} could be the time: use --time-column")
    raise DataError(
        f"{table.path}:{table.header_line}:1: no column is called {', '.join(ARRIVAL_COLUMNS + END_COLUMNS)}: "
        "use --time-column"
    )


def _find(table: TableReader, usual: Sequence[str]) -> int | None:
    return next((index for index, name in enumerate(table.header) if name.lower() in usual), None)


def _time(
    table: TableReader, line: int, fields: list[str], index: int, kind: TimeKind | None
) -> tuple[TimeKind | None, int]:
    """Return the kind that all rows must have and the nanoseconds of this row; 0 stands for a fault."""
    parsed = parse_time(fields[index])
    if parsed is None:
        what = f"a date such as 2023-11-16 18:17:03.97 or seconds up to {MAX_SECONDS}"
        table.fault(line, index + 1, f"{table.header[index]} must be {what}, got {shown(fields[index])}")
        return kind, 0
    if kind is not None and parsed[0] is not kind:
        table.fault(line, index + 1, f"{table.header[index]} is {parsed[0].value}, rows before have {kind.value}")
    return kind or parsed[0], parsed[1]


def _duration(table: TableReader, line: int, fields: list[str], index: int) -> int:
    nanoseconds = parse_duration(fields[index])
    if nanoseconds is None:
        what = "a finite number of seconds >= 0"
        table.fault(line, index + 1, f"{table.header[index]} must be {what}, got {shown(fields[index])}")
        return 0
    return nanoseconds


def _bin(
    path: Path, arrival_ns: Sequence[int], code: IntArray, function_count: int, step_seconds: float
) -> tuple[FloatArray, int]:
    """Return (T, F) requests in each whole period, and how many came after the last of them."""
    step_ns = round(step_seconds * 1e9)
    since_first = np.array(arrival_ns, dtype=np.int64)
    since_first -= since_first.min()
    span = int(since_first.max())
    periods = span // step_ns
    if periods == 0:
        raise DataError(
            f"{path}: the log spans {span / 1e9:g} s, less than one control period of {step_seconds:g} s: "
            "use a shorter --step-seconds"
        )
    if periods * function_count > MAX_CELLS:
        raise UsageError(
            f"{path}: {function_count} functions over {periods} control periods of {step_seconds:g} s are more than "
            f"{MAX_CELLS} rates: use a longer --step-seconds"
        )
    period = since_first // step_ns
    whole = period < periods
    cells = np.bincount(period[whole] * function_count + code[whole], minlength=periods * function_count)
    return cells.reshape(periods, function_count).astype(np.float64), int((~whole).sum())
