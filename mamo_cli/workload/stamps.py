"""What every reading asks of a table: which rows count, and when each of them is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.engine import quoted
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.tables import NUMBER, Table, shown
from mamo_cli.workload.times import MAX_SECONDS, Clock, Kind, clock_of
from mamo_cli.workload.trace import FloatArray, IntArray
from mamo_cli.workload.zones import check_steps_back, utc_sql

DAY_NS = 86_400 * 10**9
_LEAST_ROWS = 50
_MOST_FAR, _FAR_SHARE = 2, 0.005


@dataclass(frozen=True)
class Stamped:
    """The rows of a table that count, with the expression of their time.

    Attributes:
        table: the file.
        relation: what a query reads.
        keep: the condition of rows that count.
        ns: the expression of nanoseconds, NULL where a cell is no time.
        clock: how the time is written; None without a time column.
    """

    table: Table
    relation: str
    keep: str
    ns: str
    clock: Clock | None


def joint_clock(tables: Sequence[Table], meaning: Meaning, otherwise: Callable[[Table], Clock]) -> Clock:
    """Return the clock of all files.

    Args:
        tables: the files.
        meaning: what their columns mean; it names the time column.
        otherwise: the clock of a table whose times are numbers of an unknown unit.

    Raises:
        UsageError: the time column is unknown or not there.
        DataError: the files tell the time in different ways.
    """
    if meaning.time is None:
        raise UsageError(f"{tables[0].path}: use --time-column: which of {', '.join(tables[0].columns)} has the time?")
    clocks = []
    for table in tables:
        table.column(meaning.time, "--time-column")
        clock = clock_of(table, meaning.time, meaning.time_unit, meaning.time_format, meaning.decimal)
        clocks.append(clock or otherwise(table))
    for table, clock in zip(tables, clocks, strict=True):
        if (clock.kind, clock.unit) != (clocks[0].kind, clocks[0].unit):
            first = tables[0].path
            raise DataError(f"{table.path}: its times are {clock.words}, those of {first} are {clocks[0].words}")
    return clocks[0]


def seconds_sql(column: str) -> str:
    """Return the expression of the nanoseconds of a number of seconds in 0..MAX_SECONDS, NULL where it is none."""
    number = f"try_cast(case when regexp_full_match({column}, {quoted(NUMBER)}) then {column} end as decimal(38, 12))"
    return f"(case when {number} between 0 and {MAX_SECONDS} then round({number} * 1000000000)::bigint end)"


def kept(table: Table, meaning: Meaning) -> str:
    """Return the condition of rows that count.

    Raises:
        UsageError: a column is not there, or no row has all that is asked for.
    """
    conditions = [f"{table.column(name, '--where')} {_equals(value)}" for name, value in meaning.where]
    conditions += [
        f"{table.column(name, 'the rows to leave out')} is distinct from {quoted(value) if value else 'null'}"
        for name, value in meaning.excluded
    ]
    if not conditions:
        return "true"
    keep = " and ".join(conditions)
    if not table.count(keep):
        asked = " and ".join(f"{name}={value!r}" for name, value in meaning.where)
        told = "; ".join(f"{name} has {_some(table, name)}" for name, _ in meaning.where)
        raise UsageError(f"{table.path}: no row has {asked}: {told}")
    return keep


def left_out(tables: Sequence[Table], meaning: Meaning) -> int:
    """Return how many rows do not count."""
    return sum(table.count("true") - table.count(kept(table, meaning)) for table in tables)


def _equals(value: str) -> str:
    return f"= {quoted(value)}" if value else "is null"


def _some(table: Table, name: str) -> str:
    cells = table.rows(f"select distinct {table.place(name)} as c from {table.relation} order by c limit 10")
    return ", ".join(shown(cell) for (cell,) in cells)


def stamped(table: Table, meaning: Meaning, clock: Clock | None, *, exact: bool) -> Stamped:
    """Return the rows that count with their times, in UTC where a zone is known.

    Args:
        table: the file.
        meaning: what its columns mean.
        clock: how its times are written; None where it has none.
        exact: whether the slow expression is needed.

    Raises:
        UsageError: a zone is given for times that have one, or are none.
        DataError: a local time is twice, or never was.
    """
    keep = kept(table, meaning)
    if clock is None or meaning.time is None:
        return Stamped(table, table.relation, keep, "null::bigint", None)
    column = table.place(meaning.time)
    ns = (clock.exact if exact or clock.quick is None else clock.quick)(column)
    if clock.kind is not Kind.LOCAL:
        if meaning.timezone is not None:
            raise UsageError(f"--timezone is for dates without a zone: the column {meaning.time} holds {clock.words}")
        return Stamped(table, table.relation, keep, ns, clock)
    if meaning.timezone is None:
        check_steps_back(table, meaning.time, ns, keep, _apart(table, meaning))
        return Stamped(table, table.relation, keep, ns, clock)
    return Stamped(table, table.numbered, keep, utc_sql(table, meaning.time, ns, meaning.timezone, keep), clock)


def _apart(table: Table, meaning: Meaning) -> list[str] | None:
    """Return the columns in which rows of one time must differ; None for requests, of which any may come at once."""
    if meaning.values == "requests":
        return None
    return (
        [] if meaning.value is None else [name for name in table.columns if name not in (meaning.time, meaning.value)]
    )


def refuse_no_times(rows: Stamped, meaning: Meaning) -> None:
    """Raise for every row whose time is none."""
    assert rows.clock is not None
    assert meaning.time is not None
    column = rows.table.place(meaning.time)
    if rows.clock.kind is Kind.NUMBER:
        beyond = f"regexp_full_match({column}, {quoted(NUMBER)}) and {rows.clock.exact(column)} is null"
        rows.table.faults(
            meaning.time,
            f"{rows.keep} and {beyond}",
            f"is far from all other rows, beyond any time in {rows.clock.words}",
            ": correct it, or leave the row out",
        )
        rows.table.check()
    rows.table.faults(
        meaning.time,
        f"{rows.keep} and {rows.clock.exact(column)} is null",
        f"must be {rows.clock.example}, as in the rows before",
    )
    rows.table.check()


def far_off(at: IntArray, weight: FloatArray) -> tuple[int, int] | None:
    """Return between which times (nanoseconds) all rows lie but for a few that are far from them; None without such.

    Far is more than thirty days, and more than fifty times the span of the middle four fifths.

    Args:
        at: distinct times, rising.
        weight: rows at each of them.
    """
    total = weight.sum()
    if total < _LEAST_ROWS:
        return None
    share = np.cumsum(weight) / total
    low, high = (float(at[min(int(np.searchsorted(share, part)), len(at) - 1)]) for part in (0.1, 0.9))
    reach = max(30 * DAY_NS, 50 * (high - low))
    near = (at >= low - reach) & (at <= high + reach)  # as floats: fifty times a span need not fit 64 bits
    count = weight[~near].sum()
    if count == 0 or count > max(_MOST_FAR, _FAR_SHARE * total):
        return None
    return int(at[near].min()), int(at[near].max())


def refuse_far_off(rows: Sequence[Stamped], meaning: Meaning, bounds: tuple[int, int]) -> None:
    """Raise for the few rows outside `bounds` (nanoseconds), each by its line."""
    low, high = bounds
    problems: list[str] = []
    for one in rows:
        assert one.clock is not None
        assert meaning.time is not None
        outside = f"not ({one.ns} between {low} and {high})"
        table = one.table
        found = table.engine.rows(
            f"select r, {table.place(meaning.time)} from {table.numbered} where {one.keep} and {outside} limit 20"
        )
        lines = table.located([row for row, _ in found])
        place = table.columns.index(meaning.time) + 1
        problems += [
            f"{table.path}:{lines[row]}:{place}: {meaning.time} {shown(cell)} is far from all other rows, from "
            f"{moment(low, one.clock)} to {moment(high, one.clock)}: correct it, or leave the row out"
            for row, cell in found
        ]
    raise DataError(problems)


def moment(ns: int, clock: Clock | None) -> str:
    """Return a point in time as a person reads it."""
    if clock is not None and clock.kind is Kind.NUMBER and abs(ns) < 631_152_000 * 10**9:
        return f"{ns / 1e9:g} s"
    return str(np.datetime64(ns, "ns").astype("datetime64[s]")).replace("T", " ")
