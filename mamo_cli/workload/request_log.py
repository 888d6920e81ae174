"""Request logs: one row a request with the time it came, or the time it ended and how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.engine import quoted
from mamo_cli.workload.imported import Imported, chosen_functions, not_chosen, note_text
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import DEFAULT_STEP_SECONDS, MAX_CELLS, Options
from mamo_cli.workload.stamps import (
    Stamped,
    far_off,
    joint_clock,
    kept,
    refuse_far_off,
    refuse_no_times,
    seconds_sql,
    stamped,
)
from mamo_cli.workload.tables import Table
from mamo_cli.workload.times import UNITS, Clock, number_clock
from mamo_cli.workload.trace import FloatArray, IntArray

ONLY_FUNCTION = "f0"
_MOST_FUNCTIONS = 1_000_000
_GUESS_ROWS = 1000


@dataclass(frozen=True)
class _Counts:
    """Requests by period (from `first_ns`) and function, sparse."""

    period: IntArray
    code: IntArray
    count: FloatArray
    names: list[str]
    first_ns: int
    last_ns: int


def read_requests(tables: Sequence[Table], meaning: Meaning, options: Options) -> Imported:
    """Return arrival rates by control period, the first of which begins with the first request of the log.

    Rows may stand in any order. The log's last period is dropped, since nobody knows how much of it the log saw; the
    notes say how many requests went with it. A duration gives the arrival, its difference from the end.

    Raises:
        UsageError: a function or column is not there, or the periods would be too many.
        DataError: a cell is no time, or the log is shorter than one control period.
        ChoiceError: nobody says what unit the times are of.
    """
    step_seconds = options.step_seconds or DEFAULT_STEP_SECONDS
    step_ns = round(step_seconds * 1e9)
    clock = joint_clock(tables, meaning, lambda table: _relative_clock(table, meaning))
    counts = _counted(tables, meaning, clock, step_ns)
    totals = np.bincount(counts.code, counts.count, len(counts.names)).astype(np.float64)
    chosen = chosen_functions(tables[0].path, counts.names, totals, options)
    periods = (counts.last_ns - counts.first_ns) // step_ns
    _check_size(tables[0], counts, periods, len(chosen), step_seconds)
    rank = np.full(len(counts.names), -1, dtype=np.int64)
    rank[chosen] = np.arange(len(chosen))
    whole = counts.period < periods
    taken = whole & (rank[counts.code] >= 0)
    rate = np.zeros((periods, len(chosen)))
    np.add.at(rate, (counts.period[taken], rank[counts.code[taken]]), counts.count[taken])
    dropped = int(counts.count[~whole].sum())
    in_whole = np.bincount(counts.code[whole], counts.count[whole], len(counts.names)).astype(np.float64)
    notes = {"time_column": note_text(meaning.time or "")}
    if meaning.duration is not None:
        notes["arrival"] = note_text(f"{meaning.time} - {meaning.duration}")
    return Imported(
        names=[counts.names[index] for index in chosen],
        rate_rps=rate / step_seconds,
        step_seconds=step_seconds,
        start_ns=counts.first_ns,
        clock=clock,
        notes={**notes, "dropped": f"{dropped} requests of the last period, seen in part"},
        dropped=[
            (dropped, "requests of the last period, seen in part"),
            *not_chosen(counts.names, chosen, in_whole),
        ],
    )


def _relative_clock(table: Table, meaning: Meaning) -> Clock:
    """Return the clock of numbers that count from some origin: those with a point are seconds.

    Raises:
        ChoiceError: they are whole: of seconds, or of milliseconds.
    """
    assert meaning.time is not None
    cells = table.cells(meaning.time)
    if any(meaning.decimal in cell for cell in cells):
        return number_clock("s", meaning.decimal, cells)
    cell, keep = table.place(meaning.time), kept(table, meaning)
    numbers = f"select try_cast({cell} as double) as t from {table.relation} where {keep}"
    ((low, high, count),) = table.rows(f"select min(t), max(t), count(t) from ({numbers})")
    answers = []
    for unit in ("s", "ms"):
        seconds = ((high or 0) - (low or 0)) / 10 ** (9 - UNITS[unit])
        mean = f"{count / seconds:.3g} requests/s on average" if seconds else "all at once"
        answers.append((["--time-unit", unit], f"{seconds:g} s in all, {mean}"))
    raise ChoiceError(
        f"{table.path}: the column {meaning.time} holds whole numbers from some origin: of what unit?", answers
    )


def _counted(tables: Sequence[Table], meaning: Meaning, clock: Clock, step_ns: int) -> _Counts:
    """Count in one pass where the log begins with its first request and no cell needs the slow way, else in two."""
    exact = clock.quick is None
    first_ns = _first_guess(tables[0], meaning, clock)
    while True:
        rows = [stamped(table, meaning, clock, exact=exact) for table in tables]
        low, high, missing = _count(rows, meaning, first_ns, step_ns)
        if missing and exact:
            for one in rows:
                refuse_no_times(one, meaning)
                _refuse_durations(one, meaning)
            raise DataError(f"{tables[0].path}: the times reach too far to be told apart by the nanosecond")
        if not missing and low == first_ns:
            break
        exact, first_ns = exact or missing > 0, low if not missing else first_ns
    counts = _grouped(tables[0], meaning, first_ns, high)
    at, place = np.unique(counts.period, return_inverse=True)
    bounds = far_off(at * step_ns + first_ns, np.bincount(place, counts.count).astype(np.float64))
    if bounds is not None:
        refuse_far_off(rows, meaning, (bounds[0], bounds[1] + step_ns))
    return counts


def _first_guess(table: Table, meaning: Meaning, clock: Clock) -> int:
    """Return the first time of the first rows, which in most logs is the first of all; any number would do."""
    if meaning.timezone is not None:
        return 0
    arrival = _arrival(clock.exact(table.place(meaning.time or "")), table, meaning)
    head = f"(select * from {table.relation} where {kept(table, meaning)} limit {_GUESS_ROWS})"
    ((low,),) = table.rows(f"select min({arrival}) from {head}")
    return int(low or 0)


def _arrival(ns: str, table: Table, meaning: Meaning) -> str:
    if meaning.duration is None:
        return ns
    return f"({ns} - {seconds_sql(table.column(meaning.duration, 'the duration'))})"


def _refuse_durations(rows: Stamped, meaning: Meaning) -> None:
    if meaning.duration is not None:
        bad = f"{rows.keep} and {seconds_sql(rows.table.place(meaning.duration))} is null"
        rows.table.faults(meaning.duration, bad, "must be a finite number of seconds >= 0")
        rows.table.check()


def _keys(meaning: Meaning) -> str:
    return ", ".join(f"k{index}" for index in range(max(len(meaning.functions), 1)))


def _count(rows: Sequence[Stamped], meaning: Meaning, first_ns: int, step_ns: int) -> tuple[int, int, int]:
    """Make the table `counted`; return the first and last time, and how many rows have none."""
    selects = []
    for one in rows:
        cells = [f"coalesce({one.table.column(name, '--function-column')}, '')" for name in meaning.functions]
        named = ", ".join(f"{cell} as k{index}" for index, cell in enumerate(cells or [quoted(ONLY_FUNCTION)]))
        arrival = _arrival(one.ns, one.table, meaning)
        selects.append(f"select {arrival} as t, {named} from {one.relation} where {one.keep}")
    keys = _keys(meaning)
    rows[0].table.rows(
        f"create or replace temp table counted as select (t - {first_ns}) // {step_ns} as b, {keys}, count(*) as n, "
        f"min(t) as low, max(t) as high from ({' union all '.join(selects)}) group by b, {keys}"
    )
    told = "select min(low), max(high), coalesce(sum(n) filter (b is null), 0) from counted"
    ((low, high, missing),) = rows[0].table.engine.rows(told)
    return int(low or 0), int(high or 0), int(missing)


def _grouped(table: Table, meaning: Meaning, first_ns: int, last_ns: int) -> _Counts:
    keys = _keys(meaning)
    ((kinds,),) = table.engine.rows(f"select count(*) from (select distinct {keys} from counted)")
    if kinds > _MOST_FUNCTIONS:
        last = meaning.functions[-1]
        raise UsageError(f"{table.path}: {last} tells {kinds} functions apart: choose another --function-column")
    names = [row[-1] for row in table.engine.rows(f"select distinct {keys} from counted order by {keys}")]
    if "" in names:
        last = meaning.functions[-1]
        table.faults(last, f"{kept(table, meaning)} and coalesce({table.place(last)}, '') = ''", "must not be empty")
        table.check()
        raise DataError(f"{table.path}: {last} must not be empty")
    found = table.engine.arrays(f"select b, n, dense_rank() over (order by {keys}) - 1 as code from counted")
    period, code, count = (found[name] for name in ("b", "code", "n"))
    return _Counts(period.astype(np.int64), code.astype(np.int64), count.astype(np.float64), names, first_ns, last_ns)


def _check_size(table: Table, counts: _Counts, periods: int, functions: int, step_seconds: float) -> None:
    if periods == 0:
        raise DataError(
            f"{table.path}: the log spans {(counts.last_ns - counts.first_ns) / 1e9:g} s, less than one control period "
            f"of {step_seconds:g} s: use a shorter --step-seconds"
        )
    if periods * functions > MAX_CELLS:
        raise UsageError(
            f"{table.path}: {functions} functions over {periods} control periods of {step_seconds:g} s are more than "
            f"{MAX_CELLS} rates: use a longer --step-seconds, or --busiest"
        )
