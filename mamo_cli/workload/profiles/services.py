"""What services write down about themselves: metric stores and web servers."""

import re
from itertools import pairwise

from mamo_cli.workload.dialect import Layout
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.profiles.profile import Profile, named
from mamo_cli.workload.tables import NUMBER, Table

_CLOUDWATCH = ("sum", "invocations", "requestcount", "samplecount", "count", "numberofmessagesreceived")
_COUNTER = re.compile(r"_(total|count)(\{.*\})?$|_total$")
_LABELLED = re.compile(r'\{.*[a-zA-Z_]+ ?= ?".*"\}')


def _is_cloudwatch(table: Table) -> str | None:
    counted = named(table, _CLOUDWATCH)
    if "Timestamp" in table.columns and counted and "Name" not in table.columns:
        return f"it has the columns Timestamp and {counted[0]}, a count by period"
    return None


def _cloudwatch_meaning(table: Table) -> Meaning:
    counted = named(table, _CLOUDWATCH)[:1] or [name for name in table.columns if name not in ("Timestamp", "Unit")]
    return Meaning(values="count", time="Timestamp", columns=tuple(counted))


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


def _prometheus_meaning(table: Table) -> Meaning:
    time = _prometheus_time(table)
    if "__name__" in table.columns and "value" in table.columns:
        kinds = set(table.cells("__name__"))
        counter = all(_COUNTER.search(kind) for kind in kinds)
        return Meaning(values="counter" if counter else None, time=time, value="value")
    metrics = [name for name in table.columns if name and name != time]
    counter = all(_COUNTER.search(name) for name in metrics) and all(_rises(table, name) for name in metrics)
    return Meaning(values="counter" if counter else None, time=time, ignored=("",) if "" in table.columns else ())


def _is_access_log(table: Table) -> str | None:
    if table.layout is Layout.ACCESS:
        return 'its lines are HOST - - [16/Nov/2023:18:17:03 +0000] "GET /path HTTP/1.1" 200 512'
    return None


def _access_meaning(table: Table) -> Meaning:
    return Meaning(values="requests", time="time")


PROFILES = (
    Profile("cloudwatch", "Amazon CloudWatch: sums by period", _is_cloudwatch, _cloudwatch_meaning),
    Profile("prometheus", "Prometheus: counters, or series with labels", _is_prometheus, _prometheus_meaning),
    Profile("access-log", "a web server's Common or Combined Log Format", _is_access_log, _access_meaning),
)
