"""Reading and counting millions of request rows: `mamo import` against the engine alone, and the other engine."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import mamo_cli
from benchmarks.pool import environment
from benchmarks.rows import Row, core_count, measured, ratio

ROWS = 5_000_000
START = 1_700_000_000
STEP = 300
FUNCTIONS = 20
# Each prints the seconds of one reading in a process of its own, then its peak.
DUCKDB = f"""
import duckdb
def read(path):
    query = f"select floor(timestamp / {STEP}) as b, function, count(*) from read_csv('{{path}}') group by all"
    return duckdb.connect().execute(query).fetchall()
"""
POLARS = f"""
import polars
def read(path):
    period = (polars.col("timestamp") / {STEP}).floor().alias("b")
    return polars.scan_csv(path).group_by(period, "function").len().collect(engine="streaming")
"""
MAMO = f"""
from pathlib import Path
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.options import Options
def read(path):
    return import_trace(Path(path), Options(step_seconds={STEP}))
"""
TIMED = """
import sys, time
from benchmarks.memory import own_peak_bytes
start = time.perf_counter()
read(sys.argv[1])
print(time.perf_counter() - start, own_peak_bytes())
"""


def run(quick: bool, repeats: int) -> list[Row]:
    """Rows of seconds and of peak memory by engine, taken in turns, and the ratios of ours to each."""
    rows = 200_000 if quick else ROWS
    engines = {"duckdb": DUCKDB, "mamo import": MAMO}
    if importlib.util.find_spec("polars"):
        engines["polars"] = POLARS
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requests.csv"
        write(path, rows)
        for _ in range(repeats):
            for name, code in engines.items():
                found[name].append(once(code, path))
    note = f"{rows:,} rows, {FUNCTIONS} functions"
    seconds, peaks = {}, []
    for name, both in found.items():
        version = mamo_cli.__version__ if name == "mamo import" else importlib.metadata.version(name)
        each, most = zip(*both, strict=True)
        seconds[name] = measured("import", name, "s", each, version=version, cores=core_count(), note=note)
        peaks.append(measured("import", name, "MiB peak", most, version=version, cores=core_count(), note=note))
    ratios = [
        ratio(f"{name} / mamo import", seconds["mamo import"], seconds[name], f"speed, {note}", less_is_more=True)
        for name in engines
        if name != "mamo import"
    ]
    return [*seconds.values(), *peaks, *ratios]


def write(path: Path, rows: int) -> None:
    """A log in order of time: epoch seconds with milliseconds, a function, a path, a status."""
    random = np.random.default_rng(0)
    times = START + np.cumsum(random.exponential(1 / 60, rows))
    functions = random.integers(0, FUNCTIONS, rows)
    with path.open("w", encoding="utf-8") as file:
        file.write("timestamp,function,path,status\n")
        for first in range(0, rows, 100_000):
            part = slice(first, first + 100_000)
            lines = zip(times[part].tolist(), functions[part].tolist(), strict=True)
            file.writelines(f"{at:.3f},f{function},/api/v1/item,200\n" for at, function in lines)


def once(code: str, path: Path) -> tuple[float, float]:
    """Seconds and MiB of one reading in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", code + TIMED, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment(1)},
    )
    seconds, peak = done.stdout.split()[-2:]  # an engine may draw a bar before
    return float(seconds), int(peak) / 2**20
