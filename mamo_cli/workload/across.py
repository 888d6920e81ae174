"""Tables of one row a function and one column a period, such as the minutes of the Azure Functions data set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.engine import quoted
from mamo_cli.workload.imported import Imported, chosen_functions, not_chosen
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import DEFAULT_STEP_SECONDS, MAX_CELLS, Options
from mamo_cli.workload.stamps import kept
from mamo_cli.workload.tables import WHOLE, Table, shown
from mamo_cli.workload.trace import FloatArray

_DAY_S = 86_400
_MOST_BAD_ROWS = 20
Key = tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """One file: its table, and the run of periods that its columns are, from `first` on within a day."""

    table: Table
    periods: tuple[str, ...]
    first: int


def read_across(tables: Sequence[Table], meaning: Meaning, options: Options) -> Imported:
    """Return mean rates by control period; rows of one function add up, whatever else tells them apart.

    Files whose columns are the same run are days that follow one another, in the order of their names; files of
    different runs follow one another in time, without a gap. Periods after the last whole control period are dropped.

    Raises:
        UsageError: the control period is no whole number of columns, or a function is not there.
        DataError: a cell is no whole number, a row is there twice, or the files do not follow one another.
    """
    assert meaning.period_s is not None
    per_step = _columns_per_step(options.step_seconds or DEFAULT_STEP_SECONDS, meaning.period_s)
    parts = _in_order([_part(table, meaning) for table in tables], meaning.period_s)
    totals: dict[Key, float] = {}
    for part in parts:
        for key, total in _totals(part, meaning):
            totals[key] = totals.get(key, 0.0) + total
    keys = list(totals)
    names = [key[-1] for key in keys]
    requests = np.array(list(totals.values()))
    chosen = chosen_functions(parts[0].table.path, names, requests, options)
    wanted = [keys[index] for index in chosen]
    counts = np.concatenate([_counts(part, meaning, wanted) for part in parts])
    steps = len(counts) // per_step
    step_seconds = float(per_step * meaning.period_s)
    if steps == 0:
        raise DataError(
            f"{parts[0].table.path}: its {len(counts)} columns of {meaning.period_s} s are less than one control "
            f"period of {step_seconds:g} s: use a shorter --step-seconds"
        )
    rest = len(counts) - steps * per_step
    rate = counts[: steps * per_step].reshape(steps, per_step, -1).sum(axis=1) / step_seconds
    what = "minutes" if meaning.period_s == 60 else f"periods of {meaning.period_s} s"
    said = (
        []
        if len(parts) == 1
        else [f"{len(parts)} files follow one another: {', '.join(p.table.path.name for p in parts)}"]
    )
    return Imported(
        names=[names[index] for index in chosen],
        rate_rps=rate,
        step_seconds=step_seconds,
        notes={"dropped": f"the last {rest} {what}, less than a control period"} if rest else {},
        said=said,
        dropped=[
            (rest, f"{what} at the end, less than a control period"),
            *not_chosen(names, chosen, requests),
        ],
    )


def _columns_per_step(step_seconds: float, period_s: int) -> int:
    columns = step_seconds / period_s
    if not (columns.is_integer() and columns >= 1):
        raise UsageError(
            f"--step-seconds must be a multiple of {period_s} for counts of {period_s} s each, got {step_seconds:g}"
        )
    return int(columns)


def _part(table: Table, meaning: Meaning) -> _Part:
    """Return the run of periods in a file, its columns that are numbers.

    Raises:
        DataError: they do not follow one another.
    """
    other = {*meaning.functions, *meaning.ignored}
    periods = [name for name in table.columns if name not in other]
    wrong = next((i for i, name in enumerate(periods) if not name.isascii() or not name.isdigit()), None)
    if wrong is None:
        wrong = next((i for i, name in enumerate(periods[1:], 1) if int(name) != int(periods[i - 1]) + 1), None)
    if not periods or wrong is not None:
        index = table.columns.index(periods[wrong]) if wrong is not None else len(table.columns)
        table.header_fault(
            index,
            f"the columns must be {','.join((*meaning.functions, *meaning.ignored))} and then numbers that rise by 1",
        )
        table.check()
    return _Part(table, tuple(periods), int(periods[0]))


def _in_order(parts: list[_Part], period_s: int) -> list[_Part]:
    day = _DAY_S // period_s
    windows = len({part.first for part in parts}) == len(parts)
    if len(parts) == 1 or not windows:
        for part in parts if len(parts) > 1 else ():
            if len(part.periods) != day:
                raise DataError(
                    f"{part.table.path}: several files are either whole days or windows that follow one another: this "
                    f"one has {len(part.periods)} columns from {part.first} on"
                )
        return sorted(parts, key=lambda part: part.table.path.name)
    parts = sorted(parts, key=lambda part: part.first)
    for before, after in pairwise(parts):
        expected = before.first + len(before.periods)
        if after.first != expected:
            raise DataError(
                f"{after.table.path}: begins with column {after.first} where {before.table.path.name} goes on to "
                f"{expected - 1}: windows must follow one another"
            )
    return parts


def _cells(part: _Part) -> list[str]:
    return [part.table.place(name) for name in part.periods]


def _totals(part: _Part, meaning: Meaning) -> list[tuple[Key, float]]:
    """Return the requests of each function, in the order of the file, having checked every cell of it."""
    table = part.table
    keys = [f"coalesce({table.column(name, '--function-column')}, '')" for name in meaning.functions]
    named = ", ".join(f"{key} as k{index}" for index, key in enumerate(keys))
    rows = table.rows(
        f"select {', '.join(f'k{index}' for index in range(len(keys)))}, {_sum(part)} from "
        f"(select {named}, {_joined(part)} as j from {table.relation} where {kept(table, meaning)})"
    )
    if any(row[-1] is None for row in rows):
        _refuse_cells(part, meaning)
    if any(not row[-2] for row in rows):
        table.faults(meaning.functions[-1], f"{table.place(meaning.functions[-1])} is null", "must not be empty")
        table.check()
    _refuse_twice(part, meaning)
    totals: dict[Key, float] = {}
    for *key, total in rows:
        totals[tuple(key)] = totals.get(tuple(key), 0.0) + total
    return list(totals.items())


def _joined(part: _Part) -> str:
    return f"array_to_string([{', '.join(_cells(part))}], ',')"


def _sum(part: _Part) -> str:
    """Return the expression of the sum of what `j` joins, NULL where not every cell is a whole number >= 0."""
    listed = "try_cast(string_split(j, ',') as bigint[])"
    good = f"regexp_full_match(j, '[0-9,]+') and len({listed}) = {len(part.periods)}"
    return f"case when {good} then list_sum({listed})::double end"


def _refuse_cells(part: _Part, meaning: Meaning) -> None:
    table = part.table
    joined = (
        f"select r, {', '.join(_cells(part))}, {_joined(part)} as j from {table.numbered} where {kept(table, meaning)}"
    )
    for row, *cells, _ in table.rows(f"select * from ({joined}) where {_sum(part)} is null limit {_MOST_BAD_ROWS}"):
        for name, cell in zip(part.periods, cells, strict=True):
            if not re.fullmatch(WHOLE, cell or ""):
                table.fault(row, name, f"{name} must be a whole number >= 0, got {shown(cell)}")
    table.check()


def _refuse_twice(part: _Part, meaning: Meaning) -> None:
    """Raise for rows that are the same in all that tells rows apart."""
    table = part.table
    told = [table.place(name) for name in table.columns if name not in part.periods]
    keys = ", ".join(f"coalesce({cell}, '')" for cell in told)
    found = table.rows(
        f"select max(r), min(r) from (select row_number() over () as r, {', '.join(told)} from {table.relation} where "
        f"{kept(table, meaning)}) group by {keys} having count(*) > 1 order by 1 limit 20"
    )
    for row, first in found:
        line = table.located([first])[first]
        table.fault(row, table.columns[0], f"the function with this trigger is there already, on line {line}")
    table.check()


def _counts(part: _Part, meaning: Meaning, wanted: Sequence[Key]) -> FloatArray:
    """Return (periods, F) requests of the wanted functions; one that is not in the file had none."""
    table = part.table
    if len(wanted) * len(part.periods) > 2 * MAX_CELLS:
        raise UsageError(
            f"{table.path}: {len(wanted)} functions over {len(part.periods)} columns are too many: "
            "use --busiest 20, or --function"
        )
    place = {key: index for index, key in enumerate(wanted)}
    keys = [f"coalesce({table.place(name)}, '')" for name in meaning.functions]
    names = ", ".join(quoted(key[-1]) for key in wanted)
    cells = ", ".join(f"{cell}::integer as p{index}" for index, cell in enumerate(_cells(part)))
    chosen = (
        f"select {', '.join(f'{key} as k{i}' for i, key in enumerate(keys))}, {cells} from {table.relation} where "
        f"{kept(table, meaning)} and {keys[-1]} in ({names})"
    )
    counts = np.zeros((len(part.periods), len(wanted)))
    width = len(keys)
    for row in table.rows(chosen):
        index = place.get(tuple(row[:width]))
        if index is not None:
            counts[:, index] += row[width:]
    return counts
