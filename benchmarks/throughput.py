"""Gradient steps per second over all members: ours and its peers, on one core and on two."""

from collections.abc import Callable

from benchmarks.pool import Cell, interleaved
from benchmarks.rows import Row, measured, ratio

BENCHMARK = "updates"
PEERS = {
    "sb3": "Stable-Baselines3 DQN",
    "sbx": "SBX DQN",
    "rllib": "RLlib DQN",
    "jax loop": "compiled JAX loop",
}
NAMES = {"mamo": "mamo", **PEERS}
OURS = (1, 8, 32, 128, 256)
JAX = (1, 8, 16, 32)


def groups(quick: bool) -> list[list[Cell]]:
    """Cells that are held ready together and timed in turns; ours stand in every group.

    On two cores a peer without threads of its own use runs as two processes; whoever may use threads is also tried as
    one process of two.
    """
    ours, jax, copies = ((1, 8), (8,), (1,)) if quick else (OURS, JAX, (1, 16))
    anchor = Cell("mamo", 8 if quick else 32, copies=copies[-1])
    both = Cell("mamo", 8 if quick else 64, processes=2, copies=copies[-1])
    one_core = [Cell("mamo", members, copies=c) for c in copies for members in ours]
    one_core += [Cell("jax loop", members, copies=1) for members in jax]
    one_core += [Cell(peer, 1, copies=c) for peer in ("sb3", "sbx") for c in copies]
    two_cores = [Cell("mamo", members, processes=2, copies=c) for c in copies for members in (*ours, 64) if members > 1]
    two_cores += [Cell("jax loop", 2 * members, processes=2) for members in jax]
    two_cores += [] if quick else [Cell("jax loop", members, threads=2) for members in jax]
    in_python = [both]
    in_python += [Cell(peer, 2, processes=2, copies=c) for peer in ("sb3", "sbx") for c in copies]
    in_python += [] if quick else [Cell(peer, 1, threads=2) for peer in ("sb3", "sbx")]
    slow = [anchor, *(Cell("rllib", 1, copies=c) for c in copies)]
    slow += [] if quick else [both, Cell("rllib", 1, threads=2)]
    slow += [] if quick else [Cell("rllib", 2, processes=2, copies=c) for c in copies]
    return [one_core, slow] if quick else [one_core, two_cores, in_python, slow]


def run(quick: bool, repeats: int, seconds: float, say: Callable[[str], None]) -> list[Row]:
    """All rows of updates, then the ratios."""
    rates: dict[Cell, list[float]] = {}
    about: dict[Cell, dict[str, str]] = {}
    for group in groups(quick):
        say(f"updates: {len(group)} cells of {', '.join(dict.fromkeys(cell.engine for cell in group))}")
        new_rates, new_about = interleaved(group, repeats, seconds)
        about.update(new_about)
        for cell, values in new_rates.items():
            rates[cell] = rates.get(cell, []) + values
    rows = {cell: row_of(cell, rates[cell], about[cell]) for cell in rates}
    return [*rows.values(), *ratios(rows)]


def row_of(cell: Cell, values: list[float], about: dict[str, str]) -> Row:
    """A cell's measurements as a row."""
    if "unavailable" in about:
        note = f"peer unavailable: {about['unavailable']}"
    else:
        processes = f"{cell.processes} processes" if cell.processes > 1 else f"1 process, {cell.threads} threads"
        note = f"{cell.copies} copies of the environment" if cell.copies > 1 else ""
        note = ", ".join(part for part in (processes if cell.cores > 1 else "", note) if part)
    return measured(
        BENCHMARK,
        NAMES[cell.engine],
        "updates/s",
        values,
        version=about.get("version", ""),
        replay=about.get("replay", ""),
        members=cell.members,
        cores=cell.cores,
        note=note,
    )


def ratios(rows: dict[Cell, Row]) -> list[Row]:
    """Ours at its best over each peer at its best, K = 1 over SB3, and what a member costs in a large population."""
    out = []
    for cores in sorted({cell.cores for cell in rows}):
        ours = best(rows, "mamo", cores)
        for peer, name in PEERS.items():
            theirs = best(rows, peer, cores)
            if theirs is not None:
                out.append(ratio(f"mamo / {name}", ours, theirs, f"each at its best, {settings(ours, theirs)}"))
    ours, theirs = (best(rows, engine, 1, members=1) for engine in ("mamo", "sb3"))
    out.append(ratio(f"mamo / {PEERS['sb3']}", ours, theirs, "one member each"))
    for cores in sorted({cell.cores for cell in rows}):
        largest = best(rows, "mamo", cores, members=max(OURS))
        if largest is not None:
            most = best(rows, "mamo", cores)
            note = "cost of a member at K = 256 over the least (1 is no loss)"
            out.append(ratio("mamo K = best / K = 256", most, largest, note))
    return out


def best(rows: dict[Cell, Row], engine: str, cores: int, members: int | None = None) -> Row | None:
    """An engine's fastest row on so many cores, or a row that says why there is none; None where it was not tried."""
    tried = [
        row
        for cell, row in rows.items()
        if cell.engine == engine and cell.cores == cores and members in (None, cell.members)
    ]
    return max(tried, key=lambda row: row.median or 0.0, default=None)


def settings(ours: Row | None, theirs: Row) -> str:
    """The settings at which both are at their best."""
    both = []
    for who, row in (("ours", ours), ("theirs", theirs)):
        if row is not None:
            both.append(f"{who}: K = {row.members}" + (f", {row.note}" if row.note else ""))
    return "; ".join(both)
