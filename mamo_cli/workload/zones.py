"""Local times of a named zone: which of the two hours in autumn, and the hour in spring that there never was."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.tables import Table, shown

SECOND = 1_000_000_000
_DAY = 86_400
_LEAST_BACK, _MOST_BACK = 1200 * SECOND, 3660 * SECOND
_MOST_STEPS_BACK = 10


@dataclass(frozen=True)
class _Change:
    """A change of the clocks: seconds since 1970 in UTC, and what local time is ahead of UTC before and after."""

    at: int
    before: int
    after: int


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name.

    Raises:
        UsageError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"--timezone must be a zone such as Europe/Rome or UTC, got {name!r}") from error


def utc_sql(table: Table, column: str, local: str, name: str, keep: str) -> str:
    """Return the expression of nanoseconds in UTC; it needs the numbers of rows.

    Args:
        table: the file.
        column: the time column's name, for messages.
        local: the expression of nanoseconds of local time.
        name: the zone.
        keep: the condition of rows that count.

    Raises:
        DataError: a row falls into an hour that there was not, or nothing tells which of two hours is meant.
    """
    zone = zone_of(name)
    ((low, high),) = table.rows(f"select min({local}), max({local}) from {table.relation} where {keep}")
    if low is None:
        return local
    first, changes = _changes(zone, low // SECOND - 2 * _DAY, high // SECOND + 2 * _DAY)
    day = f"{local} // {_DAY * SECOND}"
    days = {one for (one,) in table.rows(f"select distinct {day} from {table.relation} where {keep}")}
    cases = []
    for change in changes:
        starts = (change.at + min(change.before, change.after)) * SECOND
        ends = (change.at + max(change.before, change.after)) * SECOND
        cases.append(f"when {local} < {starts} then {change.before * SECOND}")
        if days.isdisjoint(range(change.at // _DAY - 2, change.at // _DAY + 3)):
            continue  # a far-off time must not make a query of every change since
        within = f"{local} >= {starts} and {local} < {ends}"
        if change.after < change.before:
            turn = _turn(table, column, local, f"{keep} and {within}", name)
            if turn is not None:
                earlier, later = change.before * SECOND, change.after * SECOND
                cases.append(f"when {within} then (case when r < {turn} then {earlier} else {later} end)")
        else:
            _refuse_missing(table, column, f"{keep} and {within}", name)
    last = changes[-1].after if changes else first
    offset = f"(case {' '.join(cases)} else {last * SECOND} end)" if cases else str(last * SECOND)
    return f"({local} - {offset})"


def check_steps_back(table: Table, column: str, local: str, keep: str, apart: Sequence[str] | None) -> None:
    """Refuse rows in order but for a step back of about an hour, as a clock that is set back makes.

    Args:
        table: the file.
        column: the time column's name.
        local: the expression of nanoseconds of local time.
        keep: the condition of rows that count.
        apart: the columns in which rows of one time must differ; None where they may be alike, as requests are.

    Raises:
        ChoiceError: there is such a step, and all times may be right as they stand.
        DataError: there is such a step, and without a zone times are given twice.
    """
    steps = f"select r, {local} as t, lag({local}) over (order by r) as before from {table.numbered} where {keep}"
    back = table.rows(f"select r, before - t from ({steps}) where t < before limit {_MOST_STEPS_BACK + 1}")
    hours = [row for row, step in back if _LEAST_BACK <= step <= _MOST_BACK]
    if not hours or len(back) > _MOST_STEPS_BACK:
        return
    line = table.located(hours[:1])[hours[0]]
    question = (
        f"{table.path}:{line}:{table.columns.index(column) + 1}: {column} goes back by about an hour, as local time "
        "does where summer time ends"
    )
    if apart is not None and _alike(table, [local, *map(table.place, apart)], keep):
        raise DataError(f"{question}: say what zone the times are of with --timezone, such as --timezone Europe/Rome")
    raise ChoiceError(
        f"{question}: what zone are the times of?",
        [
            (["--timezone", "ZONE"], "such as Europe/Rome: the rows from here on are of the second hour"),
            (["--timezone", "UTC"], "a clock that is never set back: the rows only stand out of order"),
        ],
    )


def _alike(table: Table, places: Sequence[str], keep: str) -> bool:
    """Whether two rows are alike in all of some expressions."""
    keys = ", ".join(places)
    return bool(table.rows(f"select 1 from {table.relation} where {keep} group by {keys} having count(*) > 1 limit 1"))


def _turn(table: Table, column: str, local: str, within: str, name: str) -> int | None:
    """Return the first row of the second of two equal hours; None where there is no row at all in them."""
    steps = f"select r, {local} as t, lag({local}) over (order by r) as before from {table.numbered} where {within}"
    found = table.rows(f"select r, coalesce(t < before, false) from ({steps}) order by r")
    back = [row for row, is_back in found if is_back]
    if not found or len(back) == 1:
        return back[0] if back else None
    row = found[0][0]
    line = table.located([row])[row]
    cell = table.rows(f"select {table.place(column)} from {table.numbered} where r = {row}")[0][0]
    raise DataError(
        f"{table.path}:{line}:{table.columns.index(column) + 1}: {shown(cell)} was there twice in {name} and the order "
        "of rows does not tell which is meant: give times in UTC or with their offset"
    )


def _refuse_missing(table: Table, column: str, within: str, name: str) -> None:
    ((count,),) = table.rows(f"select count(*) from {table.relation} where {within}")
    if count:
        table.faults(column, within, f"was never there in {name}, where clocks were set forward over it")
        table.check()


def _changes(zone: ZoneInfo, low: int, high: int) -> tuple[int, list[_Change]]:
    """Return the offset at `low` and the changes until `high` (seconds since 1970), found day by day, then exactly."""
    first = before = _offset(zone, low)
    changes = []
    for day in range(low, high, _DAY):
        after = _offset(zone, day + _DAY)
        if after != before:
            least, most = day, day + _DAY
            while most - least > 1:
                middle = (least + most) // 2
                least, most = (middle, most) if _offset(zone, middle) == before else (least, middle)
            changes.append(_Change(most, before, after))
        before = after
    return first, changes


def _offset(zone: ZoneInfo, seconds: int) -> int:
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
    offset = moment.astimezone(zone).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0
