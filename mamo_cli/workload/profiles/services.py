"""What services write down about themselves: metric stores and web servers."""

import re
from itertools import pairwise

from mamo_cli.core.errors import DataError
from mamo_cli.workload.dialect import Layout
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.profiles.general import ask_of_else, wide_meaning
from mamo_cli.workload.profiles.look import Holds, holds, kinds, spacing
from mamo_cli.workload.profiles.profile import Profile, always, has, named
from mamo_cli.workload.tables import NUMBER, Table
from mamo_cli.workload.times import is_date

_SUMS = ("sum", "samplecount")
_CLOUDWATCH = (*_SUMS, "invocations", "requestcount", "count", "numberofmessagesreceived")
_CONSOLE = "Full label"
_COUNTER = re.compile(r"_(total|count)(\{.*\})?$|_total$")
_LABELLED = re.compile(r'\{.*[a-zA-Z_]+ ?= ?".*"\}')
_GRAFANA_LONG = {"Series", "Time", "Value"}


def _is_cloudwatch(table: Table) -> str | None:
    if table.columns[0] == _CONSOLE:
        return f"its first column is {_CONSOLE}, as in the console's download"
    counted = named(table, _CLOUDWATCH)
    if "Timestamp" in table.columns and counted and "Name" not in table.columns:
        return f"it has the columns Timestamp and {counted[0]}, a count by period"
    return None


def _console_rows(table: Table) -> int:
    """How many rows below the header of the console's download say what the columns are."""
    if table.columns[0] != _CONSOLE:
        return 0
    return next((row for row, cells in enumerate(table.sample) if is_date(cells[0])), 0)


def _cloudwatch_meaning(table: Table, options: Options) -> Meaning:
    if table.columns[0] == _CONSOLE:
        return Meaning(values=_console_values(table), time=_CONSOLE)
    units = set(table.cells("Unit")) - {"Count", "None"} if "Unit" in table.columns else set()
    if units and options.values is None:
        raise DataError(f"{table.path}: the column Unit has {min(units)}, which is no number of requests")
    counted = named(table, _CLOUDWATCH)[:1] or [name for name in table.columns if name not in ("Timestamp", "Unit")]
    return Meaning(values="count", time="Timestamp", columns=tuple(counted))


def _console_values(table: Table) -> str | None:
    """Counts where all columns are sums; else nobody says."""
    told = next((row[1:] for row in table.sample[: _console_rows(table)] if row[0] == "Statistic"), ())
    return "count" if told and all(cell.lower().replace(" ", "") in _SUMS for cell in told) else None


def _prometheus_time(table: Table) -> str | None:
    return next(iter(named(table, ("time", "timestamp"))), None)


def _is_prometheus(table: Table) -> str | None:
    if _prometheus_time(table) is None:
        return None
    if "__name__" in table.columns and "value" in table.columns:
        return "it has the columns __name__ and value"
    metrics = [name for name in table.columns if name and name != _prometheus_time(table)]
    counters = [name for name in metrics if _COUNTER.search(name)]
    if metrics and len(counters) == len(metrics) and all(_rises(table, name) for name in counters):
        return f"{counters[0]} is named as a counter is, and rises"
    labelled = [name for name in metrics if _LABELLED.search(name)]
    return f"the column {labelled[0]} is a series with labels" if labelled else None


def _rises(table: Table, name: str) -> bool:
    """Whether a column falls at most where a process starts anew."""
    cells = [float(cell.strip()) for cell in table.cells(name) if re.fullmatch(NUMBER, cell.strip())]
    falls = sum(after < before for before, after in pairwise(cells))
    return len(cells) > 2 and falls <= len(cells) // 20 + 1


def _prometheus_meaning(table: Table, options: Options) -> Meaning:
    time = _prometheus_time(table)
    if "__name__" in table.columns and "value" in table.columns:
        kinds = set(table.cells("__name__"))
        counter = all(_COUNTER.search(kind) for kind in kinds)
        return Meaning(values="counter" if counter else None, time=time, value="value")
    metrics = [name for name in table.columns if name and name != time]
    ask_of_else(table, metrics, options)
    counter = all(_COUNTER.search(name) for name in metrics) and all(_rises(table, name) for name in metrics)
    return Meaning(values="counter" if counter else None, time=time, ignored=("",) if "" in table.columns else ())


def _is_grafana(table: Table) -> str | None:
    if set(table.columns) == _GRAFANA_LONG:
        return "it has the columns Series, Time, Value"
    if table.columns[0] != "Time" or _is_prometheus(table) is not None:
        return None
    try:
        even = spacing(table, "Time", Options()).even
    except DataError:
        return None  # what is wrong with its times is said, or asked, of any table
    if not even or any(holds(table, name) is not Holds.NUMBERS for name in table.columns[1:] if name):
        return None
    return "its first column is Time, evenly spaced, and the others are series of numbers"


def _grafana_meaning(table: Table, options: Options) -> Meaning:
    if set(table.columns) == _GRAFANA_LONG:
        ask_of_else(table, kinds(table, "Series", "true", 100), options)
        return Meaning(time="Time", functions=("Series",), value="Value")
    return wide_meaning(table, options)


def _is_access_log(table: Table) -> str | None:
    if table.layout is Layout.ACCESS:
        return 'its lines are HOST - - [16/Nov/2023:18:17:03 +0000] "GET /path HTTP/1.1" 200 512'
    return None


PROFILES = (
    Profile(
        "cloudwatch",
        "Amazon CloudWatch: sums by period",
        _is_cloudwatch,
        _cloudwatch_meaning,
        above=_console_rows,
    ),
    Profile("prometheus", "Prometheus: counters, or series with labels", _is_prometheus, _prometheus_meaning),
    Profile("grafana", "Grafana: series to columns, or a row a series and time", _is_grafana, _grafana_meaning),
    Profile(
        "influxdb",
        "InfluxDB: its annotated CSV, all series of one field added up",
        has("_time", "_value"),
        always(Meaning(time="_time", value="_value")),
    ),
    Profile(
        "access-log",
        "a web server's Common or Combined Log Format",
        _is_access_log,
        always(Meaning(values="requests", time="time")),
    ),
)
