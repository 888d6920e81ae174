"""Tables of values: rates or counts at points in time, a column or a row for each function."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.engine import quoted
from mamo_cli.workload.imported import Imported, chosen_functions, note_text
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import DEFAULT_STEP_SECONDS, MAX_CELLS, Options
from mamo_cli.workload.resampling import GapError, Samples, increases, resampled, spacing_of, without_gaps
from mamo_cli.workload.stamps import (
    Stamped,
    far_off,
    joint_clock,
    kept,
    moment,
    refuse_far_off,
    refuse_no_times,
    stamped,
)
from mamo_cli.workload.tables import NUMBER, Table, shown
from mamo_cli.workload.times import UNITS, Clock, number_clock
from mamo_cli.workload.trace import FloatArray, IntArray

# What exports write where there is no value.
MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "undefined")
_NO_TIME = -(2**63) + 1
_LIKE_METRICS = re.compile(r"metric|quantile|percentile|^le$|stat|measure|unit|aggregat|^type$|^kind$|^field$", re.I)
_COUNT_NAMES = re.compile(
    r"(^|[^a-z])(sum|counts?|total|totals|requests?|invocations?|hits|calls|visits|num|number|n)($|[^a-z])|_total$",
    re.I,
)
_RATE_NAMES = re.compile(r"rps|qps|tps|rate|/ ?s(ec)?($|[^a-z])|per.?sec|per.?s($|[^a-z])|_ps$|hz$|throughput", re.I)
_MANY_ROWS = 8


@dataclass(frozen=True)
class _Read:
    """What the files hold: rows in time, series as columns, each series of one function."""

    at_ns: IntArray
    value: FloatArray
    names: list[str]
    function: IntArray
    said: list[str]
    rows: list[Stamped]


def read_samples(tables: Sequence[Table], meaning: Meaning, options: Options) -> Imported:
    """Return mean rates by control period, from rates or counts at points in time.

    Rows may stand in any order. Instances of one function at one time add up.

    Raises:
        UsageError: a column or function is not there.
        DataError: a cell is no value or time, a time is given twice, something is missing, or rows do not fill periods.
        ChoiceError: the values may be rates or counts.
    """
    clock = None if meaning.time is None else _clock(tables, meaning, options)
    read = _long(tables, meaning, clock) if meaning.value is not None else _wide(tables, meaning, clock, options)
    totals = _by_function(np.nan_to_num(read.value), read)
    chosen = chosen_functions(tables[0].path, read.names, totals.sum(axis=0), options)
    wanted = np.isin(read.function, chosen)
    read = replace(read, value=read.value[:, wanted], function=read.function[wanted])
    at = read.at_ns if clock is not None else _row_times(len(read.at_ns), options)
    spacing = spacing_of(at) if len(at) > 1 else round((options.step_seconds or DEFAULT_STEP_SECONDS) * 1e9)
    values = meaning.values or _values_of(tables[0], meaning, replace(read, at_ns=at), spacing)
    samples = Samples(at, read.value, spacing)
    if values == "counter":
        if len(at) < 2:
            raise DataError(f"{tables[0].path}: one row of a counter says nothing: its rise needs two")
        samples = increases(samples)
    samples = _filled(samples, meaning, read, clock)
    samples = replace(samples, value=_by_function(samples.value, read)[:, chosen])
    try:
        result = resampled(samples, values != "rate", options.step_seconds)
    except DataError as error:
        raise DataError(f"{tables[0].path}: {error}") from error
    said = list(read.said)
    if clock is None and options.step_seconds is None:
        said.append(f"no column has the time: each row is taken as one control period of {result.step_seconds:g} s")
    notes = {"values": values, **({"time_column": note_text(meaning.time)} if meaning.time else {})}
    if meaning.where:
        notes["where"] = note_text(" and ".join("=".join(one) for one in meaning.where))
    if samples.filled:
        notes["filled"] = f"{samples.filled} values with {meaning.fill}"
    if result.dropped:
        notes["dropped"] = f"{result.dropped[0][0]} {result.dropped[0][1]}"
    return Imported(
        names=[read.names[index] for index in chosen],
        rate_rps=result.rate_rps,
        step_seconds=result.step_seconds,
        start_ns=None if clock is None else int(samples.at_ns[0]),
        clock=clock,
        notes=notes,
        said=[*said, *result.said],
        dropped=result.dropped,
        filled=samples.filled,
    )


def _row_times(rows: int, options: Options) -> IntArray:
    return np.arange(rows, dtype=np.int64) * round((options.step_seconds or DEFAULT_STEP_SECONDS) * 1e9)


def _by_function(value: FloatArray, read: _Read) -> FloatArray:
    """Return (N, F): the series of a function together; NaN where none has a value."""
    if len(read.function) == len(read.names) and (read.function == np.arange(len(read.names))).all():
        return value
    total = np.zeros((len(value), len(read.names)))
    known = np.zeros_like(total, dtype=bool)
    for series, function in enumerate(read.function):
        total[:, function] += np.nan_to_num(value[:, series], posinf=np.inf)
        known[:, function] |= ~np.isnan(value[:, series])
    return np.where(known, total, np.nan)


# --- time


def _clock(tables: Sequence[Table], meaning: Meaning, options: Options) -> Clock:
    return joint_clock(tables, meaning, lambda table: _relative_clock(table, meaning, options.step_seconds))


def _relative_clock(table: Table, meaning: Meaning, step_seconds: float | None) -> Clock:
    """Return the clock of numbers from some origin, whose unit the spacing of rows may tell.

    Raises:
        ChoiceError: it does not.
    """
    assert meaning.time is not None
    cell = table.place(meaning.time)
    numbers = f"select distinct try_cast({cell} as double) as t from {table.relation} where {kept(table, meaning)}"
    steps = f"select t - lag(t) over (order by t) as d from ({numbers}) where t is not null"
    ((spacing,),) = table.rows(f"select quantile_disc(d, 0.5) from ({steps})")
    cells = table.cells(meaning.time)
    if spacing is None or (spacing == 1 and step_seconds is not None):
        # Whatever a row's number counts from, one row is one period.
        return _numbered_clock(step_seconds or DEFAULT_STEP_SECONDS, meaning.decimal)
    units = [unit for unit in UNITS if 0.5 <= spacing * 10 ** (UNITS[unit] - 9) <= 86_400]
    if step_seconds is not None:
        even = [unit for unit in UNITS if _fits(step_seconds, spacing * 10 ** (UNITS[unit] - 9))]
        units = even or units
    if len(units) == 1:
        return number_clock(units[0], meaning.decimal, cells)
    answers = [
        (["--time-unit", unit], f"rows are {spacing * 10 ** (UNITS[unit] - 9):g} s apart")
        for unit in units or ("s", "ms")
    ]
    question = f"{table.path}: the column {meaning.time} holds numbers {spacing:g} apart: of what unit?"
    raise ChoiceError(question, answers)


def _fits(step_seconds: float, spacing_s: float) -> bool:
    rows = step_seconds / spacing_s if spacing_s else 0
    return rows >= 0.99 and abs(rows - round(rows)) < 0.01 and rows <= 1000


def _numbered_clock(step_seconds: float, decimal: str) -> Clock:
    seconds = number_clock("s", decimal)
    return replace(
        seconds,
        words=f"numbers of rows, each a period of {step_seconds:g} s",
        exact=lambda column: f"round({seconds.exact(column)} * {step_seconds!r}::double)::bigint",
        quick=None,
    )


# --- values


def _missing(cell: str) -> str:
    return f"({cell} is null or lower(trim({cell})) in ({', '.join(map(quoted, MISSING))}))"


def _value(cell: str, decimal: str) -> str:
    text = f"trim({cell})"
    if decimal == ",":
        text = f"replace(case when not contains({cell}, '.') then {text} end, ',', '.')"
    return f"try_cast(case when regexp_full_match({text}, {quoted(NUMBER)}) then {text} end as double)"


def _bad(cell: str, decimal: str) -> str:
    value = _value(cell, decimal)
    return f"not {_missing(cell)} and not coalesce({value} >= 0 and isfinite({value}), false)"


def _wide(tables: Sequence[Table], meaning: Meaning, clock: Clock | None, options: Options) -> _Read:
    rows = [stamped(table, meaning, clock, exact=True) for table in tables]
    columns = _function_columns(tables[0], meaning, options)
    times, parts = [], []
    for one in rows:
        table = one.table
        cells = [table.column(name, "the function") for name in columns]
        ns = f"coalesce({one.ns}, {_NO_TIME if clock else 0})"
        values = ", ".join(f"{_value(cell, meaning.decimal)} as v{i}" for i, cell in enumerate(cells))
        found = table.arrays(f"select {ns} as t, {values} from {one.relation} where {one.keep}")
        value = np.stack([found[f"v{i}"] for i in range(len(cells))], axis=1)
        times.append(found["t"])
        parts.append(value)
        if not (value >= 0).all() or not np.isfinite(value).all():
            _refuse_values(one, columns, meaning)
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
    return _Read(at, value, list(columns), np.arange(len(columns)), [], rows)


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


def _refuse_values(rows: Stamped, columns: Sequence[str], meaning: Meaning) -> None:
    """Raise for cells that hold something and no value, with a remedy that fits."""
    table = rows.table
    for name in columns:
        cell = table.place(name)
        bad = f"{rows.keep} and {_bad(cell, meaning.decimal)}"
        found = table.rows(f"select {cell} from {table.relation} where {bad} limit 1")
        if found:
            remedy, text = _remedy(name, found[0][0], meaning)
            table.faults(name, bad, "holds text" if text else "must be a finite number >= 0", remedy, 1 if text else 20)
    table.check()


def _remedy(name: str, cell: str, meaning: Meaning) -> tuple[str, bool]:
    """Return what to do about a cell that is no value, and whether it is text, which a remedy for all rows cures."""
    text = cell.strip()
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", text):
        return ": write 1,000 as 1000", False
    if meaning.decimal == "." and re.fullmatch(r"[0-9]+,[0-9]+", text):
        return ": with --decimal comma it would be one", False
    if re.match(r"[<>~]?[0-9.]", text):
        return ": give the number alone, without a unit or mark", False
    if name == meaning.value or not text or re.match(r"[+-]|inf", text, re.I):
        return "", False
    where = text if len(text) <= 30 else text[:27] + "..."
    return f": choose columns with --function, or rows with --where {shlex.quote(f'{name}={where}')}", True


def _long(tables: Sequence[Table], meaning: Meaning, clock: Clock | None) -> _Read:
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
            _refuse_values(one, [meaning.value or ""], meaning)
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
        value, bad = _value(cell, meaning.decimal), _bad(cell, meaning.decimal)
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
    spent = {meaning.time, meaning.value, *meaning.functions, *meaning.ignored, *(name for name, _ in meaning.where)}
    labels = []
    for name in table.columns:
        cells = set(table.cells(name))
        if name in spent or len(cells) < 2:
            continue
        text = not all(re.fullmatch(NUMBER, cell.strip()) for cell in cells)
        if not text and not re.search(r"id$|instance|pod|node|host|shard|code|status|replica", name, re.I):
            continue
        if _LIKE_METRICS.search(name):
            some = sorted(cells)[:10]
            raise ChoiceError(
                f"{table.path}: the column {name} tells quantities apart that do not add up: which is meant?",
                [(["--where", f"{name}={cell}"], f"only rows of {shown(cell)}") for cell in some],
            )
        labels.append(name)
    return tuple(labels)


def _pivoted(rows: Sequence[Stamped], meaning: Meaning, labels: Sequence[str], found: dict[str, np.ndarray]) -> _Read:
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
    return _Read(at.astype(np.int64), value, names, function, said, list(rows))


# --- what is refused


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


def _filled(samples: Samples, meaning: Meaning, read: _Read, clock: Clock | None) -> Samples:
    table = read.rows[0].table
    try:
        return without_gaps(samples, "refuse" if meaning.fill == "refuse" else meaning.fill)
    except GapError as gap:
        remedy = "use --fill zero or --fill hold, or complete the file"
        before = int(samples.at_ns[max(gap.row - 1, 0)])
        at = int(samples.at_ns[gap.row])
        if gap.column < 0:
            seconds = (at - before) / 1e9
            raise DataError(
                f"{table.path}: rows are missing between {moment(before, clock)} and {moment(at, clock)}, {seconds:g} "
                f"s apart where others are {samples.spacing_ns / 1e9:g} s: {remedy}"
            ) from gap
        name = read.names[int(read.function[gap.column])]
        _refuse_empty(read, meaning, name)
        where = f"at {moment(at, clock)}" if clock is not None else f"in row {gap.row + 1}"
        raise DataError(f"{table.path}: there is no value of {name} {where}: {remedy}") from gap


def _refuse_empty(read: _Read, meaning: Meaning, name: str) -> None:
    """Raise for the empty cells of a column, by their places."""
    for one in read.rows:
        column = name if meaning.value is None else meaning.value
        empty = f"{one.keep} and {_missing(one.table.place(column))}"
        one.table.faults(column, empty, "must be a finite number >= 0", ": use --fill zero or --fill hold")
        one.table.check()


# --- rates or counts?


def _values_of(table: Table, meaning: Meaning, read: _Read, spacing_ns: int) -> str:
    """Return what the values are where names or numbers tell; rates where nothing speaks against it.

    Raises:
        ChoiceError: they may be counts.
    """
    names = [meaning.value] if meaning.value is not None else [read.names[index] for index in np.unique(read.function)]
    value = read.value
    known = np.nan_to_num(value)
    seconds = spacing_ns / 1e9
    by_name = [name for name in names if _COUNT_NAMES.search(name or "") and not _RATE_NAMES.search(name or "")]
    if all(_RATE_NAMES.search(name or "") for name in names):
        return "rate"
    rising = len(value) >= _MANY_ROWS and bool(
        ((np.diff(known, axis=0) >= 0).all(axis=0) & (known[-1] > known[0]) & (known[0] >= 0)).any()
    )
    whole = bool((known == np.floor(known)).all()) and seconds > 2
    if not (by_name or (rising and whole) or (whole and len(value) > 1)):
        return "rate"
    mean = float(np.nansum(value, axis=1).mean())
    if by_name:
        why = f"the column {by_name[0]} is named as a count"
    elif rising:
        why = "its values never fall, as a counter's do"
    else:
        why = f"all its values are whole numbers, {seconds:g} s apart"
    answers = [
        (["--values", "rate"], f"each value is requests/s: {mean:.4g} requests/s on average"),
        (["--values", "count"], f"each value counts requests in {seconds:g} s: {mean / seconds:.4g} requests/s"),
    ]
    if rising:
        rise = float(np.nansum(increases(Samples(read.at_ns, value, spacing_ns)).value, axis=1).mean()) / seconds
        answers[1] = (["--values", "counter"], f"requests since a start: {rise:.4g} requests/s")
    raise ChoiceError(f"{table.path}: rates or counts? {why}", answers)
