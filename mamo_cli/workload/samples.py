"""Tables of values: rates or counts at points in time, turned into rates by control period."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.cells import refuse_empty
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.imported import Imported, chosen_functions, note_text
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import DEFAULT_STEP_SECONDS, Options
from mamo_cli.workload.overlaps import ask_of_overlaps
from mamo_cli.workload.resampling import (
    Samples,
    evened,
    filled,
    increases,
    missing_rows,
    refuse_months,
    resampled,
    spacing_of,
)
from mamo_cli.workload.series import Series, read_long, read_wide
from mamo_cli.workload.stamps import joint_clock, kept, moment
from mamo_cli.workload.tables import Table
from mamo_cli.workload.times import UNITS, Clock, Kind, number_clock
from mamo_cli.workload.value_kinds import values_of

_PERIODS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_REMEDY = "use --fill zero or --fill hold, or complete the file"


def read_samples(tables: Sequence[Table], meaning: Meaning, options: Options) -> Imported:
    """Return mean rates by control period, from rates or counts at points in time.

    Rows may stand in any order. Instances of one function at one time add up.

    Raises:
        UsageError: a column or function is not there, or nothing says how long a row stands for.
        DataError: a cell is no value or time, a time is given twice, something is missing, or rows do not fill periods.
        ChoiceError: the values may be rates or counts.
    """
    clock = None if meaning.time is None else _clock(tables, meaning, options)
    if clock is None and options.step_seconds is None and not tables[0].header_line:
        raise UsageError(f"{tables[0].path}: numbers without times: use --step-seconds, what does each stand for?")
    read = read_long if meaning.value is not None else read_wide
    series = read(tables, meaning, clock, options)
    samples = _samples(series, clock, options)
    if clock is not None:
        refuse_months(tables[0].path, samples.at_ns)
    names = [meaning.value] if meaning.value is not None else series.names
    by_function = replace(samples, value=series.by_function(samples.value))
    ask_of_overlaps(tables[0].path, series.names, by_function, options, by_column=meaning.value is None)
    values = meaning.values or values_of(tables[0], names, samples)
    if values == "counter" and len(samples.at_ns) < 2:
        raise DataError(f"{tables[0].path}: one row of a counter says nothing: its rise needs two")
    totals = series.by_function(np.nan_to_num((increases(samples) if values == "counter" else samples).value))
    chosen = chosen_functions(tables[0].path, series.names, totals.sum(axis=0), options)
    samples, count = _complete(samples, series, chosen, meaning, values == "counter", clock)
    try:
        result = resampled(samples, values != "rate", options.step_seconds)
    except DataError as error:
        raise DataError(f"{tables[0].path}: {error}") from error
    said = [*series.said, *result.said]
    if len(series.function) > len(series.names) and np.isnan(series.value).any():
        said.append("where one of several series that are added up has no value, it counts as nothing")
    if clock is None and options.step_seconds is None:
        said.append(f"no column has the time: each row is taken as one control period of {result.step_seconds:g} s")
    notes = {"values": values}
    if meaning.time is not None:
        notes["time_column"] = note_text(meaning.time)
    if count:
        notes["filled"] = f"{count} values"
    if result.dropped:
        notes["dropped"] = f"{result.dropped[0][0]} {result.dropped[0][1]}"
    return Imported(
        names=[series.names[index] for index in chosen],
        rate_rps=result.rate_rps,
        step_seconds=result.step_seconds,
        start_ns=None if clock is None else int(samples.at_ns[0]),
        clock=clock,
        notes=notes,
        said=said,
        dropped=[*result.dropped, (len(series.names) - len(chosen), "functions that were not chosen")],
        filled=count,
    )


def _samples(series: Series, clock: Clock | None, options: Options) -> Samples:
    """Return the values with their times: rows without any follow one another by a control period."""
    step_ns = round((options.step_seconds or DEFAULT_STEP_SECONDS) * 1e9)
    rows = len(series.at_ns)
    at = np.arange(rows, dtype=np.int64) * step_ns if clock is None else series.at_ns
    return Samples(at, series.value, spacing_of(at) if rows > 1 else step_ns)


def _complete(
    samples: Samples, series: Series, chosen: Sequence[int], meaning: Meaning, counter: bool, clock: Clock | None
) -> tuple[Samples, int]:
    """Return the values (N, F) of the chosen functions with nothing missing, and how many were put in.

    A counter knows how much came while nothing was written down, only not when: its rise is spread evenly.

    Raises:
        DataError: something is missing and nothing may be put in.
    """
    path = series.rows[0].table.path
    wanted = np.isin(series.function, chosen)
    samples = replace(samples, value=samples.value[:, wanted])
    series = replace(series, function=series.function[wanted])
    gaps = missing_rows(samples)
    if gaps.any() and meaning.fill == "refuse" and not counter:
        row = int(np.flatnonzero(gaps)[0])
        before, after = samples.at_ns[row : row + 2].tolist()
        raise DataError(
            f"{path}: rows are missing in {int((gaps > 0).sum())} places, first between {moment(before, clock)} and "
            f"{moment(after, clock)}, {(after - before) / 1e9:g} s apart where others are "
            f"{samples.spacing_ns / 1e9:g} s: {_REMEDY}{_forward(after - before - samples.spacing_ns, clock)}"
        )
    samples = evened(samples)
    count = int(np.isnan(samples.value).sum())
    if counter:
        samples = increases(samples)
    samples = replace(samples, value=series.by_function(samples.value)[:, chosen])
    holes = np.argwhere(np.isnan(samples.value))
    if len(holes) and meaning.fill == "refuse":
        row, column = holes[0].tolist()
        name = series.names[chosen[column]]
        refuse_empty(series.rows, meaning, name)
        where = f"at {moment(int(samples.at_ns[row]), clock)}" if clock is not None else f"in row {row + 1}"
        raise DataError(f"{path}: there is no value of {name} {where}: {_REMEDY}")
    return filled(samples, meaning.fill), count if counter else len(holes)


def _forward(missing_ns: int, clock: Clock | None) -> str:
    """Return the remedy for an hour that local clocks were set forward over."""
    hour = clock is not None and clock.kind is Kind.LOCAL and missing_ns == 3600 * 10**9
    return ", or, where clocks were set forward over an hour, --timezone" if hour else ""


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
    if meaning.time.strip().lower().removesuffix("s") in _PERIODS:
        return _numbered_clock(_PERIODS[meaning.time.strip().lower().removesuffix("s")], meaning.decimal)
    if spacing is None or (spacing == 1 and step_seconds is not None):
        # Whatever a row's number counts from, one row is one period.
        return _numbered_clock(step_seconds or DEFAULT_STEP_SECONDS, meaning.decimal)
    units = [unit for unit in UNITS if 0.5 <= spacing * 10 ** (UNITS[unit] - 9) <= 86_400]
    if step_seconds is not None:
        apart = {unit: spacing * 10 ** (UNITS[unit] - 9) for unit in UNITS}
        one = [unit for unit in UNITS if abs(apart[unit] - step_seconds) < step_seconds / 100]
        units = one or [unit for unit in units if _fits(step_seconds, apart[unit])] or units
    if spacing == 1 and not any(meaning.decimal in cell for cell in cells):
        step = f"{DEFAULT_STEP_SECONDS:g}"
        raise ChoiceError(
            f"{table.path}: the column {meaning.time} holds numbers 1 apart: seconds, or numbers of rows?",
            [
                (["--time-unit", "s"], "rows are 1 s apart"),
                (["--step-seconds", step], f"each row is a period, of {step} s or however long you say"),
            ],
        )
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
