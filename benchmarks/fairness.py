"""The price of fairness: how many more requests a fleet loses in all where what it loses is shared more fairly.

    python -m benchmarks.fairness [--jobs N] [--seeds 1000..1007] [--results results] [--out FILE] [--figure FILE]

Three nodes on a ring whose loads, service times and caps differ, and half of the most that they could cost for all.
Exact are mixtures of joint plays, by who sees what nodes see, along the curves of alpha-fair, whose agents count by
their loads, from utilitarian on, and of ggf, from 1 to nothing for who is not worst; learnt are runs of `--strategy
fair` at four of the points, named fairness-POINT-sSEEDS, resumed like any other and never run twice. All is of the
evaluation part, in expectation over the noise where it is exact; lost requests are in multiples of those of the exact
utilitarian plan. Of seeds means, with 95 % bootstrap intervals.
"""

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from rich.console import Console
from rich.table import Table

from mamo_cli.analysis.fair import fairest_mixture
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.fairness import jain
from mamo_cli.core.seam import Domain
from mamo_cli.core.seeding import stream
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.plots.style import EXACT, INK, LEARNT, MARK, SINGLE_COLUMN, house_style
from mamo_cli.strategies.fair import FairSettings
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.joined import joined
from mamo_cli.workload.trace_csv import write_trace

NODES = ("fast", "middle", "slow")
LOADS_RPS, SERVICE_S, CAPS = (40.0, 15.0, 6.0), (0.065, 0.2, 0.5), (8, 8, 6)
STEPS = 96
BUDGET = 0.5
AVERSIONS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
DISCOUNTS = (1.0, 0.9, 0.8, 0.75, 0.7, 0.6, 0.5, 0.25)
CYCLES = 24
LEARNER: Mapping[str, Any] = {"network": "shared", "mixer": "sum"}
ENDS = {"utilitarian": 0.125, "max-min": 32.0}
"""Where 0 and infinity are among the alphas."""
CURVES = {"alpha-fair": "Alpha of alpha-fair", "ggf": "Weight of the next worse node (ggf)"}
QUANTITIES = {"price": "Lost requests\n(of utilitarian's)", "worst": "Worst node's rejection\n(share of requests)"}
WHO = ("exact", "learnt")
COLUMNS = ("who", "fairness", "parameter", "seed", "cost", "price", *NODES, "worst", "jain")


class Point(NamedTuple):
    """One of what may be fair."""

    fairness: str
    parameter: float | None = None

    def settings(self) -> dict[str, Any]:
        """Of the strategy."""
        own: dict[str, Any] = {"fairness": self.fairness, "budget": BUDGET}
        if self.fairness in ("utilitarian", "alpha-fair"):
            own["loads"] = LOADS_RPS
        if self.parameter is not None:
            own["aversion" if self.fairness == "alpha-fair" else "rank_discount"] = self.parameter
        return own


UTILITARIAN, MAX_MIN = Point("utilitarian"), Point("max-min")
EXACT_POINTS = (
    UTILITARIAN,
    *(Point("alpha-fair", a) for a in AVERSIONS),
    *(Point("ggf", discount) for discount in DISCOUNTS),
    MAX_MIN,
)
LEARNT_POINTS = (UTILITARIAN, Point("alpha-fair", 4.0), Point("ggf", 0.75), MAX_MIN)


def instance(trace: Path) -> dict[str, Any]:
    """The fleet under a trace's loads, a file that is written where there is none."""
    if not trace.exists():
        waves = {
            name: sinusoidal(load, 0.6 * load, STEPS, STEPS, phase=-STEPS * m / len(NODES), function=name)
            for m, (name, load) in enumerate(zip(NODES, LOADS_RPS, strict=True))
        }
        trace.parent.mkdir(parents=True, exist_ok=True)
        write_trace(joined(waves, {}), trace)
    own = {
        name: {"warm_service_time": service, "max_replicas": cap}
        for name, service, cap in zip(NODES, SERVICE_S, CAPS, strict=True)
    }
    settings = {"trace": str(trace), "topology": "ring", "rejection_model": "erlang", "noise": 0.2}
    return {"domain": "fleet", "instance": settings, "node": own}


def row(who: str, point: Point, seed: int | None, cost: float, violations: FloatArray) -> tuple[Any, ...]:
    """A row of `COLUMNS`, whose price is the requests lost, requests/s."""
    lost = float(np.dot(LOADS_RPS, violations))
    return who, *point, seed, cost, lost, *violations, violations.max(), float(jain(1.0 - violations))


def exact_rows(domain: Domain) -> Iterator[tuple[Any, ...]]:
    """One a point."""
    for point in EXACT_POINTS:
        brought = fairest_mixture(domain, FairSettings(**point.settings()).means(len(NODES)), BUDGET).brought
        yield row("exact", point, None, float(brought[0]), brought[1:])


def learnt_rows(fleet: Mapping[str, Any], seeds: str, results: Path, machines: Machines) -> Iterator[tuple[Any, ...]]:
    """One a point and seed."""
    for point in LEARNT_POINTS:
        own = {
            "strategy": "fair",
            "seeds": seeds,
            "readout": "mix",
            "learner": LEARNER,
            "adaptation": {**point.settings(), "cycles": CYCLES},
        }
        name = f"fairness-{point.fairness}-s{seeds}"
        run = run_mamo(configured(MamoConfig, fleet, own), Place(results, name), machines)
        agents = pd.read_csv(run.path / "agents.csv")
        for seed, each in agents.groupby("seed"):
            violations = each.set_index("node").loc[list(NODES), "mean_rejection"].to_numpy()
            yield row("learnt", point, int(str(seed)), float(each["mean_cost"].mean()), violations)


def priced(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """All rows, the price in multiples of the requests that the exact utilitarian plan loses."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["price"] /= table.loc[(table["who"] == "exact") & (table["fairness"] == "utilitarian"), "price"].item()
    return table.astype({"seed": "Int64"})


def over_seeds(own: pd.DataFrame, column: str) -> tuple[float, float, float]:
    """Mean over the seeds, and its interval."""
    values = own[column].to_numpy(dtype=float)
    if len(values) == 1:
        return float(values[0]), float(values[0]), float(values[0])
    low, high = bootstrap_interval(values, mean, rng=stream(0, "benchmarks", "fairness"))
    return float(values.mean()), float(low), float(high)


def drawn(table: pd.DataFrame, path: Path) -> None:
    """The price, and what the worst node rejects, against either parameter; utilitarian and max-min at the ends."""
    with house_style():
        figure, grid = plt.subplots(2, 2, figsize=(SINGLE_COLUMN * 1.5, 3.6), sharex="col", sharey="row")
        for column, (fairness, label) in enumerate(CURVES.items()):
            for axes, (quantity, ylabel) in zip(grid[:, column], QUANTITIES.items(), strict=True):
                _panel(axes, table, fairness, quantity)
                axes.set_ylabel(ylabel if column == 0 else "")
            grid[1, column].set_xlabel(label)
        grid[0, 0].legend(loc="upper left")
        figure.tight_layout()
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)


def _panel(axes: Axes, table: pd.DataFrame, fairness: str, quantity: str) -> None:
    """One quantity against one parameter: the exact curve, what was learnt on it, and the ends of the scale."""
    for name, colour, line in (("utilitarian", INK, ":"), ("max-min", MARK, "--")):
        level = table.loc[(table["who"] == "exact") & (table["fairness"] == name), quantity].item()
        axes.axhline(level, color=colour, ls=line, lw=0.9, label=name)
    place = table["parameter"].where(table["fairness"] == fairness)
    if fairness == "alpha-fair":
        place = place.fillna(table["fairness"].map(ENDS))
        axes.set_xscale("log", base=2)
        axes.set_xticks([*AVERSIONS, *ENDS.values()], [*(f"{a:g}" for a in AVERSIONS), "0", "∞"])
    curve, learnt = (table.assign(place=place)[table["who"] == who].dropna(subset=["place"]) for who in WHO)
    curve = curve.sort_values("place")
    axes.plot(curve["place"], curve[quantity], color=EXACT, marker=".", label="exact")
    told = np.array([[at, *over_seeds(own, quantity)] for at, own in learnt.groupby("place")])
    away = np.abs(told[:, 2:] - told[:, 1:2]).T
    style = {"color": LEARNT, "marker": "o", "ms": 3.5, "lw": 0, "elinewidth": 1.2, "capsize": 2}
    axes.errorbar(told[:, 0], told[:, 1], away, label="learnt", **style)


def shown(table: pd.DataFrame) -> Table:
    """A line a point, of seeds the means and their intervals."""
    lines = Table("who", "fairness", "parameter", "cost", "lost, of utilitarian's", *NODES, "worst", "Jain's index")
    for (who, fairness, parameter), own in table.groupby(["who", "fairness", "parameter"], sort=False, dropna=False):
        cells = []
        for name in COLUMNS[4:]:
            middle, low, high = over_seeds(own, name)
            cells.append(f"{middle:.3f}" if len(own) == 1 else f"{middle:.3f} [{low:.3f}, {high:.3f}]")
        lines.add_row(str(who), str(fairness), "" if np.isnan(parameter) else f"{parameter:g}", *cells)
    return lines


def main() -> None:
    """Run, or read, all of it; print and draw means and intervals, and keep every seed's numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000..1007")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("fairness.csv"))
    parser.add_argument("--figure", type=Path, default=Path(__file__).parents[1] / "docs" / "fairness.png")
    given = parser.parse_args()
    fleet = instance(given.results / "fairness.trace.csv")
    config = configured(MamoConfig, fleet)
    domain = domains.build("fleet", config.instance, domains.load_source("fleet", config.instance))
    rows = [*exact_rows(domain), *learnt_rows(fleet, given.seeds, given.results, Machines(given.jobs))]
    table = priced(rows)
    with given.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows((COLUMNS, *table.astype(object).where(table.notna(), None).itertuples(index=False)))
    drawn(table, given.figure)
    Console(width=160).print(shown(table))


if __name__ == "__main__":
    main()
