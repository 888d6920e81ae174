"""What a benchmark says: tidy rows, their file, and the table on the screen."""

import csv
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One measurement; numbers are blank where the note says why."""

    benchmark: str
    engine: str
    version: str
    replay: str
    members: int | None
    cores: int | None
    unit: str
    median: float | None
    low: float | None
    high: float | None
    repeats: int
    note: str = ""


def measured(
    benchmark: str,
    engine: str,
    unit: str,
    values: Sequence[float],
    *,
    version: str = "",
    replay: str = "",
    members: int | None = None,
    cores: int | None = None,
    note: str = "",
) -> Row:
    """A row of the median and the extremes of repeated measurements; blank numbers where there are none."""
    numbers = (statistics.median(values), min(values), max(values)) if values else (None, None, None)
    return Row(benchmark, engine, version, replay, members, cores, unit, *numbers, len(values), note)


def ratio(engine: str, ours: Row | None, theirs: Row | None, note: str, *, less_is_more: bool = False) -> Row:
    """How many times better ours is; its range pits the worst repeat of one against the best of the other."""
    cores = ours.cores if ours else None
    if ours is None or theirs is None or not ours.repeats or not theirs.repeats:
        return Row("ratio", engine, "", "", None, cores, "x", None, None, None, 0, f"not measured: {note}")
    above, below = (theirs, ours) if less_is_more else (ours, theirs)
    (median, low, high), (under, least, most) = (
        [number or 0.0 for number in (row.median, row.low, row.high)] for row in (above, below)
    )
    numbers = (median / under, low / most, high / least)
    repeats = min(ours.repeats, theirs.repeats)
    return Row("ratio", engine, theirs.version, theirs.replay, ours.members, cores, "x", *numbers, repeats, note)


def machine() -> Row:
    """The machine that all this holds for."""
    return Row("machine", model_name(), platform.platform(), "", None, core_count(), "cores", None, None, None, 0)


def model_name() -> str:
    """The processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def core_count() -> int:
    """Cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def save(path: Path, rows: Iterable[Row]) -> None:
    """Write all rows as CSV; numbers round-trip exactly."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows(["" if value is None else value for value in astuple(row)] for row in rows)


def show(console: Console, title: str, rows: Iterable[Row]) -> None:
    """Print rows as a table."""
    table = Table("engine", "version", "replay", title=title, title_justify="left")
    for name in ("members", "cores", "median", "low", "high"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    table.add_column("note")
    for row in rows:
        counts = ["" if count is None else str(count) for count in (row.members, row.cores)]
        numbers = [readable(number) for number in (row.median, row.low, row.high)]
        table.add_row(row.engine, row.version, row.replay, *counts, *numbers, row.unit, row.note)
    console.print(table)


def readable(number: float | None) -> str:
    """Three or more figures, thousands apart."""
    if number is None:
        return "-"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
