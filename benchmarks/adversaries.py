"""What speaks against a fleet, and what helps: the worst load, a sensor that is off, a node that lies, and isolation.

    python -m benchmarks.adversaries [--jobs N] [--seeds 1000..1007] [--results results] [--out FILE] [--figure FILE]

Three nodes that peak one after the other, each joined to both others and heard by both; VDN with a network a node, at
alpha .8, 25,600 environment steps each. Every training is judged as it was trained and, where that helps, attacked or
not: by evaluation's greedy play, and the regret in expected weighted reward to the exact joint play, which knows all.
Runs are named adversaries-WHO-sSEEDS and adversaries-WHO-JUDGED-sSEEDS, resumed like any other and never run twice.
Means over seeds with 95 % bootstrap intervals, all of the same seeds, and differences seed by seed. Then the exact
price of robustness: least costs within all limits, at the load as it is drawn and at its worst. Last, what isolation
finds: of pairs of a node and a neighbour, as policies of the control play, under messages that are lost or late, too.
"""

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from rich.console import Console
from rich.table import Table

from mamo_cli.analysis.bounds import bound
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.analysis.summaries import read_evaluation
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.core.seeding import stream
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.fleet.settings import FleetConfig, OwnConfig
from mamo_cli.experiments.configs import EvaluateConfig, TrainConfig, configured
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.restored import restored
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.train import train
from mamo_cli.experiments.trained import read_trained
from mamo_cli.plots import style
from mamo_cli.training.records import columns_of

AFTER, BAD, SENSOR = 3, "node2", 0.5
"""Contradictions until a neighbour is isolated; who is off or lies, and what its sensor then makes of a rate."""
BASE: Mapping[str, Any] = {
    "domain": "fleet",
    "alpha": [0.8],
    "instance": {"topology": "ring", "messages": "full", "max_replicas": 8},
    "learner": {"network": "apart", "mixer": "sum", "discount": 0.0, "priority_exponent": 0.0},
    "phase": {"iterations": 80},
}
LIES: Mapping[str, Any] = {"own": {BAD: {"lies": True}}}
TRAINED: Mapping[str, Mapping[str, Any]] = {
    "ordinary": {},
    "worst load": {"instance": {"load": "worst"}},
    "sensor": {"node": {BAD: {"sensor": SENSOR}}},
    "liar": {"node": {BAD: {"lies": True}}},
    "isolating": {"instance": {"isolate_after": AFTER}},
    "liar, isolating": {"node": {BAD: {"lies": True}}, "instance": {"isolate_after": AFTER}},
}
"""What each training has otherwise than the first."""


class Arm(NamedTuple):
    """Policies, and what they are judged in."""

    attack: str
    name: str
    trained: str
    judged: Mapping[str, Any]


GUARDED = {"isolate_after": AFTER}
CALM: Mapping[str, Any] = {"load": "drawn", "own": {BAD: {"sensor": 1.0, "lies": False}}}
CONTROL, ORDINARY = "no attack", "ordinary"
ARMS = (
    Arm(CONTROL, ORDINARY, "ordinary", {}),
    Arm(CONTROL, "trained at the worst load", "worst load", CALM),
    Arm(CONTROL, "trained with the sensor off", "sensor", CALM),
    Arm(CONTROL, "trained with the liar", "liar", CALM),
    Arm(CONTROL, "ordinary, isolating", "ordinary", GUARDED),
    Arm(CONTROL, "trained to isolate", "isolating", {}),
    Arm("worst load", ORDINARY, "ordinary", {"load": "worst"}),
    Arm("worst load", "trained under it", "worst load", {}),
    Arm("sensor off", ORDINARY, "ordinary", {"own": {BAD: {"sensor": SENSOR}}}),
    Arm("sensor off", "trained under it", "sensor", {}),
    Arm("liar", ORDINARY, "ordinary", LIES),
    Arm("liar", "trained under it", "liar", {}),
    Arm("liar", "ordinary, isolating", "ordinary", {**LIES, **GUARDED}),
    Arm("liar", "trained to isolate", "isolating", LIES),
    Arm("liar", "trained under it, isolating", "liar, isolating", {}),
)
COLUMNS = ("attack", "policies", "seed", "regret_percent", "cost", "worst_rejection", "replicas", "forwarded")
NOISE_SEEDS = range(4)
CHANNELS: Mapping[str, Mapping[str, Any]] = {
    "sure": {},
    "30 % lost": {"loss": 0.3},
    "late": {"late": True},
    "30 % lost, late": {"loss": 0.3, "late": True},
}
"""How messages arrive where alarms are counted."""


def built(**changes: Any) -> Any:
    """The fleet, with some of its settings otherwise."""
    settings = configured(TrainConfig, BASE, {"instance": changes}).instance
    return domains.build("fleet", settings, domains.load_source("fleet", settings))


def results_of(seeds: str, results: Path, machines: Machines) -> Iterator[tuple[Any, ...]]:
    """Rows of `COLUMNS`."""
    runs = {
        who: train(
            configured(TrainConfig, BASE, {"seeds": seeds}, own),
            Place(results, f"adversaries-{who.replace(', ', '-').replace(' ', '-')}-s{seeds}"),
            machines,
        )
        for who, own in TRAINED.items()
    }
    domain = built()
    for place, arm in enumerate(ARMS):
        run = runs[arm.trained]
        if arm.judged:
            config = configured(EvaluateConfig, {"run": run.path.name}, arm.judged)
            run = evaluate(run.path, config, Place(results, f"{run.path.name}-judged{place}"))
        for one, told in zip(read_evaluation(run.path, domain), run.summary, strict=True):
            worst = one.played.violations[..., 0].mean(0).max()
            replicas, forwarded = one.played.measures[..., :2].mean((0, 1))
            yield arm.attack, arm.name, one.seed, 100 * told["regret"], told["mean_cost"], worst, replicas, forwarded


class Alarms(NamedTuple):
    """What isolation found, where it is known who lies."""

    pairs: int  # of a node and an honest neighbour, a day each
    false: int  # of these, isolated by the end of the day
    sent: int  # periods in which somebody forwarded to an honest neighbour that it had not isolated
    liars: int  # pairs of an honest node and the liar
    found: int  # of these, isolated
    delays: tuple[int, ...]  # periods of forwarding to the liar until it was


def alarms_of(folder: Path, changes: Mapping[str, Any], after: int, lies: bool) -> Alarms:
    """Those of a run's policies in days of other noise, with the fleet's settings changed."""
    before = read_trained(folder)
    shards = restored(before)
    pairs = false = sent = liars = found = 0
    delays: list[int] = []
    for noise_seed in NOISE_SEEDS:
        update = {**changes, "isolate_after": after, "noise_seed": noise_seed}
        own = {BAD: OwnConfig(lies=True)} if lies else {}
        domain = domains.build("fleet", before.config.instance.model_copy(update=update).having(own), before.source)
        names = list(columns_of(domain.spec, ())["evaluation"])
        rows = [row for _, shard in shards for row in shard.evaluate(domain)]
        told = np.array([[row[names.index(name)] for name in ("forwarded", "to", "isolated")] for row in rows], float)
        agents, bad = len(domain.spec.agents), domain.spec.agents.index(BAD)
        for day in told.reshape(-1, domain.conditions().shape[0], agents, 3):
            for node, neighbour in product(range(agents), repeat=2):
                if node == neighbour or (lies and node == bad):
                    continue
                alarm, periods = first_alarm(day[:, node], neighbour + 1)
                if lies and neighbour == bad:
                    liars, found = liars + 1, found + alarm
                    delays += [periods] * alarm
                else:
                    pairs, false, sent = pairs + 1, false + alarm, sent + periods
    return Alarms(pairs, false, sent, liars, found, tuple(delays))


def first_alarm(day: FloatArray, neighbour: int) -> tuple[bool, int]:
    """Whether a node isolates a neighbour, and in how many periods until then it forwarded to it.

    Args:
        day: `(T, 3)` the share that it forwarded, to whom, and how many it has isolated.
        neighbour: whom, by its number, from 1.
    """
    to = day[:, 1] == neighbour
    raised = to & (np.diff(day[:, 2], prepend=0.0) > 0)  # a neighbour is isolated in a period in which it was sent to
    return bool(raised.any()), int(to[: raised.argmax() + 1].sum() if raised.any() else to.sum())


def robust() -> Iterator[tuple[str, str, float, float]]:
    """Of each of two exact optima: which, at which load it is played, its cost, and the worst node's rejection."""
    fleets = {load: built(load=load) for load in ("drawn", "worst")}
    for made, domain in fleets.items():
        optimum = bound(domain)
        plays = [domain.answer(weights).plan for weights in optimum.weights.swapaxes(0, 1)]
        for load, other in fleets.items():
            known = other.outlook(Part.EVALUATION, Knowledge.CAUSAL)
            means = np.stack([known.objectives(plan).mean(0) for plan in plays])
            cost, rejection = np.moveaxis((optimum.shares[0][:, None, None] * means).sum(0), -1, 0)
            yield made, load, float(cost.mean()), float(rejection.max())


def interval(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """95 % of the mean over seeds `(S, ...)`."""
    low, high = bootstrap_interval(values, mean, rng=stream(0, "benchmarks", "adversaries"))
    return low, high


def numbers_of(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[str, str], FloatArray]:
    """Numbers `(S, columns after the seed)` of each arm, by attack and policies."""
    return {arm[:2]: np.array([row[3:] for row in rows if row[:2] == arm[:2]], dtype=np.float64) for arm in ARMS}


def differences(numbers: Mapping[tuple[str, str], FloatArray]) -> Iterator[tuple[str, str, float, float, float, float]]:
    """Under each attack, of all but the ordinary policies: points more of regret than these, interval, share with less.

    Seed by seed.
    """
    for attack, name in numbers:
        if name == ORDINARY:
            continue
        more = numbers[attack, name][:, 0] - numbers[attack, ORDINARY][:, 0]
        low, high = interval(more)
        yield attack, name, float(more.mean()), float(low), float(high), float((more < 0.0).mean())


def drawn(numbers: Mapping[tuple[str, str], FloatArray], tolerance: float) -> Figure:
    """Regret and the worst node's rejection of every seed, with the mean and its interval, a row an arm."""
    figure = Figure(figsize=(style.DOUBLE_COLUMN, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    attacks = list(dict.fromkeys(attack for attack, _ in numbers))
    colours = dict(zip(attacks, (style.GREY, style.LEARNT, style.EXACT, style.MARK), strict=True))
    places = {arm: place + 0.7 * attacks.index(arm[0]) for place, arm in enumerate(numbers)}
    for (attack, name), values in numbers.items():
        place = places[attack, name]
        beside = place + 0.1 + 0.3 * np.linspace(0.0, 1.0, len(values))
        for axes, own in ((left, values[:, 0] / 100), (right, values[:, 2])):
            low, high = interval(own)
            axes.plot(own, beside, "o", ms=2, mfc="none", mew=0.5, color=colours[attack])
            axes.errorbar(
                own.mean(), place - 0.1, xerr=[[own.mean() - low], [high - own.mean()]],
                fmt="s" if name.startswith("ordinary") else "D", ms=3.5, color=colours[attack], capsize=2,
            )  # fmt: skip
    for attack in attacks:
        first = min(place for (own, _), place in places.items() if own == attack)
        left.annotate(
            attack, (0.01, first - 0.55), xycoords=left.get_yaxis_transform(), va="center", color=colours[attack],
            fontweight="bold", fontsize=7, annotation_clip=False,
        )  # fmt: skip
    left.set_yticks(list(places.values()), [name for _, name in places])
    left.set_ylim(max(places.values()) + 0.6, -0.9)
    left.set_xlim(left=0.0)
    left.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    left.set_xlabel("Regret to the exact joint play")
    right.axvline(tolerance, color=style.INK, lw=0.8, ls="--")
    right.annotate("tolerance", (tolerance, -0.75), ha="right", va="center", fontsize=7, rotation=0)
    right.set_xlabel("Worst node's rejection (share of its requests)")
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    return figure


def told(values: FloatArray, digits: Sequence[int]) -> Iterator[str]:
    """Means with their intervals, as a table has them."""
    low, high = interval(values)
    for m, a, b, d in zip(values.mean(0), low, high, digits, strict=True):
        yield f"{m:.{d}f} [{a:.{d}f}, {b:.{d}f}]"


def main() -> None:
    """Run, or read, all of it; print means and intervals, keep every seed's numbers, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000..1007")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("adversaries.csv"))
    parser.add_argument("--figure", type=Path, default=Path("docs") / "adversaries.png")
    given = parser.parse_args()
    console = Console(width=170)
    rows = list(results_of(given.seeds, given.results, Machines(given.jobs)))
    with given.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows((COLUMNS, *rows))
    numbers = numbers_of(rows)
    with style.house_style():
        drawn(numbers, FleetConfig().tolerance).savefig(given.figure, metadata={"Software": None})
    table = Table("attack", "policies", "regret, %", "cost", "worst rejection", "replicas", "forwarded")
    for (attack, name), own in numbers.items():
        table.add_row(attack, name, *told(own, (2, 3, 4, 2, 3)))
    exact = Table("optimum for", "played at", "cost", "worst rejection")
    for made, load, cost, rejection in robust():
        exact.add_row(f"the {made} load", f"the {load} load", f"{cost:.4f}", f"{rejection:.4f}")
    paired = Table("attack", "policies", "more regret than the ordinary, points", "seeds with less")
    for attack, name, more, low, high, share in differences(numbers):
        paired.add_row(attack, name, f"{more:.2f} [{low:.2f}, {high:.2f}]", f"{share:.0%}")
    console.print(table, paired, exact)
    alarms = Table(
        "messages", "k", "liar", "false, of pairs", "periods sent to honest", "liar found, of pairs", "after"
    )
    control = given.results / f"adversaries-ordinary-s{given.seeds}"
    for (channel, changes), after, lies in product(CHANNELS.items(), (1, AFTER), (False, True)):
        seen = alarms_of(control, changes, after, lies)
        found = f"{seen.found} of {seen.liars}" if lies else ""
        delay = f"{np.median(seen.delays):g}" if seen.delays else ""
        alarms.add_row(
            channel, str(after), "yes" if lies else "no", f"{seen.false} of {seen.pairs}", str(seen.sent), found, delay
        )
    console.print(alarms)


if __name__ == "__main__":
    main()
