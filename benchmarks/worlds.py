"""The gap to a world that is not the one trained in: service times that the training had wrong, on a simulated node.

    python -m benchmarks.worlds [--jobs N] [--seeds 1000..1015] [--results results] [--out benchmarks/worlds.csv]

All trainings have 12,800 environment steps and 2,400 gradient steps at alpha .8. Judged is greedy play, request by
request, on nodes whose service times are the configured ones times a factor. Runs are named worlds-WHO-sSEEDS-FACTOR,
resumed like any other and never run twice. Means over seeds, with 95 % bootstrap intervals, all of the same seeds; then
the differences in regret between two trainings, seed by seed.
"""

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.core.seeding import stream
from mamo_cli.experiments.configs import EvaluateConfig, TrainConfig, configured
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.train import train

ALPHA, WARM_S, COLD_S = 0.8, 0.065, 0.25
FACTORS = (0.8, 1.0, 1.3)
RANGE = (0.7, 1.4)
RULE = {"rule": "kubernetes-hpa", "epsilon": 0.2}
WORLD: Mapping[str, Mapping[str, Any]] = {
    "nominal": {},
    "randomised": {"randomise": {"service": RANGE}},
}
"""Trained by the model, in the configured world or in sixteen about it."""
ON_THE_NODE: Mapping[str, Mapping[str, Any]] = {
    "log alone": {
        "pretrain": {**RULE, "steps": 799, "updates": 2397},
        "phase": {"iterations": 1, "iteration_steps": 1},
    },
    "log, then tuned": {"pretrain": {**RULE, "steps": 400, "updates": 1200}, "phase": {"iterations": 20}},
    "on the node": {},
}
"""Trained on the node judged, request by request: by a rule's log there, by that and then itself, or itself alone."""
PAIRS = (("randomised", "nominal"), ("log alone", "randomised"), ("log, then tuned", "on the node"))
"""Whose regrets are set against one another, seed by seed."""
COLUMNS = ("trained", "factor", "seed", "regret_percent", "rejection", "replicas")


def node(factor: float) -> dict[str, Any]:
    """The settings of a simulated node."""
    times = {"warm_service_time": WARM_S * factor, "cold_service_time": COLD_S * factor}
    return {"rejection_model": "simulation", **times}


def results_of(seeds: str, results: Path, machines: Machines) -> Iterator[tuple[Any, ...]]:
    """Rows of `COLUMNS`."""
    base = {"alpha": [ALPHA], "seeds": seeds}
    for who, own in WORLD.items():
        run = train(configured(TrainConfig, base, own), Place(results, f"worlds-{who}-s{seeds}"), machines)
        yield from rows_of(f"{who}, judged by the model", 1.0, run.summary)
        for factor in FACTORS:
            config = EvaluateConfig(run=run.path.name, **node(factor))
            judged = evaluate(run.path, config, Place(results, f"worlds-{who}-s{seeds}-{factor:g}"))
            yield from rows_of(who, factor, judged.summary)
    for who, own in ON_THE_NODE.items():
        for factor in FACTORS:
            config = configured(TrainConfig, base, own, {"instance": node(factor)})
            place = Place(results, f"worlds-{who.replace(', ', '-').replace(' ', '-')}-s{seeds}-{factor:g}")
            yield from rows_of(who, factor, train(config, place, machines).summary)


def rows_of(who: str, factor: float, members: Any) -> Iterator[tuple[Any, ...]]:
    """A row a seed."""
    for one in members:
        yield who, factor, one["seed"], 100 * one["regret"], one["mean_rejection"], one["mean_replicas"]


def differences(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, str, float, float, float, float, float]]:
    """Of each of `PAIRS`: who, than whom, factor; points more of regret, its interval; share of seeds with more."""
    regrets: dict[tuple[str, float], dict[int, float]] = {}
    for who, factor, seed, regret, *_ in rows:
        regrets.setdefault((who, factor), {})[seed] = regret
    for (who, than), factor in product(PAIRS, FACTORS):
        others = regrets[than, factor]
        more = np.array([regret - others[seed] for seed, regret in regrets[who, factor].items()])
        low, high = bootstrap_interval(more, mean, rng=stream(0, "benchmarks", "worlds"))
        yield who, than, factor, float(more.mean()), float(low), float(high), float((more > 0.0).mean())


def main() -> None:
    """Run, or read, all of it; print means and intervals, and keep every seed's numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000..1015")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("worlds.csv"))
    given = parser.parse_args()
    rows = list(results_of(given.seeds, given.results, Machines(given.jobs)))
    with given.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows((COLUMNS, *rows))
    table = Table("trained", "service times", "regret, %", "rejection", "replicas")
    for who, factor in dict.fromkeys(row[:2] for row in rows):
        own = np.array([row[3:] for row in rows if row[:2] == (who, factor)])
        low, high = bootstrap_interval(own, mean, rng=stream(0, "benchmarks", "worlds"))
        told = zip(own.mean(0), low, high, (2, 4, 2), strict=True)
        table.add_row(who, f"x {factor:g}", *(f"{m:.{d}f} [{a:.{d}f}, {b:.{d}f}]" for m, a, b, d in told))
    paired = Table("trained", "against", "service times", "more regret, points", "seeds with more")
    for who, than, factor, more, low, high, share in differences(rows):
        paired.add_row(who, than, f"x {factor:g}", f"{more:.2f} [{low:.2f}, {high:.2f}]", f"{share:.0%}")
    Console(width=120).print(table, paired)


if __name__ == "__main__":
    main()
