"""What nodes bring about that weigh their own objectives, the team's, or something between: exact, and learnt.

    python -m benchmarks.motives [--jobs N] [--seeds 1000..1007] [--results results] [--out FILE] [--figure FILE]

The nodes of the scenario `fleet`, at alpha .8, which is near what the joint bound's multiplier says. Exact: of every
period all pure equilibria (`domains/faas/fleet/game.py`), the best and the worst. Learnt: independent learners with a
network of their own each, told all rates by messages, under `[learner] sharing`; 64,000 periods and 12,000 gradient
steps. All are weighed alike, by the mean over nodes of what their objectives weigh to themselves, over the joint
optimum of the same periods. Runs are named motives-SHARING-sSEEDS, resumed like any other and never run twice.

Then, at equal limits: every node moves the multiplier of its own limit by its own excess (dual ascent, for `ROUNDS`
rounds, of which the last `AVERAGED` are mixed), all answer one another's choices in turn until nobody gains, and the
cost is held against the joint causal bound, what is beyond a limit charged for at the joint multiplier.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from mamo_cli.analysis.standing import judge_of
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.analysis.summaries import read_evaluation
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.core.seeding import stream
from mamo_cli.core.weights import weights_of
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.fleet.domain import FleetDomain
from mamo_cli.domains.faas.fleet.game import Game
from mamo_cli.experiments.configs import TrainConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.scenarios import configuration_of, read_scenario, source_of
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.train import train
from mamo_cli.plots import style

ALPHA = 0.8
SHARING = (0.0, 0.25, 0.5, 0.75, 1.0)
LEARNER = {"network": "apart", "discount": 0.0, "priority_exponent": 0.0}
ITERATIONS = 200
ROUNDS, AVERAGED, STEP = 100, 60, 60.0
"""Of dual ascent: the multiplier of a limit moves by `STEP` times the excess over the root of the round."""
MOST_SHOWN = 25.0
"""Per cent of a node's requests to another, of the figure's darkest."""
OPTIMUM, BEST, WORST, LEARNT, WITHIN = "joint optimum", "best equilibrium", "worst equilibrium", "learnt", "at limits"


class Row(NamedTuple):
    """What nodes bring about; `over_percent` is of the weighted objectives, at limits of the cost, see the module."""

    what: str
    sharing: float
    seed: int | str  # of the learnt
    over_percent: float
    cost: float  # normalised
    rejection: float  # mean over nodes
    worst_rejection: float
    without: int  # periods in which there is none, or nobody settled
    flows: tuple[float, ...]  # share of the first node's requests that it forwards to the first, second, ...; and so on


def fleet_config(seeds: str, sharing: float) -> TrainConfig:
    """A training of the scenario's nodes."""
    scenario = read_scenario("fleet")
    whole = configuration_of(scenario, "bisect", source_of(scenario))
    return configured(
        TrainConfig,
        {
            "domain": whole.domain,
            "instance": whole.instance.model_dump(exclude_defaults=True),
            "alpha": [ALPHA],
            "seeds": seeds,
            "learner": {**LEARNER, "sharing": sharing},
            "phase": {"iterations": ITERATIONS},
        },
    )


class Fleet:
    """The evaluation's game, what is best for all together, and what costs are held against."""

    def __init__(self, domain: FleetDomain) -> None:
        self.domain, self.outlook = domain, domain.outlook(Part.EVALUATION, Knowledge.CAUSAL)
        self.judge, self.weights = judge_of(domain), weights_of(np.full(len(domain.spec.agents), ALPHA))
        self.plan = self.outlook.best(self.weights)
        self.least = self.game(1.0).weighed(self.plan).mean(1)

    def game(self, sharing: float, alphas: FloatArray | None = None) -> Game:
        return Game(self.outlook, self.weights if alphas is None else weights_of(alphas), sharing)

    def row(self, what: str, sharing: float, plan: IntArray, seed: int | str = "") -> Row:
        """Of a plan `(T, M)`, but for periods in which there is none."""
        steps = np.flatnonzero(plan[:, 0] >= 0)
        plan, without = plan[steps], len(plan) - len(steps)
        weighed = self.game(1.0).weighed(plan, steps).mean(1)
        over = 100 * (weighed.sum() / self.least[steps].sum() - 1.0)
        return _row(
            what, sharing, seed, over, self.outlook.objectives(plan, steps).mean(0), without, self.flows(plan, steps)
        )

    def within_limits(self, sharing: float) -> Row:
        """Every node by multipliers of its own, the last rounds mixed."""
        judge, told, flows, unsettled = self.judge, [], [], 0
        multipliers, steps = judge.prices.copy(), np.arange(len(self.plan))
        for number in range(ROUNDS):
            game = self.game(sharing, multipliers / (1.0 + multipliers))
            plan, settled = game.settled(np.zeros_like(self.plan))
            unsettled = max(unsettled, int((~settled).sum()))
            told.append(self.outlook.objectives(plan).mean(0))
            flows.append(self.flows(plan, steps))
            excess = told[-1][:, 1] - judge.limits
            multipliers = np.maximum(multipliers + STEP / np.sqrt(number + 1) * excess, 0.0)
        mixed = np.mean(told[-AVERAGED:], 0)
        over = 100 * float(judge.regrets(*mixed.T))
        return _row(WITHIN, sharing, "", over, mixed, unsettled, np.mean(flows[-AVERAGED:], 0))

    def flows(self, plan: IntArray, steps: IntArray) -> FloatArray:
        """`(M, M)` share of each node's requests at some steps that it forwards to each."""
        fleet, rates = self.outlook.fleet, self.outlook.rates[steps]
        options = fleet.options_of(plan)
        sent, to = fleet.shares()[options] * rates, np.take_along_axis(fleet.receivers().T, options, 0)
        received = [np.where(to == node, sent, 0.0).sum(0) for node in range(fleet.nodes)]
        return np.stack(received, 1) / rates.sum(0)[:, None]


def _row(
    what: str, sharing: float, seed: int | str, over: float, objectives: FloatArray, without: int, flows: FloatArray
) -> Row:
    cost, rejection = objectives.mean(0)
    worst = objectives[:, 1].max()
    return Row(what, sharing, seed, over, cost, rejection, worst, without, tuple(flows.ravel()))


def rows_of(seeds: str, results: Path, machines: Machines) -> Iterator[Row]:
    """All that is reported."""
    fleet = None
    for sharing in SHARING:
        config = fleet_config(seeds, sharing)
        run = train(config, Place(results, f"motives-{sharing:g}-s{seeds}"), machines)
        if fleet is None:
            source = domains.load_source(config.domain, config.instance)
            fleet = Fleet(domains.build(config.domain, config.instance, source))
            yield fleet.row(OPTIMUM, 1.0, fleet.plan)
        found = fleet.game(sharing).equilibria()
        yield fleet.row(BEST, sharing, found.best)
        yield fleet.row(WORST, sharing, found.worst)
        for one in read_evaluation(run.path, fleet.domain):
            yield fleet.row(LEARNT, sharing, fleet.domain.choices_of(one.played.measures), one.seed)
        yield fleet.within_limits(sharing)


def of(rows: Sequence[Row], what: str, sharing: float) -> FloatArray:
    """`(S, 4)` over the optimum in per cent, cost, rejection and the worst node's, a row a seed."""
    return np.array([row[3:7] for row in rows if (row.what, row.sharing) == (what, sharing)])


def interval(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """95 % of the mean over seeds `(S, ...)`."""
    low, high = bootstrap_interval(values, mean, rng=stream(0, "benchmarks", "motives"))
    return low, high


def drawn(rows: Sequence[Row], nodes: Sequence[str]) -> Figure:
    """What is weighed and what it costs at the limits over the share of the team, and who forwards to whom."""
    figure = Figure(figsize=(style.SINGLE_COLUMN, 5.6), layout="constrained")
    curves, last = figure.subfigures(2, 1, height_ratios=(3.6, 1.5))
    above, below = curves.subplots(2, 1, sharex=True, height_ratios=(2.4, 1.2))
    _weighed(above, rows)
    below.plot(SHARING, [of(rows, WITHIN, sharing)[0, 0] for sharing in SHARING], "D-", ms=4, color=style.SECOND)
    below.annotate("joint bound", (0.0, 0.0), xytext=(0, 4), textcoords="offset points", fontsize=7)
    below.set_ylabel("At own limits:\ncost over bound (%)")
    below.set_xlabel("Sharing: the team's part in each node's reward")
    for axes in (above, below):
        axes.axhline(0.0, color=style.INK, lw=0.8, ls="--")
    _matrices(last.subplots(1, 3), rows, nodes)
    last.suptitle("Share of a node's requests that it forwards (%)", x=0.02, ha="left")
    return figure


def _weighed(axes: Axes, rows: Sequence[Row]) -> None:
    least, most = ([of(rows, what, sharing)[0, 0] for sharing in SHARING] for what in (BEST, WORST))
    axes.fill_between(SHARING, least, most, color=style.GREY, alpha=0.2, lw=0)
    axes.plot(SHARING, most, "v-", ms=4, color=style.MARK, label="worst equilibrium")
    axes.plot(SHARING, least, "^-", ms=4, color=style.EXACT, label="best equilibrium")
    for sharing in SHARING:
        own = of(rows, LEARNT, sharing)[:, 0]
        low, high = interval(own)
        beside = sharing + 0.02 + 0.04 * np.linspace(0.0, 1.0, len(own))
        axes.plot(beside, own, "o", ms=2.5, mfc="none", mew=0.6, color=style.LEARNT)
        axes.errorbar(
            sharing, own.mean(), [[own.mean() - low], [high - own.mean()]], fmt="s", ms=4, capsize=2,
            color=style.LEARNT, label="learnt, each by itself" if sharing == 0.0 else None,
        )  # fmt: skip
    axes.annotate("joint optimum", (0.0, 0.0), xytext=(0, 4), textcoords="offset points", fontsize=7)
    axes.set_ylabel("Weighted cost and rejection\nover the joint optimum (%)")
    axes.legend(loc="upper right")


def _matrices(several: Any, rows: Sequence[Row], nodes: Sequence[str]) -> None:
    shown = ((LEARNT, 0.0, "own, learnt"), (LEARNT, 1.0, "team, learnt"), (OPTIMUM, 1.0, "joint optimum"))
    for axes, (what, sharing, title) in zip(several, shown, strict=True):
        flows = 100 * matrix(rows, what, sharing)
        axes.imshow(flows, cmap="Blues", vmin=0.0, vmax=MOST_SHOWN)
        for (i, j), value in np.ndenumerate(flows):
            colour = "white" if value > MOST_SHOWN / 2 else style.INK
            axes.annotate("" if i == j else f"{value:.1f}", (j, i), ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(len(nodes)), [name.removeprefix("node") for name in nodes])
        axes.set_yticks(range(len(nodes)), nodes if axes is several[0] else [""] * len(nodes))
        axes.set_xlabel("to node")
        axes.set_title(title)
        axes.grid(visible=False)
        axes.tick_params(length=0)


def matrix(rows: Sequence[Row], what: str, sharing: float) -> FloatArray:
    """`(M, M)` who forwards to whom, a mean over seeds."""
    flows = np.mean([row.flows for row in rows if (row.what, row.sharing) == (what, sharing)], 0)
    return flows.reshape(round(len(flows) ** 0.5), -1)


def main() -> None:
    """Run, or read, all of it; print means and intervals, keep every row, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000..1007")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("motives.csv"))
    parser.add_argument("--figure", type=Path, default=Path("docs") / "motives.png")
    given = parser.parse_args()
    rows = list(rows_of(given.seeds, given.results, Machines(given.jobs)))
    nodes = [f"node{m + 1}" for m in range(round(len(rows[0].flows) ** 0.5))]
    links = [f"{one}_to_{other}" for one in nodes for other in nodes]
    with given.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [(*Row._fields[:-1], *links), *((*row[:-1], *row.flows) for row in rows)]
        )
    with style.house_style():
        drawn(rows, nodes).savefig(given.figure, metadata={"Software": None})
    table = Table("who", "sharing", "over the joint optimum, %", "cost", "rejection", "worst node's", "periods without")
    for what, sharing in dict.fromkeys((row.what, row.sharing) for row in rows):
        numbers, without = of(rows, what, sharing), max(row.without for row in rows if row[:2] == (what, sharing))
        low, high = interval(numbers)
        told = [f"{centre:.{digits}f}" for centre, digits in zip(numbers.mean(0), (2, 4, 4, 4), strict=True)]
        told[0] += f" [{low[0]:.2f}, {high[0]:.2f}]" if len(numbers) > 1 else ""
        table.add_row(what, f"{sharing:g}", *told, str(without))
    Console(width=140).print(table)
    for what, sharing in ((OPTIMUM, 1.0), (LEARNT, 0.0), (LEARNT, 1.0), (WORST, 0.0)):
        print(what, f"sharing {sharing:g}, forwarded, %:", (100 * matrix(rows, what, sharing)).round(1).tolist())


if __name__ == "__main__":
    main()
