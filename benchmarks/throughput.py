"""Gradient steps per second over all members: ours and its peers, on one core and on two."""

from collections.abc import Callable

from benchmarks.pool import Cell, interleaved
from benchmarks.rows import Row, core_count, measured, ratio

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
COPIES = (1, 16)
PYTHON_PEERS = ("sb3", "sbx", "rllib")


def groups(quick: bool) -> list[list[Cell]]:
    """Cells that are held ready together and timed in turns; ours stand in every group.

    On two cores an engine runs as two processes of one thread each; a peer whose library has threads of its own is also
    tried as one process of two.
    """
    if quick:
        return [[Cell("mamo", 1), Cell("mamo", 8), Cell("jax loop", 8), *(Cell(peer, 1) for peer in PYTHON_PEERS)]]
    one_core = [Cell("mamo", members, copies=copies) for copies in COPIES for members in OURS]
    one_core += [Cell("jax loop", members) for members in JAX]
    one_core += [Cell("jax loop", 8, copies=max(COPIES))]
    one_core += [Cell(peer, 1, copies=copies) for peer in ("sb3", "sbx") for copies in COPIES]
    two_cores = [Cell("mamo", members, processes=2) for members in OURS if members > 1]
    two_cores += [Cell("mamo", members, processes=2, copies=max(COPIES)) for members in (8, 32, 64, 128, 256)]
    two_cores += [Cell("jax loop", 2 * members, processes=2) for members in JAX]
    two_cores += [Cell("jax loop", 16, processes=2, copies=max(COPIES))]
    two_cores += [Cell("jax loop", members, threads=2) for members in JAX]
    return [
        one_core,
        *([two_cores, beside(("sb3", "sbx"))] if core_count() > 1 else []),
        beside(("rllib",), one_core=True),
    ]


def beside(peers: tuple[str, ...], one_core: bool = False) -> list[Cell]:
    """Peers of one member a process, beside two cells of ours."""
    cells = [Cell("mamo", 32, copies=max(COPIES))] if one_core else []
    cells += [Cell(peer, 1, copies=copies) for peer in peers for copies in COPIES if one_core]
    if core_count() > 1:
        cells += [Cell("mamo", 64, processes=2, copies=max(COPIES))]
        cells += [Cell(peer, 2, processes=2, copies=copies) for peer in peers for copies in COPIES]
        cells += [Cell(peer, 1, threads=2) for peer in peers]
    return cells


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
    if ours is not None and theirs is not None:
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
