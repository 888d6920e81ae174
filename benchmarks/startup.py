"""How long `mamo --help` takes, against an empty program that imports typer and rich."""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import mamo_cli
from benchmarks.rows import Row, measured, ratio
from benchmarks.timing import seconds_each

RUNS = 10
EMPTY = "import typer, rich.console, rich.table"


def run(quick: bool) -> list[Row]:
    """Rows of both, run in turns, and their ratio."""
    beside = Path(sys.executable).parent / "mamo"
    command = str(beside) if beside.exists() else shutil.which("mamo")
    if command is None:
        return [measured("startup", "mamo --help", "ms", [], note="mamo is not installed")]
    ours, empty = [], []
    for _ in range(3 if quick else RUNS):
        ours += milliseconds([command, "--help"])
        empty += milliseconds([sys.executable, "-c", EMPTY])
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("typer", "rich"))
    rows = [
        measured("startup", "mamo --help", "ms", ours, version=mamo_cli.__version__, cores=1),
        measured("startup", "empty program", "ms", empty, version=versions, cores=1, note=EMPTY),
    ]
    return [*rows, ratio("mamo --help / empty", rows[1], rows[0], "start-up, times as long", less_is_more=True)]


def milliseconds(command: list[str]) -> list[float]:
    """One timed run, after one that is not counted."""
    return [1e3 * each for each in seconds_each(lambda: subprocess.run(command, check=True, capture_output=True), 1)]
