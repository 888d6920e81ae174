"""Points in time as whole nanoseconds, from dates of many forms or from numbers of a stated unit.

A form is found in the first rows and then holds for all: a cell of another form is a fault, not another guess.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.engine import EngineError, quoted
from mamo_cli.workload.formats import DAY_STAMP, refuse_incomplete, stamp_format, without_day
from mamo_cli.workload.tables import NUMBER, Table, shown

# In nanoseconds a time less a duration, and the span between two such, then fit 64 bits.
MAX_SECONDS = 3_000_000_000
UNITS = {"s": 9, "ms": 6, "us": 3, "ns": 0}
UNIT_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
# What a number must lie between, as seconds since 1970, to be a date in no other unit: 1990 to 2065.
_PLAUSIBLE = (631_152_000, MAX_SECONDS)
_NAMED_UNIT = re.compile(
    r"(?:^|_|\b)(?:in_)?(s|secs?|seconds?|ms|millis|msecs?|milliseconds?|us|micros|microseconds?|ns|nanos|nanoseconds?)\)?$"
)
_ZONE = r" ?(Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})( UTC)?"
_ISO = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?)?"
_DIGITS = r"[0-9]{1,2}"


class Kind(Enum):
    """How points in time are written; the value is what a reader is told."""

    NUMBER = "numbers"
    LOCAL = "dates without a time zone"
    ZONED = "dates with a time zone"


@dataclass(frozen=True)
class Clock:
    """How the cells of a time column become nanoseconds.

    Attributes:
        kind: how they are written.
        words: what is said of them.
        exact: from a column to the expression of its nanoseconds since 1970 (or since whatever a number counts from),
            NULL where the cell is none.
        quick: the same, cheaper, NULL also where it could not be exact; None where there is no such.
        example: what a cell should look like.
        unit: of numbers.
    """

    kind: Kind
    words: str
    exact: Callable[[str], str]
    quick: Callable[[str], str] | None
    example: str
    unit: str | None = None


def clock_of(table: Table, name: str, unit: str | None, time_format: str | None, decimal: str) -> Clock | None:
    """Return how the column `name` tells the time; None where it holds numbers of which nobody says the unit.

    Args:
        table: the file.
        name: the column.
        unit: s, ms, us or ns, where numbers have a known one.
        time_format: as of strptime, where the user says so.
        decimal: the point of numbers.

    Raises:
        UsageError: `time_format` is none, or a unit is given for dates.
        DataError: the first cell is no time.
        ChoiceError: days and months may be exchanged, or numbers be dates written without marks.
    """
    cells = table.cells(name)
    if not cells:
        raise DataError(f"{table.path}: the column {name} is empty where the time should be")
    if time_format is not None:
        return _formatted(table, time_format)
    stamp = stamp_format(cells) if unit is None else None
    if stamp is not None:
        _ask_of_stamps(table, name, stamp, _named_unit(name) or _plausible_unit(cells, decimal))
        return _formatted(table, stamp)
    if re.fullmatch(NUMBER.replace("\\.", f"[{decimal}.]"), cells[0].strip()):
        found = unit or _named_unit(name) or _plausible_unit(cells, decimal)
        return None if found is None else number_clock(found, decimal, cells)
    clock = _dates(table, name, cells)
    if unit is not None:
        raise UsageError(f"--time-unit is for numbers: the column {name} holds {clock.kind.value}")
    return clock


def _ask_of_stamps(table: Table, name: str, stamp: str, unit: str | None) -> None:
    """Ask whether numbers that all are dates without marks count from 1970, where they could."""
    if unit is None:
        return
    raise ChoiceError(
        f"{table.path}: is {shown(table.cells(name)[0])} in the column {name} a date without marks, or a number of "
        f"{UNIT_WORDS[unit]}?",
        [
            (["--time-format", stamp], "a date: year, month, day and what follows"),
            (["--time-unit", unit], f"{UNIT_WORDS[unit]} since 1970, or since some start"),
        ],
    )


def number_clock(unit: str, decimal: str = ".", cells: Sequence[str] = ()) -> Clock:
    """Return the clock of numbers of a unit."""
    power = UNITS[unit]
    places = max((len(cell.partition(decimal)[2]) for cell in cells), default=0)
    places = min(places, 6, power)
    limit = MAX_SECONDS * 10 ** (9 - power)

    def exact(column: str) -> str:
        text = _pointed(column, decimal)
        value = f"try_cast(case when regexp_full_match({text}, {quoted(NUMBER)}) then {text} end as decimal(38, 12))"
        return f"(case when abs({value}) <= {limit} then round({value} * {10**power})::bigint end)"

    def quick(column: str) -> str:
        text = _pointed(column, decimal)
        value = f"try_cast({text} as double)"
        plain = " and ".join(f"not contains({text}, '{mark}')" for mark in "_eE")
        fits = f"(length({text}) - strpos({text}, '.') <= {places} or strpos({text}, '.') = 0)"
        scaled = f"round({value} * {10**places})::bigint * {10 ** (power - places)}"
        return f"(case when abs({value}) <= {limit} and {plain} and {fits} then {scaled} end)"

    words = f"{UNIT_WORDS[unit]}" + (" since 1970" if _plausible_unit(cells, decimal) == unit else "")
    # In nanoseconds and microseconds the double of a whole number may be off; there the exact way is the only one.
    handy = quick if power >= UNITS["ms"] else None
    return Clock(Kind.NUMBER, words, exact, handy, f"a number of {UNIT_WORDS[unit]}", unit)


def _pointed(column: str, decimal: str) -> str:
    return column if decimal == "." else f"replace({column}, {quoted(decimal)}, '.')"


def _named_unit(name: str) -> str | None:
    found = _NAMED_UNIT.search(re.sub(r"[\s(\[]+", "_", name.lower()).rstrip(")]"))
    if found is None or (found[0] == name.lower() and len(name) <= 2):
        return None
    return (
        {"s": "s", "m": "ms", "u": "us", "n": "ns"}[found[1][0]]
        if found[1] not in ("micros", "microseconds", "microsecond")
        else "us"
    )


def _plausible_unit(cells: Sequence[str], decimal: str) -> str | None:
    """Return the unit in which most numbers are dates of the years 1990 to 2065; the ranges do not meet."""
    numbers = sorted(abs(float(cell.strip().replace(decimal, "."))) for cell in cells if _is_number(cell, decimal))
    if not numbers:
        return None
    middle = numbers[(len(numbers) - 1) // 2]
    for unit, power in UNITS.items():
        scale = 10 ** (9 - power)
        if _PLAUSIBLE[0] * scale <= middle <= _PLAUSIBLE[1] * scale:
            return unit
    return None


def _is_number(cell: str, decimal: str) -> bool:
    return re.fullmatch(NUMBER, cell.strip().replace(decimal, ".")) is not None


def _formatted(table: Table, time_format: str) -> Clock:
    zoned = "%z" in time_format or "%Z" in time_format

    def exact(column: str) -> str:
        parsed = f"try_strptime(trim({column}), {quoted(time_format)})"
        return f"epoch_us({parsed}) * 1000" if "%n" not in time_format else f"epoch_ns({parsed})"

    try:
        table.engine.rows(f"select {exact(quoted('x'))}")
    except EngineError as error:
        raise UsageError(f"--time-format {time_format!r}: {error}") from error
    refuse_incomplete(time_format)
    kind = Kind.ZONED if zoned else Kind.LOCAL
    return Clock(kind, f"dates such as {time_format}", exact, None, f"a date such as {time_format}")


@dataclass(frozen=True)
class _Form:
    """A form of dates: the whole cell, without a zone; and the format of strptime, None for ISO's own."""

    pattern: str
    formats: tuple[str, ...]
    example: str


_MONTH = "[A-Z][a-z]{2}"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?"
_FORMS = (
    _Form(_ISO, (), "2023-11-16 18:17:03.97"),
    _Form(
        rf"{_DIGITS}/{_MONTH}/[0-9]{{4}}:[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}",
        ("%d/%b/%Y:%H:%M:%S",),
        "16/Nov/2023:18:17:03 +0000",
    ),
    _Form(
        rf"({_MONTH}, )?{_DIGITS} {_MONTH} [0-9]{{4}} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}",
        ("%a, %d %b %Y %H:%M:%S", "%d %b %Y %H:%M:%S"),
        "Thu, 16 Nov 2023 18:17:03 GMT",
    ),
    _Form(
        rf"{_DIGITS}\.{_DIGITS}\.[0-9]{{4}}( {_CLOCK})?",
        ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"),
        "16.11.2023 18:17:03",
    ),
    _Form(r"[0-9]{8}T[0-9]{6}", ("%Y%m%dT%H%M%S",), "20231116T181703Z"),
)
_SLASHED = rf"{_DIGITS}/{_DIGITS}/[0-9]{{4}}( {_CLOCK}( [AP]M)?)?"


def is_date(cell: str) -> bool:
    """Whether a cell is a date of a form that is known, with or without a zone."""
    forms = (DAY_STAMP, _SLASHED, *(one.pattern for one in _FORMS))
    return any(re.fullmatch(f"({form})({_ZONE})?", cell) for form in forms)


def _dates(table: Table, name: str, cells: Sequence[str]) -> Clock:
    first = cells[0].strip()
    for form in _FORMS:
        zoned = re.fullmatch(f"({form.pattern}){_ZONE}", first)
        if zoned or re.fullmatch(form.pattern, first):
            return _date_clock(form, zoned is not None)
    if re.fullmatch(_SLASHED, first):
        return _slashed(table, name, cells)
    places = table.located([1])
    at = f"{table.path}:{places[1]}:{table.columns.index(name) + 1}"
    dayless = without_day(first)
    if dayless:
        raise DataError(f"{at}: {name} has {dayless}, got {shown(first)}")
    raise DataError(
        f"{at}: {name} must be a date such as 2023-11-16 18:17:03.97 or a number, got {shown(first)}: "
        "use --time-format or --time-column"
    )


def _date_clock(form: _Form, zoned: bool) -> Clock:
    def exact(column: str) -> str:
        text = f"trim({column})"
        if not zoned:
            return f"(case when regexp_full_match({text}, {quoted(form.pattern)}) then {_instant(form, text)} end)"
        groups = 1 + form.pattern.count("(") - form.pattern.count("(?")
        whole = quoted(f"^({form.pattern}){_ZONE}$")
        body = f"nullif(regexp_extract({text}, {whole}, 1), '')"
        zone = f"replace(regexp_extract({text}, {whole}, {groups + 1}), ':', '')"
        hours = (
            f"coalesce(try_cast({zone}[2:3] as bigint), 0) * 3600 + coalesce(try_cast({zone}[4:5] as bigint), 0) * 60"
        )
        offset = f"(case when {zone}[1:1] = '-' then -1 when {zone}[1:1] = '+' then 1 else 0 end) * ({hours})"
        return f"({_instant(form, body)} - {offset} * 1000000000)"

    kind = Kind.ZONED if zoned else Kind.LOCAL
    return Clock(kind, kind.value, exact, None, f"a date such as {form.example}")


def _instant(form: _Form, text: str) -> str:
    """Return the nanoseconds of a date without its zone."""
    if form.formats:
        formats = ", ".join(quoted(one) for one in form.formats)
        return f"epoch_us(try_strptime({text}, [{formats}])) * 1000"
    plain = f"replace(replace({text}, '/', '-'), ',', '.')"
    return f"epoch_ns(try_cast({plain} as timestamp_ns))"


def _slashed(table: Table, name: str, cells: Sequence[str]) -> Clock:
    """Return the clock of 5/1/2024 12:00, whose day and month only larger numbers tell apart."""
    parts = [re.match(r"([0-9]+)/([0-9]+)/", cell.strip()) for cell in cells]
    pairs = [(int(part[1]), int(part[2])) for part in parts if part]
    day_first, month_first = any(one > 12 for one, _ in pairs), any(two > 12 for _, two in pairs)
    if day_first == month_first:
        half = " %I:%M:%S %p" if cells[0].strip().endswith("M") else " %H:%M:%S"
        clock = ("", half.replace(":%S", ""), half)[cells[0].count(":")]
        raise ChoiceError(
            f"{table.path}: is {shown(cells[0])} in the column {name} day/month or month/day?",
            [
                (["--time-format", f"%d/%m/%Y{clock}"], "day first"),
                (["--time-format", f"%m/%d/%Y{clock}"], "month first"),
            ],
        )
    order = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    clocks = (" %I:%M:%S %p", " %I:%M %p") if cells[0].strip().endswith("M") else (" %H:%M:%S", " %H:%M", "")
    form = _Form(_SLASHED, tuple(f"{order}{clock}" for clock in clocks), "11/16/2023 18:17:03")
    found = _date_clock(form, False)
    return replace(found, words=f"{found.words}, {'day' if day_first else 'month'} first")
