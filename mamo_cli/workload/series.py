"""Values as they stand in tables: a column for each function, or a row for each value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.cells import bad_sql, refuse_values, value_sql
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.engine import quoted
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import MAX_CELLS, Options
from mamo_cli.workload.stamps import Stamped, far_off, moment, refuse_far_off, refuse_no_times, stamped
from mamo_cli.workload.tables import NUMBER, Table, shown
from mamo_cli.workload.times import Clock
from mamo_cli.workload.trace import FloatArray, IntArray

_NO_TIME = -(2**63) + 1
LIKE_METRICS = re.compile(
    r"metric|quantile|percentile|^le$|stat|measure|unit|aggregat|^type$|^kind$|^_?field$|^__name__$", re.I
)
_LIKE_LABELS = re.compile(r"id$|instance|pod|node|host|shard|code|status|replica", re.I)


@dataclass(frozen=True)
class Series:
    """What files hold: N rows in time, S series as columns, each series of one of F functions.

    Attributes:
        at_ns: (N,) nanoseconds, rising; all 0 where rows have no time.
        value: (N, S), NaN where there is none.
        names: F raw names.
        function: (S,) index of the function of each series.
        said: what was decided on the way.
        rows: where they came from.
    """

    at_ns: IntArray
    value: FloatArray
    names: list[str]
    function: IntArray
    said: list[str]
    rows: list[Stamped]

    def by_function(self, value: FloatArray) -> FloatArray:
        """Return (N, F) of (N, S): the series of a function added up; NaN where none has a value."""
        if np.array_equal(self.function, np.arange(len(self.names))):
            return value
        total = np.zeros((len(value), len(self.names)))
        known = np.zeros_like(total, dtype=bool)
        for series, function in enumerate(self.function):
            total[:, function] += np.nan_to_num(value[:, series], posinf=np.inf)
            known[:, function] |= ~np.isnan(value[:, series])
        return np.where(known, total, np.nan)


def read_wide(tables: Sequence[Table], meaning: Meaning, clock: Clock | None, options: Options) -> Series:
    """Return the series of a table with a column for each function."""
    rows = [stamped(table, meaning, clock, exact=True) for table in tables]
    columns = _function_columns(tables[0], meaning, options)
    times, parts = [], []
    for one in rows:
        table = one.table
        cells = [table.column(name, "the function") for name in columns]
        ns = f"coalesce({one.ns}, {_NO_TIME if clock else 0})"
        values = ", ".join(f"{value_sql(cell, meaning.decimal)} as v{i}" for i, cell in enumerate(cells))
        found = table.arrays(f"select {ns} as t, {values} from {one.relation} where {one.keep}")
        value = np.stack([found[f"v{i}"] for i in range(len(cells))], axis=1)
        times.append(found["t"])
        parts.append(value)
        if not (value >= 0).all() or not np.isfinite(value).all():
            refuse_values(one, columns, meaning)
        if (found["t"] == _NO_TIME).any():
            refuse_no_times(one, meaning)
    at, value = np.concatenate(times), np.concatenate(parts)
    if clock is not None:
        order = np.argsort(at, kind="stable")
        at, value = at[order], value[order]
        _refuse_far(rows, at, meaning)
        twice = np.flatnonzero(np.diff(at) == 0)
        if len(twice):
            _refuse_twice(rows, meaning, int(at[twice[0]]))
    return Series(at, value, list(columns), np.arange(len(columns)), [], rows)


def _function_columns(table: Table, meaning: Meaning, options: Options) -> tuple[str, ...]:
    if meaning.columns is not None:
        return meaning.columns
    spent = {meaning.time, *meaning.ignored, *(name for name, _ in (*meaning.where, *meaning.excluded))}
    free = tuple(name for name in table.columns if name not in spent)
    if options.function:
        named = tuple(name for name in free if any(name.startswith(text) for text in options.function if text))
        free = named or free
    if not free:
        raise DataError(
            f"{table.path}:{max(table.header_line, 1)}:1: no column is left that could hold the rates of a function"
        )
    return free


def read_long(tables: Sequence[Table], meaning: Meaning, clock: Clock | None, options: Options) -> Series:
    """Return the series of a table with a row for each value; instances of a function are series of their own."""
    if clock is None:
        raise UsageError(f"{tables[0].path}: a value a row needs the time of it: use --time-column")
    rows = [stamped(table, meaning, clock, exact=True) for table in tables]
    labels: tuple[str, ...] = ()
    found = _pivot(rows, meaning, labels)
    if found["n"].max(initial=0) > 1 or meaning.values == "counter":
        labels = _labels(rows[0].table, meaning)
        found = _pivot(rows, meaning, labels)
    if found["bad"].any():
        for one in rows:
            refuse_values(one, [meaning.value or ""], meaning)
    if (found["t"] == _NO_TIME).any():
        for one in rows:
            refuse_no_times(one, meaning)
    twice = np.flatnonzero(found["n"] > 1)
    if len(twice):
        _refuse_twice(rows, meaning, int(found["t"][twice[0]]))
    return _pivoted(rows, meaning, labels, found)


def _pivot(rows: Sequence[Stamped], meaning: Meaning, labels: Sequence[str]) -> dict[str, np.ndarray]:
    """Make the tables `long` and `series`; return t, series, value, n and bad of each (time, series)."""
    assert meaning.value is not None
    names = [*meaning.functions, *labels]
    keys = ", ".join(f"k{index}" for index in range(len(names))) or "k0"
    selects = []
    for one in rows:
        cells = [f"coalesce({one.table.column(name, '--function-column')}, '')" for name in names] or [quoted("f0")]
        named = ", ".join(f"{cell} as k{index}" for index, cell in enumerate(cells))
        cell = one.table.column(meaning.value, "--value-column")
        value, bad = value_sql(cell, meaning.decimal), bad_sql(cell, meaning.decimal)
        ns = f"coalesce({one.ns}, {_NO_TIME})"
        selects.append(f"select {ns} as t, {named}, {value} as v, {bad} as bad from {one.relation} where {one.keep}")
    rows[0].table.rows(
        f"create or replace temp table long as select t, {keys}, sum(v) as v, count(*) as n, bool_or(bad) as bad "
        f"from ({' union all '.join(selects)}) group by t, {keys}"
    )
    return rows[0].table.engine.arrays(
        f"select t, dense_rank() over (order by {keys}) - 1 as series, v, n, bad::integer as bad from long order by t"
    )


def _labels(table: Table, meaning: Meaning) -> tuple[str, ...]:
    """Return the columns that tell the series of one function apart: those of text, and whole numbers named as such.

    Raises:
        ChoiceError: one of them tells different quantities apart, which must not be added up.
    """
    spent = {
        meaning.time,
        meaning.value,
        *meaning.functions,
        *meaning.ignored,
        *(name for name, _ in (*meaning.where, *meaning.excluded)),
    }
    labels = []
    for name in table.columns:
        cells = set(table.cells(name))
        if name in spent or len(cells) < 2:
            continue
        text = not all(re.fullmatch(NUMBER, cell.strip()) for cell in cells)
        if not text and not _LIKE_LABELS.search(name):
            continue
        if LIKE_METRICS.search(name):
            some = sorted(cells)[:10]
            raise ChoiceError(
                f"{table.path}: the column {name} tells quantities apart that do not add up: which is meant?",
                [(["--where", f"{name}={cell}"], f"only rows of {shown(cell)}") for cell in some],
            )
        labels.append(name)
    return tuple(labels)


def _pivoted(rows: Sequence[Stamped], meaning: Meaning, labels: Sequence[str], found: dict[str, np.ndarray]) -> Series:
    table = rows[0].table
    width = max(len(meaning.functions), 1)
    keys = ", ".join(f"k{index}" for index in range(len(meaning.functions) + len(labels))) or "k0"
    kinds = table.engine.rows(f"select distinct {keys} from long order by {keys}")
    identity = {key: index for index, key in enumerate(dict.fromkeys(kind[:width] for kind in kinds))}
    names = [key[-1] for key in identity]
    if "" in names:
        last = meaning.functions[-1]
        table.faults(last, f"{rows[0].keep} and {table.place(last)} is null", "must not be empty")
        table.check()
        raise DataError(f"{table.path}: {last} must not be empty")
    at, place = np.unique(found["t"], return_inverse=True)
    if len(at) * len(kinds) > MAX_CELLS:
        raise UsageError(
            f"{table.path}: {len(kinds)} series at {len(at)} points in time are more than {MAX_CELLS} values: "
            "take fewer with --where, or make the table smaller"
        )
    _refuse_far(rows, found["t"].astype(np.int64), meaning)
    value = np.full((len(at), len(kinds)), np.nan)
    value[place, found["series"].astype(np.int64)] = found["v"]
    function = np.array([identity[kind[:width]] for kind in kinds])
    said = []
    if len(kinds) > len(names):
        said.append(f"{len(kinds)} series, told apart by {', '.join(labels)}, are added up into {len(names)} functions")
    return Series(at.astype(np.int64), value, names, function, said, list(rows))


def _refuse_far(rows: Sequence[Stamped], at: IntArray, meaning: Meaning) -> None:
    distinct, count = np.unique(at, return_counts=True)
    bounds = far_off(distinct, count.astype(np.float64))
    if bounds is not None:
        refuse_far_off(rows, meaning, bounds)


def _refuse_twice(rows: Sequence[Stamped], meaning: Meaning, at_ns: int) -> None:
    """Raise for a time that two rows of one series have."""
    assert meaning.time is not None
    for one in rows:
        table = one.table
        relation = table.numbered if one.relation == table.relation else one.relation
        found = table.rows(f"select r from {relation} where {one.keep} and {one.ns} = {at_ns} order by r limit 2")
        if found:
            table.fault(
                found[-1][0],
                meaning.time,
                f"{meaning.time} {moment(at_ns, one.clock)} is given twice: are there two series in the file? Take one "
                "with --where COLUMN=VALUE, or tell them apart with --function-column and --value-column",
            )
            table.check()
