"""What learning together and messages are worth to three nodes: independent, VDN and QMIX, with messages and without.

    python -m benchmarks.fleet [--jobs N] [--seeds 1000..1015] [--results results] [--out FILE] [--figure FILE]

The scenario `fleet`, in which every variant has the same steps, cycles and networks. All learn centrally, and a node
acts by what it observes itself. Runs are named fleet-VARIANT-sSEEDS, resumed like any other and never run twice. Regret
is cost over the joint causal bound, less 1, with each node's rejection beyond its limit charged for at the limit's
multiplier. Means over seeds with 95 % bootstrap intervals, all of the same seeds; then differences, seed by seed.
"""

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from rich.console import Console
from rich.table import Table

from mamo_cli.analysis.standing import judge_of
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.analysis.summaries import read_evaluation
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seeding import stream
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.scenarios import configuration_of, read_scenario, source_of
from mamo_cli.experiments.session import Place
from mamo_cli.plots import style

LEARNERS = {"independent": "independent", "VDN": "sum", "QMIX": "monotone"}
"""Names, and what of the nodes' values is learnt."""
DRAWN = tuple(learner + told for learner in LEARNERS for told in ("", ", messages"))
VARIANTS = (*DRAWN, *(f"{learner}, messages, own networks" for learner in ("VDN", "QMIX")))
NEAR = 5.0
"""Per cent of regret within which a seed is near the joint optimum."""
PAIRS = tuple(
    (f"{learner}, messages", than)
    for learner in ("VDN", "QMIX")
    for than in ("independent, messages", "independent", learner)
)
"""Whose regrets are set against one another, seed by seed."""
COLUMNS = ("variant", "seed", "cost_over_bound_percent", "regret_percent", "worst_rejection", "replicas", "forwarded")


def settings_of(variant: str) -> dict[str, Any]:
    """What a variant has of its own in the scenario."""
    learner, *more = variant.split(", ")
    network = "apart" if "own networks" in more else "shared"
    return {
        "learner": {"mixer": LEARNERS[learner], "network": network},
        "instance": {"messages": "full" if "messages" in more else "none"},
        "readout": "mix",
    }


def results_of(seeds: str, results: Path, machines: Machines) -> Iterator[tuple[Any, ...]]:
    """Rows of `COLUMNS`."""
    scenario = read_scenario("fleet")
    source, judge = source_of(scenario), None
    for variant in VARIANTS:
        config = configuration_of(scenario, "bisect", source, seeds, settings_of(variant))
        name = f"fleet-{variant.replace(', ', '-').replace(' ', '-')}-s{seeds}"
        run = run_mamo(config, Place(results, name), machines)
        domain = domains.build(config.domain, config.instance, source)
        judge = judge or judge_of(domain)  # messages tell nothing that the bound does not know
        for one in read_evaluation(run.path, domain):
            costs, violations = one.played.paid.mean(0) / domain.spec.cost_scale, one.played.violations[..., 0].mean(0)
            over, regret = costs.mean() / judge.bound - 1.0, judge.regrets(costs, violations)
            replicas, forwarded = one.played.measures[..., :2].mean((0, 1))
            yield variant, one.seed, 100 * over, 100 * float(regret), violations.max(), replicas, forwarded


def by_variant(rows: Sequence[tuple[Any, ...]]) -> dict[str, FloatArray]:
    """Numbers `(S, columns after the seed)` of each variant."""
    return {name: np.array([row[2:] for row in rows if row[0] == name], dtype=np.float64) for name in VARIANTS}


def interval(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """95 % of the mean over seeds `(S, ...)`."""
    low, high = bootstrap_interval(values, mean, rng=stream(0, "benchmarks", "fleet"))
    return low, high


def differences(numbers: Mapping[str, FloatArray]) -> Iterator[tuple[str, str, float, float, float, float]]:
    """Of each of `PAIRS`: who, than whom, points more of regret, its interval; share of seeds with less."""
    for who, than in PAIRS:
        more = numbers[who][:, 1] - numbers[than][:, 1]
        low, high = interval(more)
        yield who, than, float(more.mean()), float(low), float(high), float((more < 0.0).mean())


def drawn(numbers: Mapping[str, FloatArray], tolerance: float) -> Figure:
    """Regret and the worst node's rejection of every seed, with the mean and its interval, a column a variant."""
    figure = Figure(figsize=(style.SINGLE_COLUMN, 4.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for place, name in enumerate(DRAWN):
        told = "messages" in name
        colour, marker = (style.LEARNT, "s") if told else (style.MARK, "D")
        beside = place + 0.12 + 0.3 * np.linspace(0.0, 1.0, len(numbers[name]))
        for axes, own in ((above, numbers[name][:, 1] / 100), (below, numbers[name][:, 2])):
            low, high = interval(own)
            axes.plot(beside, own, "o", ms=2.5, mfc="none", mew=0.6, color=colour)
            axes.errorbar(
                place - 0.1, own.mean(), [[own.mean() - low], [high - own.mean()]],
                fmt=marker, ms=3.5, color=colour, capsize=2,
                label=("with messages" if told else "without") if place < DRAWN.index("VDN") else None,
            )  # fmt: skip
    for axes, level in ((above, NEAR / 100), (below, tolerance)):
        axes.axhline(level, color=style.INK, lw=0.8, ls="--", label=f"{NEAR:g} %; tolerance")
    above.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    above.set_ylim(bottom=0.0)
    above.set_ylabel("Cost over joint bound,\nexcess charged")
    below.set_ylabel("Worst node's rejection\n(share of its requests)")
    centres = np.arange(len(LEARNERS)) * 2 + 0.55
    below.set_xticks(centres, list(LEARNERS))
    below.tick_params(axis="x", length=0)
    for axes in (above, below):
        axes.grid(axis="x", visible=False)
        for edge in centres[:-1] + 1.0:
            axes.axvline(edge, color=style.GREY, lw=0.4)
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=3, columnspacing=1.0)
    return figure


def main() -> None:
    """Run, or read, all of it; print means and intervals, keep every seed's numbers, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000..1015")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("fleet.csv"))
    parser.add_argument("--figure", type=Path, default=Path("docs") / "fleet.png")
    given = parser.parse_args()
    rows = list(results_of(given.seeds, given.results, Machines(given.jobs)))
    with given.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows((COLUMNS, *rows))
    numbers, scenario = by_variant(rows), read_scenario("fleet")
    tolerance = configuration_of(scenario, "bisect", source_of(scenario)).instance.tolerance
    with style.house_style():
        drawn(numbers, tolerance).savefig(given.figure, metadata={"Software": None})
    columns = ("over the joint bound, %", "excess charged, %", "within 5 %", "all limits kept", "worst rejection")
    table = Table("variant", *columns)
    for name, own in numbers.items():
        over, regret, worst = (
            f"{values.mean():.{digits}f} [{{:.{digits}f}}, {{:.{digits}f}}]".format(*interval(values))
            for values, digits in ((own[:, 0], 2), (own[:, 1], 2), (own[:, 2], 4))
        )
        near, kept = (own[:, 1] <= NEAR).sum(), (own[:, 2] <= tolerance).sum()
        table.add_row(name, over, regret, f"{near} of {len(own)}", f"{kept} of {len(own)}", worst)
    paired = Table("learner", "against", "more regret, points", "seeds with less")
    for who, than, more, low, high, share in differences(numbers):
        count = len(numbers[who])
        paired.add_row(who, than, f"{more:.2f} [{low:.2f}, {high:.2f}]", f"{round(share * count)} of {count}")
    Console(width=140).print(table, paired)


if __name__ == "__main__":
    main()
