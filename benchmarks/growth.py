"""What a longer run costs: `run-mamo`, checkpoints and tables included, at three lengths, each in a fresh process."""

import json
import os
import subprocess
import sys
import tempfile
from statistics import median

import mamo_cli
from benchmarks.pool import environment
from benchmarks.rows import Row, measured

SHORT = 60  # cycles of the shortest run; the others are twice and eleven times as long
CHILD = """
import json, sys, time
from benchmarks.memory import own_peak_bytes
from mamo_cli.cli.main import app
import mamo_cli.learners.dqn.learner
command = ["-q", "run-mamo", "--seeds", "1", "--jobs", "1", "--cycles", sys.argv[1]]
start = time.perf_counter()
app(command, standalone_mode=False)
print(json.dumps([time.perf_counter() - start, own_peak_bytes()]), file=sys.stderr)
"""


def run(quick: bool, repeats: int) -> list[Row]:
    """Seconds and peak memory of each length, and what ten times as many more cycles cost over once as many more."""
    lengths = [cycles // (6 if quick else 1) for cycles in (SHORT, 2 * SHORT, 11 * SHORT)]
    told = {cycles: [cost_of(cycles) for _ in range(repeats)] for cycles in lengths}
    about = {"version": mamo_cli.__version__, "members": 1, "cores": 1}
    rows = []
    for cycles, costs in told.items():
        note = f"{cycles} cycles"
        rows.append(measured("growth", "mamo run-mamo", "s", [seconds for seconds, _ in costs], note=note, **about))
        peaks = [peak / 2**20 for _, peak in costs]
        rows.append(measured("growth", "mamo run-mamo", "MiB", peaks, note=note, **about))
    short, double, long = (median(seconds for seconds, _ in told[cycles]) for cycles in lengths)
    note = "time of ten times as many more cycles over that of once as many more"
    return [*rows, measured("growth", "mamo run-mamo", "x", [(long - short) / (double - short)], note=note, **about)]


def cost_of(cycles: int) -> tuple[float, int]:
    """Seconds and peak bytes of a run of so many cycles, from after the imports on."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(cycles)],
            check=True,
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, **environment(1), "PYTHONPATH": os.getcwd()},
        )
    seconds, peak = json.loads(done.stderr.strip().splitlines()[-1])
    return seconds, peak
