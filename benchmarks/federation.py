"""What averaging is worth to twenty nodes that train apart, and what poisoned ones, and privacy, make of it.

    python -m benchmarks.federation [--jobs N] [--seeds 1000..1007] [--out FILE] [--figure FILE]

Twenty nodes without forwarding or messages, at alpha .8, average after each of 24 cycles; the last four are poisoned,
or, for comparison, would be. Regret is that of `mamo train`: the expected weighted objectives of the greedy policies
over those of the perfect agents, here means of the sixteen nodes that are always honest; and of the worst of these.
Loads are equal, one wave that comes to each node later than to the one before; or unequal: four of the honest nodes
have a fifth of it. Means over seeds, with 95 % bootstrap intervals, all of the same seeds.
"""

import argparse
import csv
import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from rich.console import Console
from rich.table import Table

from mamo_cli.analysis.exact import everywhere
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Domain
from mamo_cli.core.seeding import stream
from mamo_cli.core.weights import rewards
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.members import members
from mamo_cli.plots import style
from mamo_cli.runs.engine import limit_threads
from mamo_cli.training.federation.privacy import epsilon
from mamo_cli.training.federation.settings import AGGREGATES, ROBUST
from mamo_cli.training.records import columns_of
from mamo_cli.training.shards import build_domain, build_shard
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.joined import joined
from mamo_cli.workload.trace import Trace

NODES, POISONED, ALPHA, CYCLES = 20, 4, 0.8, 24
HONEST = NODES - POISONED
SETTINGS = {
    **{"domain": "fleet", "strategy": "fixed", "instance": {"nodes": NODES}},
    "adaptation": {"cycles": CYCLES, "initial_alpha": ALPHA},
    "learner": {"network": "apart", "priority_exponent": 0.0, "hidden": [32]},
    "phase": {"environments": 4, "updates_per_step": 2},
}
"""Chosen on seeds 0 to 7: a phase is 400 gradient steps."""
ATTACKS = {
    **{"none": (None, 1.0), "sign": ("sign", 1.0), "sign x 5": ("sign", 5.0)},
    **{"noise x 10": ("noise", 10.0), "ALIE": ("alie", 1.0), "IPM x 5": ("ipm", 5.0)},
}
"""What poisoned nodes send, and times what."""
UNEQUAL = ("none", "sign x 5")
"""Attacks under unequal loads."""
CLIP, NOISES = 0.5, (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Of updates that are to be private: the largest norm, and the noise as a multiple of that."""
LEVELS = (0.2, 1.0, 1.0, 1.0, 1.0)
"""Unequal loads, node after node, over and over: shares of the wave. Those of a fifth are four nodes, all honest."""
COLUMNS = ("loads", "aggregate", "attack", "noise", "epsilon", "seed", "regret_percent", "worst_percent")


class Case(NamedTuple):
    """One setting of the federation; without an aggregate there is none."""

    loads: str
    aggregate: str = ""
    attack: str = "none"
    noise: float | None = None  # of updates clipped at `CLIP`; None: they are not

    def federation(self) -> dict[str, Any]:
        """Its section."""
        if not self.aggregate:
            return {}
        attack, scale = ATTACKS[self.attack]
        poison = {} if attack is None else {"poisoned": POISONED, "attack": attack, "scale": scale}
        private = {} if self.noise is None else {"clip": CLIP, "noise": self.noise}
        faulty = {"faulty": POISONED} if self.aggregate in ROBUST else {}
        return {"federation": {"every": 1, "aggregate": self.aggregate, **faulty, **poison, **private}}


def cases() -> Iterator[Case]:
    """All of them; the first of each kind of loads is the control, where nothing is averaged."""
    for loads, attacks in (("equal", tuple(ATTACKS)), ("unequal", UNEQUAL)):
        yield Case(loads)
        for attack in attacks:
            yield from (Case(loads, aggregate, attack) for aggregate in AGGREGATES)
    yield from (Case("equal", "mean", noise=noise) for noise in NOISES)


@functools.cache
def load_of(loads: str) -> Trace:
    """A wave for each node: the fleet's own, or shares of it."""
    levels = LEVELS if loads == "unequal" else (1.0,)
    names = [f"node{m + 1}" for m in range(NODES)]
    waves = [
        sinusoidal(50.0 * share, 40.0 * share, phase=-288 * m / NODES, function=name)
        for m, (name, share) in enumerate(zip(names, levels * (NODES // len(levels)), strict=True))
    ]
    return joined(dict(zip(names, waves, strict=True)), {})


def rewards_of(domain: Domain, plan: IntArray) -> FloatArray:
    """`(A,)` expected reward of a plan `(T, A)` of each node."""
    played = domain.expected(plan)
    objectives = np.concatenate((played.paid[..., None], played.violations), -1)
    return np.asarray(rewards(objectives, everywhere(domain, ALPHA), domain.spec.cost_scale).mean(0))


def regrets(achieved: FloatArray, best: FloatArray) -> tuple[float, float]:
    """Per cent by which honest nodes fall short of the best together, and the worst of them alone, of `(A,)` each."""
    short, most = (best - achieved)[:HONEST], np.abs(best)[:HONEST]
    return 100.0 * float(short.mean() / most.mean()), 100.0 * float((short / most).max())


def rows_of(case: Case, seeds: str) -> list[tuple[Any, ...]]:
    """A row of `COLUMNS` a seed."""
    limit_threads()
    config = configured(MamoConfig, SETTINGS, {"seeds": seeds}, case.federation())
    spec = members(config, load_of(case.loads))
    domain, loop = build_domain(spec), build_shard(spec)
    tables: dict[str, Any] = {}
    while not loop.done:
        tables = loop.advance()
    best = rewards_of(domain, domain.perfect(everywhere(domain, ALPHA)))
    told = columns_of(domain.spec, ())["evaluation"]
    first = told.index(domain.spec.words.measures[0].name)
    measures = [row[first : first + len(domain.spec.words.measures)] for row in tables["evaluation"]]
    each = np.array(measures, dtype=np.float64).reshape(len(spec.seeds), -1, NODES, len(measures[0]))
    spent = epsilon(CYCLES, case.noise) if case.noise else None
    start = (case.loads, case.aggregate or "apart", case.attack, case.noise, spent)
    found = [regrets(rewards_of(domain, domain.choices_of(own)), best) for own in each]
    return [(*start, seed, *numbers) for seed, numbers in zip(spec.seeds, found, strict=True)]


def interval(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """95 % of the mean over seeds `(S, ...)`."""
    low, high = bootstrap_interval(values, mean, rng=stream(0, "benchmarks", "federation"))
    return low, high


Numbers = dict[tuple[Any, ...], FloatArray]
"""Regrets `(S, 2)` by loads, aggregate, attack and noise."""


def by_case(rows: Sequence[Sequence[Any]]) -> Numbers:
    """Of rows of `COLUMNS`."""
    found: dict[tuple[Any, ...], list[Sequence[float]]] = {}
    for row in rows:
        found.setdefault(tuple(row[:4]), []).append(row[-2:])
    return {case: np.array(values, dtype=np.float64) for case, values in found.items()}


def tables_of(numbers: Numbers) -> Iterator[Table]:
    """Mean regrets: under attacks, of unequal loads, and of private updates."""
    for loads, attacks in (("equal", tuple(ATTACKS)), ("unequal", UNEQUAL)):
        for place, what in ((0, "regret"), (1, "of the worst node")):
            if (loads, place) == ("equal", 1):
                continue
            table = Table("aggregate", *attacks, title=f"{loads} loads: {what}, %")
            table.add_row("none: apart", _told(numbers[loads, "apart", "none", None][:, place]))
            for name in AGGREGATES:
                table.add_row(name, *(_told(numbers[loads, name, attack, None][:, place]) for attack in attacks))
            yield table
    table = Table("noise", "epsilon", "regret, %", title=f"equal loads, mean, updates clipped at {CLIP:g}")
    for noise in NOISES:
        told = f"{epsilon(CYCLES, noise):,.0f}" if noise else "none"
        table.add_row(f"{noise:g}", told, _told(numbers["equal", "mean", "none", noise][:, 0]))
    yield table


def _told(values: FloatArray) -> str:
    low, high = interval(values)
    return f"{values.mean():.3g} [{low:.3g}, {high:.3g}]"


LOOKS = dict(zip(AGGREGATES, zip((style.MARK, *style.RUN_COLOURS[1:2], style.LEARNT, style.SECOND, style.EXACT),
                                 "XsoDv", strict=True), strict=True))  # fmt: skip
"""Colour and mark of each aggregate."""


def drawn(numbers: Numbers) -> Figure:
    """Regret of every aggregate under every attack; of unequal loads, with the worst node's; and against epsilon."""
    figure = Figure(figsize=(style.DOUBLE_COLUMN, 5.0), layout="constrained")
    grid = figure.add_gridspec(2, 2)
    above, left, right = (figure.add_subplot(grid[place]) for place in ((0, slice(None)), (1, 0), (1, 1)))
    _columns(above, numbers, [("equal", attack, 0, attack.replace(" x ", "\n× ")) for attack in ATTACKS])
    above.set(title="Equal loads, 4 of 20 nodes poisoned", ylabel="Regret of honest nodes (%)")
    labels = {("none", 0): "none", ("none", 1): "none,\nworst node", ("sign x 5", 0): "sign\n× 5"}
    labels["sign x 5", 1] = "sign × 5,\nworst node"
    _columns(left, numbers, [("unequal", attack, place, label) for (attack, place), label in labels.items()])
    left.set(title="Unequal loads", ylabel="Regret of honest nodes (%)")
    _private(right, numbers)
    keys = [Line2D([], [], color=c, marker=m, ls="", ms=4, label=name) for name, (c, m) in LOOKS.items()]
    keys.append(Line2D([], [], color=style.INK, ls="--", lw=0.9, label="apart, no averages"))
    figure.legend(handles=keys, loc="outside upper center", ncols=len(keys))
    return figure


def _columns(axes: Axes, numbers: Numbers, columns: Sequence[tuple[str, str, int, str]]) -> None:
    """A column for each of (loads, attack, which regret, label): seeds small, their mean and its interval beside."""
    for at, (loads, attack, place, _) in enumerate(columns):
        control = numbers[loads, "apart", "none", None][:, place].mean()
        axes.plot([at - 0.45, at + 0.45], [control, control], color=style.INK, ls="--", lw=0.9)
        for shift, (name, (colour, mark)) in zip(np.linspace(-0.34, 0.34, len(LOOKS)), LOOKS.items(), strict=True):
            _point(axes, at + shift, numbers[loads, name, attack, None][:, place], colour, mark)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks(range(len(columns)), [label for *_, label in columns])
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)


def _private(axes: Axes, numbers: Numbers) -> None:
    """Regret of private updates against what they tell."""
    colour, mark = LOOKS["mean"]
    for noise in NOISES[1:]:
        _point(axes, epsilon(CYCLES, noise), numbers["equal", "mean", "none", noise][:, 0], colour, mark)
    for case, line, words in (
        (("equal", "mean", "none", NOISES[0]), ":", "mean, clipped, no noise"),
        (("equal", "apart", "none", None), "--", None),
    ):
        axes.axhline(numbers[case][:, 0].mean(), color=style.INK, ls=line, lw=0.9, label=words)
    axes.set(xscale="log", yscale="log", xlabel="ε at δ = 10⁻⁵, 24 averages", title="Equal loads, private updates")
    axes.set_ylabel("Regret of the\nsame nodes (%)")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.legend(loc="upper right")


def _point(axes: Axes, at: float, values: FloatArray, colour: str, mark: str) -> None:
    low, high = interval(values)
    axes.plot(np.full(len(values), at), values, "o", ms=1.6, mfc="none", mew=0.4, color=colour, alpha=0.7)
    center = float(values.mean())
    axes.errorbar(at, center, [[center - low], [high - center]], fmt=mark, ms=4, color=colour, capsize=1.5, lw=0.9)


def main() -> None:
    """Run all of it; print means and intervals, keep every seed's numbers, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000..1007")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("federation.csv"))
    parser.add_argument("--figure", type=Path, default=Path("docs") / "federation.png")
    given = parser.parse_args()
    rows: list[tuple[Any, ...]] = []
    with (
        ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool,
        given.out.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for found in pool.map(functools.partial(rows_of, seeds=given.seeds), cases()):
            rows += found
            writer.writerows(found)
            file.flush()
    numbers = by_case(rows)
    with style.house_style():
        drawn(numbers).savefig(given.figure, metadata={"Software": None})
    Console(width=160).print(*tables_of(numbers))


if __name__ == "__main__":
    main()
