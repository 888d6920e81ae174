"""The Azure Functions 2019 format: one row a function, invocations in each of the day's 1,440 minutes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.imported import Imported, select
from mamo_cli.workload.tables import TableReader, parse_count
from mamo_cli.workload.trace import IntArray

IDENTITY = ("HashOwner", "HashApp", "HashFunction", "Trigger")
MINUTES = 1440
HEADER = [*IDENTITY, *(str(minute) for minute in range(1, MINUTES + 1))]


def read_azure_2019(path: Path, step_seconds: float, functions: Sequence[str] | None) -> Imported:
    """Return the mean rates of a day, binned into whole control periods; rows of one function's triggers add up.

    A function is an (owner, application, function) triple and goes by the name of its HashFunction. Minutes after the
    last whole period are dropped, and the notes say how many.

    Raises:
        UsageError: `step_seconds` is not a whole number of minutes within the day, or a function is not there.
        DataError: the file is not in the format.
    """
    minutes = _minutes_per_period(step_seconds)
    periods = MINUTES // minutes
    totals: dict[tuple[str, ...], IntArray] = {}
    for key, per_minute in _read_rows(path):
        binned = per_minute[: periods * minutes].reshape(periods, minutes).sum(axis=1)
        totals[key] = totals[key] + binned if key in totals else binned
    names = [key[-1] for key in totals]
    chosen = select(path, names, functions)
    columns = list(totals.values())
    rest = MINUTES - periods * minutes
    return Imported(
        names=[names[index] for index in chosen],
        rate_rps=np.stack([columns[index] for index in chosen], axis=1) / step_seconds,
        notes={"dropped": f"the last {rest} minutes, less than a control period"} if rest else {},
    )


def _minutes_per_period(step_seconds: float) -> int:
    minutes = step_seconds / 60
    if not (minutes.is_integer() and 1 <= minutes <= MINUTES):
        raise UsageError(
            f"--step-seconds must be a multiple of 60 up to 86400 for counts by the minute, got {step_seconds:g}"
        )
    return int(minutes)


def _read_rows(path: Path) -> Iterator[tuple[tuple[str, ...], IntArray]]:
    """Yield ((owner, application, function), invocations of each minute); the last step raises for any fault."""
    table = TableReader(path)
    if table.header != HEADER:
        place = next((i for i, (a, b) in enumerate(zip(table.header, HEADER, strict=False)) if a != b), len(HEADER))
        raise DataError(
            f"{path}:{table.header_line}:{min(place, len(table.header)) + 1}: the columns must be "
            f"{','.join(IDENTITY)},1,...,{MINUTES}"
        )
    seen: dict[tuple[str, ...], int] = {}
    for line, fields in table.rows():
        identity, cells = tuple(fields[: len(IDENTITY)]), fields[len(IDENTITY) :]
        table.text(line, fields, IDENTITY.index("HashFunction"))
        first = seen.setdefault(identity, line)
        if first != line:
            table.fault(line, 1, f"the function with this trigger is there already, on line {first}")
        counts = np.fromiter(map(parse_count, cells), dtype=np.int64, count=MINUTES)
        for bad in np.flatnonzero(counts < 0):
            table.whole(line, fields, len(IDENTITY) + int(bad))
        yield identity[:3], counts
    table.check()
