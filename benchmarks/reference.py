"""`python -m benchmarks.reference`: the learner against results of the field, a table of it, and a CSV."""

import csv
import time
from pathlib import Path
from statistics import mean, median
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.reference_cliffwalk import speed_up
from benchmarks.reference_control import ACROBOT, CARTPOLE, EPISODES, Case, mean_returns, train
from mamo_cli.runs.engine import limit_threads

RESULTS = Path(__file__).with_name("reference.csv")
STATES = 10  # of the Blind Cliffwalk


class Result(NamedTuple):
    """One number of one seed."""

    problem: str
    measure: str
    seed: int
    value: float


def main(
    first_seed: Annotated[int, typer.Option(min=0, help="Of 16; the settings were chosen on 100 to 131.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the CSV goes.")] = RESULTS,
) -> None:
    """Learn CartPole, Acrobot and the Blind Cliffwalk with 16 seeds, and say how many reach the goals."""
    limit_threads()
    seeds, results = range(first_seed, first_seed + 16), []
    table = Table("problem", "measure", "goal", "reached", "median", "mean", "least", "steps", "s")
    for case in (CARTPOLE, ACROBOT):
        results += control(case, seeds, table)
    results += cliffwalk(seeds, table)
    save(out, results)
    Console(width=None if Console().is_terminal else 140).print(table)


def control(case: Case, seeds: range, table: Table) -> list[Result]:
    """Every seed's mean return, and their line in the table."""
    start = time.perf_counter()
    values = mean_returns(case, train(case, seeds), len(seeds)).tolist()
    name, measure = case.environment.environment, f"mean of {EPISODES} episodes"
    table.add_row(
        name,
        measure,
        f"{case.goal:g}",
        f"{sum(value >= case.goal for value in values)} of {len(values)}",
        *(f"{number:.1f}" for number in (median(values), mean(values), min(values))),
        f"{case.steps:,}",
        f"{time.perf_counter() - start:.0f}",
    )
    return [Result(name, measure, seed, value) for seed, value in zip(seeds, values, strict=True)]


def cliffwalk(seeds: range, table: Table) -> list[Result]:
    """Every seed's updates by either replay, and their line in the table."""
    start = time.perf_counter()
    uniform, proportional, times = speed_up(STATES, seeds)
    name = f"Blind Cliffwalk, n = {STATES}"
    table.add_row(
        name,
        "updates, uniform / proportional",
        "5 to 15",
        f"{times:.1f}",
        f"{median(uniform):,.0f} / {median(proportional):,.0f}",
        "",
        "",
        "",
        f"{time.perf_counter() - start:.0f}",
    )
    kinds = {"updates, uniform": uniform, "updates, proportional": proportional}
    return [
        Result(name, measure, seed, value)
        for measure, values in kinds.items()
        for seed, value in zip(seeds, values, strict=True)
    ]


def save(path: Path, results: list[Result]) -> None:
    """Write all results as CSV; numbers round-trip exactly."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Result._fields)
        writer.writerows(results)


if __name__ == "__main__":
    typer.run(main)
