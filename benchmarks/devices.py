"""Gradient steps per second of thousands of members with the networks on a GPU, beside the processor's cores."""

import torch

from benchmarks.pool import Cell, interleaved
from benchmarks.rows import Row, core_count, measured, ratio

BENCHMARK = "device"
COPIES = 16
EACH = 256  # members of a process where there are several
ALONE = (256, 1024, 4096)
FILLED = 1024  # transitions of each member: filling thousands of replays takes longer than all the rest


def run(quick: bool, repeats: int, seconds: float) -> list[Row]:
    """Rows of one process by the number of its members, then of one process a core.

    Without a GPU one row says so. A GPU's figures hold for that card beside that processor: environments and
    replays stay with the latter.
    """
    if not torch.cuda.is_available():
        return [measured(BENCHMARK, "mamo cuda", "updates/s", [], note="not measured: torch finds no CUDA device")]
    cores = core_count()
    # On the processor a member costs the same in every company.
    alone = {"cpu": (EACH,), "cuda": ALONE[:1] if quick else ALONE}
    sizes = [(device, members, 1) for device in alone for members in alone[device]]
    sizes += [(device, EACH * cores, cores) for device in alone]
    cells = {
        (device, members, processes): Cell("mamo", members, processes, 1, COPIES, device, FILLED)
        for device, members, processes in sizes
    }
    rates, about = interleaved(cells.values(), repeats, seconds)
    rows = {key: _row(cell, rates[cell], about[cell]) for key, cell in cells.items()}
    best = {
        device: max((row for key, row in rows.items() if key[0] == device), key=lambda row: row.median or 0.0)
        for device in ("cpu", "cuda")
    }
    note = f"each at its best: K = {best['cuda'].members} and K = {best['cpu'].members}"
    return [*rows.values(), ratio("mamo cuda / cpu", best["cuda"], best["cpu"], note)]


def _row(cell: Cell, values: list[float], about: dict[str, str]) -> Row:
    note = about.get("unavailable") or f"{cell.device}, {COPIES} copies of the environment"
    version, replay = about.get("version", ""), about.get("replay", "")
    fixed = {"version": version, "replay": replay, "members": cell.members, "cores": cell.cores}
    return measured(BENCHMARK, f"mamo {cell.device}", "updates/s", values, note=note, **fixed)
