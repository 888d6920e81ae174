"""`python -m benchmarks`: everything in one run, a table of it, and a CSV."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.rows import Row, core_count, machine, model_name, save, show

RESULTS = Path(__file__).parent / "results.csv"
PARTS = (
    "updates",
    "ceiling",
    "stages",
    "lookup",
    "environment",
    "simulation",
    "offline",
    "startup",
    "memory",
    "growth",
    "device",
    "import",
    "mixers",
    "games",
    "warm",
    "scale",
    "serving",
)


def main(
    quick: Annotated[bool, typer.Option("--quick", help="A smoke run of few cells, within a minute.")] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Turns of every measurement; medians are over these.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of a turn, s.")] = 1.2,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Part to run; repeat for several: {', '.join(PARTS)}.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the CSV goes.")] = RESULTS,
) -> None:
    """Measure ours and its peers on the same problem, in turns, and print the ratios."""
    console = Console(width=200 if not Console().is_terminal else None)
    parts = only or list(PARTS)
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise typer.BadParameter(f"no such part: {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    if quick:
        repeats, seconds = 1, min(seconds, 0.5)
    rows = [machine()]
    for part in parts:
        console.print(f"[dim]{part} ...[/dim]")
        rows += run(part, quick, repeats, seconds, console)
        save(out, rows)
    for part in PARTS:
        chosen = [row for row in rows if row.benchmark == part]
        if chosen:
            show(console, part, chosen)
    show(console, "ratio", [row for row in rows if row.benchmark == "ratio"])
    console.print(f"{model_name()}, {core_count()} cores; {repeats} repeats of {seconds:g} s; written to {out}")


def run(part: str, quick: bool, repeats: int, seconds: float, console: Console) -> list[Row]:
    """The rows of one part; what it needs is imported only then."""
    from benchmarks import (
        ceiling,
        devices,
        environments,
        games,
        growth,
        imports,
        lookups,
        memory,
        mixers,
        offline,
        requests,
        scale,
        serving_decision,
        serving_sockets,
        stages,
        startup,
        throughput,
        warm,
    )

    parts = {
        "updates": lambda: throughput.run(quick, repeats, seconds, lambda text: console.print(f"[dim]  {text}[/dim]")),
        "ceiling": lambda: ceiling.run(repeats),
        "stages": lambda: stages.run(repeats),
        "lookup": lambda: lookups.run(repeats),
        "environment": lambda: environments.run(repeats),
        "simulation": lambda: requests.run(repeats),
        "offline": lambda: offline.run(quick, repeats),
        "startup": lambda: startup.run(quick),
        "memory": lambda: memory.run(quick),
        "growth": lambda: growth.run(quick, repeats),
        "import": lambda: imports.run(quick, repeats),
        "device": lambda: devices.run(quick, repeats, seconds),
        "mixers": lambda: mixers.run(quick, repeats),
        "games": lambda: games.run(quick),
        "warm": lambda: warm.run(quick),
        "scale": lambda: scale.run(quick, repeats),
        "serving": lambda: [*serving_decision.run(quick, repeats), *serving_sockets.run(quick, repeats)],
    }
    return parts[part]()


if __name__ == "__main__":
    typer.run(main)
