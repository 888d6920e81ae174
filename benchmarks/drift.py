"""Where a learning loop earns its place: continual runs on the reference node whose conditions change on the third day.

    python -m benchmarks.drift [--jobs N] [--seeds 1000..1015] [--results results]

Runs are named drift-CHANGE-WHO, resumed like any other and never run twice. What is printed is of the days from
the change on (without one, from the same day on): IQM over seeds of cost and rejection, the share of days within the
limit, and the median steps until a day's mean was within it again.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mamo_cli.analysis.statistics import interquartile_mean
from mamo_cli.analysis.walk import BOUND
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.strategies import registry as strategies

DAY, DAYS, CHANGE = 288, 8, 2
ROOMY = {"max_replicas": 15}  # at a cap of 10 half as much load again cannot be kept within .05
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "load": {"drift": {"load": [[CHANGE, 1.5]]}, "instance": ROOMY},
    "service": {"drift": {"service": [[CHANGE, 1.4]]}, "instance": ROOMY},
    "cap": {"drift": {"cap": [[CHANGE, 8]]}},  # at 7 the least rejection is .062
    "tolerance": {"drift": {"tolerance": [[CHANGE, 0.02]]}},
}
WALKERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # Steps that do not shrink can follow a change at any time: by 20 or 60 times the excess of a day.
    "dual60": ("dual", {"adaptation": {"decay": 0.0, "step": 60.0}}),
    "dual20": ("dual", {"adaptation": {"decay": 0.0, "step": 20.0}}),
    # Told of the change, as by an operator, whereupon it begins anew.
    "bisect": ("bisect", {"walk": {"restart": True}}),
}


def ran(change: str, walker: str, seeds: str, results: Path, jobs: int | None) -> Path:
    """The folder of one run, which is made if it is not there."""
    walk = {"window": DAY, "periods": DAYS}
    strategy, own = WALKERS[walker]
    layers = [CHANGES[change], own, {"continual": True, "walk": walk, "seeds": seeds}]
    config = configured(MamoConfig, strategies.preset(strategy, "quick"), {"strategy": strategy}, *layers)
    return run_mamo(config, Place(results, f"drift-{change}-{walker}"), Machines(jobs)).path


def rows_of(folder: Path, walker: str) -> list[tuple[str, float, float, float, float]]:
    """Who, cost, rejection, share of days within the limit, and steps to recover, from the change on."""
    walked, beside = (pd.read_csv(folder / f"{name}.csv") for name in ("continual", "references"))
    walked = walked.assign(player=walked["player"].replace({"learning": walker, "frozen": f"frozen ({walker}'s)"}))
    beside = beside.assign(player=beside["reference"], seed=0)
    table = pd.concat([walked, beside])
    table = table[table["window"] >= CHANGE]
    rows = []
    for player, own in table.groupby("player", sort=False):
        means = own.groupby("seed")[["cost", "rejection"]].mean()
        cost, rejection = (float(interquartile_mean(means[name])) for name in means)
        held = own["rejection"] <= own["limit"] + 1e-9
        first = own["steps"].where(held).groupby(own["seed"]).min().fillna(float("inf")) - CHANGE * DAY
        rows.append((str(player), cost, rejection, float(held.mean()), float(first.median())))
    return rows


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--seeds", default="1000..1015")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--who", nargs="+", default=["dual60", "bisect"], choices=list(WALKERS))
    parser.add_argument("--changes", nargs="+", default=list(CHANGES), choices=list(CHANGES))
    given = parser.parse_args()
    print("| change | who | cost over the bound | rejection | days within the limit | steps to recover |")
    print("|---|---|---|---|---|---|")
    for change in given.changes:
        told: dict[str, tuple[str, float, float, float, float]] = {}
        for walker in given.who:
            rows = rows_of(ran(change, walker, given.seeds, given.results, given.jobs), walker)
            told |= {row[0]: row for row in rows}
        bound = told.pop(BOUND)[1]
        for who, cost, rejection, held, steps in told.values():
            recovered = "" if change == "none" else "never" if steps == float("inf") else f"{steps:g}"
            over = f"{100 * (cost / bound - 1):+.1f} %"
            print(f"| {change} | {who} | {over} | {rejection:.4f} | {100 * held:.0f} % | {recovered} |", flush=True)


if __name__ == "__main__":
    main()
