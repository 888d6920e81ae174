"""The two formats that have no publisher: a row a request, and a table of values; and how to tell them apart."""

import re
from collections.abc import Sequence
from itertools import pairwise

from mamo_cli.workload.cells import MISSING
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.dialect import DATE
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.profiles.profile import Profile, named
from mamo_cli.workload.tables import NUMBER, Table

_UNIT = r"(_(s|sec|secs|seconds|ms|millis|us|ns))?"
ARRIVALS = (
    r"timestamp|arrival_timestamp|start_timestamp|arrival_time|start_time|time|date|datetime|date_time|@timestamp|ts|ds"
    r"|unixtime|unix_time|unix|epoch|epoch_time"
)
ENDS = r"end_timestamp|end_time"
TIMES = rf"{ARRIVALS}|{ENDS}|step|minute|minutes|hour|day|period"
FUNCTIONS = ("func", "function")
VALUES = ("value", "values", "metric_value", "rate", "rps", "qps", "count", "sum", "y")
_EPOCHS = (10**9, 3 * 10**9)


def _usual(table: Table, names: str) -> list[str]:
    return [name for name in table.columns if re.fullmatch(f"({names}){_UNIT}", name.strip().lower())]


# --- a row a request


def _requests_meaning(table: Table) -> Meaning:
    """Which column has the time: one by its usual name, else one of ends; a `duration` beside an end is taken off."""
    functions = tuple(named(table, FUNCTIONS)[:1])
    if functions:
        functions = (*named(table, ("app",))[:1], *functions)
    for usual in (ARRIVALS, ENDS):
        found = _usual(table, usual)
        if len(found) > 1:
            raise ChoiceError(
                f"{table.path}:{max(table.header_line, 1)}:1: any of {', '.join(found)} could be the time of a request",
                [(["--time-column", name], "") for name in found],
            )
        if found:
            ends = usual is ENDS
            duration = next(iter(named(table, ("duration",))), None) if ends else None
            return Meaning(values="requests", time=found[0], functions=functions, duration=duration)
    times = [name for name in table.columns if _holds_times(table, name)]
    return Meaning(values="requests", time=times[0] if len(times) == 1 else None, functions=functions)


# --- a table of values


def _wide_meaning(table: Table) -> Meaning:
    """The time is in a column of a usual name, or of dates or seconds since 1970; an unnamed first is an index."""
    if len(table.columns) == 1 and not table.header_line:
        return Meaning()
    ignored = ("",) if "" in table.columns else ()
    usual = [*_usual(table, TIMES), *(name for name in table.columns if _holds_times(table, name))]
    times = list(dict.fromkeys(name for name in usual if name not in ignored))
    times.sort(key=lambda name: not _holds_times(table, name))
    return Meaning(time=times[0] if times else None, ignored=(*ignored, *times[1:]))


def _holds_times(table: Table, name: str) -> bool:
    """Whether the first rows of a column are dates, or numbers that rise as seconds (ms, ...) since 1970 do."""
    cells = [cell.strip() for cell in table.cells(name)]
    if not cells:
        return False
    if all(DATE.match(cell) for cell in cells[:20]):
        return True
    if len(cells) < 3 or not all(re.fullmatch(NUMBER, cell) for cell in cells):
        return False
    numbers = [float(cell) for cell in cells]
    steady = all(abs(b - a) > 0 for a, b in pairwise(numbers))
    return steady and any(
        all(_EPOCHS[0] * scale <= number <= _EPOCHS[1] * scale for number in numbers)
        for scale in (1, 10**3, 10**6, 10**9)
    )


# --- telling them apart


def _numeric(table: Table, name: str) -> bool:
    cells = [cell.strip() for cell in table.cells(name)]
    return bool(cells) and all(
        re.fullmatch(NUMBER, cell.replace(",", ".")) or cell.lower() in MISSING for cell in cells
    )


def _even(cells: Sequence[str]) -> bool | None:
    """Whether the first times are evenly apart; None where they are no numbers or dates that Python knows."""
    import numpy as np

    try:
        numbers = np.array([float(cell.strip()) for cell in cells])
    except ValueError:
        try:
            at = [re.sub(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", "", cell.strip().replace("/", "-")) for cell in cells]
            numbers = np.array(at, dtype="datetime64[ns]").astype(np.int64).astype(np.float64)
        except ValueError:
            return None
    steps = np.diff(np.unique(numbers))
    if len(steps) < 2:
        return None
    middle = np.median(steps)
    return bool(middle > 0 and (np.abs(steps - middle) <= middle / 100).mean() > 0.9)


def told_apart(table: Table, options: Options) -> list[tuple[Profile, str]]:
    """Return which of the two a table is in and why; nothing where it is in none.

    Raises:
        ChoiceError: it may be in either.
    """
    if options.values is not None or options.value_column is not None:
        return [(REQUESTS if options.values == "requests" else WIDE, "--values or --value-column says so")]
    time = options.time_column or _wide_meaning(table).time
    ignored = _wide_meaning(table).ignored
    others = [name for name in table.columns if name != time and name not in ignored]
    numeric = [name for name in others if _numeric(table, name)]
    if time is None:
        what = (
            "a list of numbers without a header" if not table.header_line else "numbers in all columns, none the time"
        )
        return [(WIDE, f"it holds {what}")] if len(numeric) == len(others) else []
    if not numeric:
        return [(REQUESTS, f"the column {time} has the time and no other holds numbers")]
    even = _even(table.cells(time))
    if len(numeric) == len(others) and even:
        return [(WIDE, f"its rows are evenly apart by {time} and all other columns hold numbers")]
    if len(numeric) < len(others) and even is False and not named(table, VALUES):
        return [(REQUESTS, f"its rows are unevenly apart by {time} and hold text, as requests do")]
    raise ChoiceError(f"{table.path}: what is a row?", _answers(time, others, numeric))


def _answers(time: str, others: Sequence[str], numeric: Sequence[str]) -> list[tuple[list[str], str]]:
    requests = (["--format", "requests"], f"a request, at its {time}")
    if len(numeric) == len(others):
        return [requests, (["--format", "wide"], f"the values of functions, a column each: {', '.join(numeric[:5])}")]
    value = next((name for name in numeric if name.strip().lower() in VALUES), numeric[-1])
    label = next(name for name in others if name not in numeric)
    long = ["--format", "wide", "--value-column", value, "--function-column", label]
    return [requests, (long, f"one value, {value}, of one function, its {label}")]


REQUESTS = Profile("requests", "a row a request", lambda table: None, _requests_meaning)
WIDE = Profile("wide", "a column a function, rates or counts", lambda table: None, _wide_meaning)
PROFILES = (REQUESTS, WIDE)
