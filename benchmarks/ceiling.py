"""What one core multiplies, and how many updates that would be if an update were nothing but large products."""

import torch

from benchmarks.problem import FLOP_PER_UPDATE
from benchmarks.rows import Row, measured
from benchmarks.timing import seconds_each

SIZE = 1024


def run(repeats: int) -> list[Row]:
    """The ceiling in GFLOP/s and in updates per second and core."""
    torch.set_num_threads(1)
    left, right = torch.rand(2, SIZE, SIZE)
    rates = [2.0 * SIZE**3 / each for each in seconds_each(lambda: left @ right, 3 * repeats)]
    about = {"version": f"torch {torch.__version__}", "cores": 1}
    note = f"single precision, {SIZE} x {SIZE}"
    return [
        measured("ceiling", "matrix product", "GFLOP/s", [rate / 1e9 for rate in rates], note=note, **about),
        measured(
            "ceiling",
            "matrix product",
            "updates/s",
            [rate / FLOP_PER_UPDATE for rate in rates],
            note=f"at {FLOP_PER_UPDATE / 1e6:.2f} MFLOP an update",
            **about,
        ),
    ]
