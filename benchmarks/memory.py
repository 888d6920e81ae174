"""Peak memory of a process by the number of its members, and the bytes that a member adds."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

import mamo_cli
from benchmarks.pool import environment
from benchmarks.rows import Row, measured

MEMBERS = (1, 8, 32, 128, 256)
# Members as a run makes them: the replays fill while they learn.
CHILD = """
import sys
from benchmarks.ours import LEARNER, population, weights
from benchmarks.memory import own_peak_bytes
members = int(sys.argv[1])
shard = population(members, 0, 64, 1, 16)
for _ in range(LEARNER.replay_capacity // 64 // 16):
    shard.train_iteration(0, weights(members))
print(own_peak_bytes())
"""


def run(quick: bool) -> list[Row]:
    """Rows by members, then the slope of a straight line through them."""
    sizes = MEMBERS[:2] if quick else MEMBERS
    bytes_each = [peak_bytes(members) for members in sizes]
    about = {"version": mamo_cli.__version__, "replay": "prioritised", "cores": 1}
    rows = [
        measured("memory", "mamo", "MiB", [peak / 2**20], members=members, **about)
        for members, peak in zip(sizes, bytes_each, strict=True)
    ]
    slope, base = np.polyfit(sizes, bytes_each, 1)
    worst = np.abs(np.polyval((slope, base), sizes) - bytes_each).max()
    note = f"straight line through K = {', '.join(map(str, sizes))}; base {base / 2**20:.0f} MiB, "
    note += f"farthest point {worst / 2**20:.1f} MiB off"
    return [*rows, measured("memory", "mamo", "bytes/member", [float(slope)], note=note, **about)]


def peak_bytes(members: int) -> int:
    """Peak resident memory of a fresh process with so many members, their replays full."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(members)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment(1)},
    )
    return int(done.stdout)


def own_peak_bytes() -> int:
    """Peak resident memory of this process alone.

    Linux carries the peak that `getrusage` tells over from the process that started this one; its status file does not.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
