"""What the columns of an unknown table look like: where the time is, how rows follow one another, what names say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np

from mamo_cli.workload.cells import MISSING
from mamo_cli.workload.formats import TIME_OF_DAY
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.resampling import GAP
from mamo_cli.workload.stamps import kept
from mamo_cli.workload.tables import NUMBER, SAMPLE_ROWS, Table
from mamo_cli.workload.times import UNITS, clock_of, is_date

_UNIT = r"([ _]?\(?(s|sec|secs|seconds|ms|millis|us|ns|utc|gmt|iso8601)\)?)?"
ARRIVALS = (
    r"timestamp|arrival_timestamp|start_timestamp|arrival_time|start_time|time|date|datetime|date_time|@timestamp|ts|ds"
    r"|_time|unixtime|unix_time|unix|epoch|epoch_time"
)
ENDS = r"end_timestamp|end_time"
_ORDINALS = r"step|minute|minutes|hour|day|period"
_EPOCHS = (10**9, 3 * 10**9)
_MARKED = re.compile(r"[<>~]?[+-]?[0-9][0-9.,\u00a0\u202f' ]*[a-zA-Z%\u00b5/]*( ?[a-zA-Z%\u00b5/]+)?")
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TEN_PERCENT_OFF = 0.9


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What one request has, and what else is measured at points in time; names are cut into words.
_OF_REQUESTS = _set(
    "status code bytes size length duration latency elapsed response resp taken took ttfb rt tokens token port pid ip "
    "id seq delay rtt ms us ns usec msec retries attempt"
)
_OF_METRICS = _set(
    "cpu mem memory util utilization utilisation usage percent percentile quantile median p50 p75 p90 p95 p99 p999 "
    "users vus threads replicas pods instances temperature span interval window queue disk price average avg mean max "
    "min std stddev seconds sec millis milliseconds heap gc index network traffic bandwidth byte kb mb gb "
    "concurrency concurrent provisioned connections spandays"
)
_OF_FAILURES = _set("error errors err fail fails failed failure failures dropped timeouts")
_OF_RATES = _set("rps qps tps rate rates requests request invocations count counts hits calls throughput")


class Holds(Enum):
    """What the cells of a column are."""

    NUMBERS = "numbers"
    MARKED = "numbers with a unit or with marks between digits"
    TEXT = "text"


def holds(table: Table, name: str) -> Holds:
    """Return what the first rows have in a column, missing values aside."""
    cells = [cell.strip() for cell in table.cells(name)]
    cells = [cell for cell in cells if cell.lower() not in MISSING]
    if all(re.fullmatch(NUMBER, cell.replace(",", ".")) for cell in cells):
        return Holds.NUMBERS
    marked = all(_MARKED.fullmatch(cell) and not _ADDRESS.fullmatch(cell) for cell in cells)
    return Holds.MARKED if marked else Holds.TEXT


def _words(name: str) -> set[str]:
    found = [word.lower() for word in _WORD.findall(name)]
    return {*found, *(before + after for before, after in pairwise(found))}


def of_requests(name: str) -> bool:
    """Whether a column is named as what a single request has, such as its status or duration."""
    return bool(_words(name) & _OF_REQUESTS)


def of_else(name: str) -> bool:
    """Whether a column is named as something that is measured and is no number of requests."""
    words = _words(name.partition("{")[0])
    return bool(words & _OF_FAILURES) or (bool(words & (_OF_REQUESTS | _OF_METRICS)) and not words & _OF_RATES)


# --- time


def usual(table: Table, names: str) -> list[str]:
    """Return the columns whose name is one of a pattern's, with or without a unit."""
    return [name for name in table.columns if re.fullmatch(f"({names}){_UNIT}", name.strip().lower())]


def times_of(table: Table, options: Options) -> list[str]:
    """Return the columns that have the time of a row, the likeliest first; the one that the user names, if so."""
    if options.time_column is not None:
        return [options.time_column]
    dated = [name for name in table.columns if holds_times(table, name)]
    by_name = [name for names in (ARRIVALS, ENDS, _ORDINALS) for name in usual(table, names)]
    both = [name for name in by_name if name in dated]
    return list(dict.fromkeys([*both, *dated, *by_name]))


def holds_times(table: Table, name: str) -> bool:
    """Whether the first rows of a column are dates, or numbers that rise as seconds (ms, ...) since 1970 do."""
    cells = [cell.strip() for cell in table.cells(name)]
    if not cells:
        return False
    if all(is_date(cell) for cell in cells[:20]):
        return True
    if len(cells) < 3 or not all(re.fullmatch(NUMBER, cell) for cell in cells):
        return False
    numbers = [float(cell) for cell in cells]
    steady = all(abs(b - a) > 0 for a, b in pairwise(numbers))
    return (steady or name in usual(table, ARRIVALS)) and any(
        all(_EPOCHS[0] * scale <= number <= _EPOCHS[1] * scale for number in numbers)
        for scale in (1, 10**3, 10**6, 10**9)
    )


def rises_evenly(table: Table, name: str) -> bool:
    """Whether a column of numbers grows by the same from each row to the next, as times and row numbers do."""
    cells = [cell.strip() for cell in table.cells(name)]
    if len(cells) < 4 or not all(re.fullmatch(NUMBER, cell) for cell in cells):
        return False
    steps = np.diff([float(cell) for cell in cells])
    return bool(steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))


def holds_clock(table: Table, name: str) -> bool:
    """Whether a column has times of day without a day."""
    cells = [cell.strip() for cell in table.cells(name)[:20]]
    return bool(cells) and all(TIME_OF_DAY.fullmatch(cell) for cell in cells)


@dataclass(frozen=True)
class Spacing:
    """How the first rows follow one another in time.

    Attributes:
        even: whether nearly all points in time are equally far apart.
        seconds: how far; None where nobody knows the unit.
        repeated: whether a point in time has several rows.
        gaps: whether some are so far apart that rows seem to be missing between them.
    """

    even: bool
    seconds: float | None
    repeated: bool
    gaps: bool

    @property
    def measured(self) -> bool:
        """Whether rows stand as measurements do, and requests do not."""
        return self.even and self.seconds is not None and self.seconds >= 60


def spacing(table: Table, name: str, options: Options) -> Spacing:
    """Return how the first rows follow one another by the time in a column.

    Raises:
        UsageError: an option does not fit the times.
        DataError: the first cell is no time.
        ChoiceError: days and months may be exchanged.
    """
    keep = kept(table, Meaning(where=options.where))
    found = table.rows(f"select {table.place(name)} as c from {table.relation} where {keep} limit {SAMPLE_ROWS}")
    cells = [cell for (cell,) in found if cell]
    decimal = options.decimal or "."
    clock = clock_of(table, name, options.time_unit, options.time_format, decimal)
    at = _numbers(cells, decimal)
    if clock is not None:
        found = table.engine.rows(f"select {clock.exact('c')} from (select unnest(?::varchar[]) as c)", [cells])
        at = np.array([ns for (ns,) in found if ns is not None], dtype=np.float64)
    distinct = np.unique(at)
    steps = np.diff(distinct)
    if len(steps) < 2:
        return Spacing(False, None, len(distinct) < len(at), gaps=False)
    middle = float(np.median(steps))
    even = bool((np.abs(steps - middle) <= middle / 100).mean() > _TEN_PERCENT_OFF)
    seconds = None if clock is None else middle / 10 ** UNITS["s"]
    return Spacing(even, seconds, len(distinct) < len(at), gaps=bool((steps > GAP * middle).any()))


def _numbers(cells: Sequence[str], decimal: str) -> np.ndarray:
    texts = [cell.strip().replace(decimal, ".") for cell in cells]
    return np.array([float(text) for text in texts if re.fullmatch(NUMBER, text)])


def varying(table: Table, names: Sequence[str], keep: str) -> list[str]:
    """Return the columns that have more than one value in the whole file."""
    found = []
    for name in names:
        ((count,),) = table.rows(f"select count(distinct {table.place(name)}) from {table.relation} where {keep}")
        if count > 1:
            found.append(name)
    return found


def kinds(table: Table, name: str, keep: str, most: int) -> list[str]:
    """Return what a column has in the whole file, in order, at most so many."""
    found = table.rows(
        f"select distinct {table.place(name)} as k from {table.relation} where {keep} and k is not null order by k "
        f"limit {most}"
    )
    return [kind for (kind,) in found]


def unique(table: Table, names: Sequence[str], keep: str) -> bool:
    """Whether no two rows of the whole file are alike in these columns."""
    places = ", ".join(f"coalesce({table.place(name)}, '')" for name in names)
    rows = f"(select {places} from {table.relation} where {keep})"
    ((count,),) = table.rows(f"select count(*) from {rows}")
    ((kinds,),) = table.rows(f"select count(*) from (select distinct * from {rows})")
    return bool(count == kinds)
