"""Replicas at equal rejection against the loss of messages: eight nodes under one load, which none of them knows.

    python -m benchmarks.messages [--seeds 1000..1007] [--out benchmarks/messages.csv] [--figure docs/messages.png]

A node counts its requests for .4 s and hears the counts of its neighbours. First a rule plays, see `messages_rule.py`,
that takes the mean of all counts; then policies that one network for all nodes has learnt (double DQN), with and
without dropout of messages in training. Both reject .05 on average, by a mixture of two margins, or of two alphas.
Rules are tuned, and all are judged, on 16 pieces of 2,500 periods; learnt is on as many others. Nothing is kept of a
run but its table, and no two runs differ.
"""

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from benchmarks.messages_rule import (
    NODES,
    RULES,
    TOLERANCE,
    estimates,
    fleet,
    influences,
    least,
    load,
    play,
    rates_of,
    tuned,
    watch,
)
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Environment, Part, Seen
from mamo_cli.core.seeding import MemberStreams, stream
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet.domain import FleetDomain
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.plots import style
from mamo_cli.runs.engine import limit_threads
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.settings import PhaseConfig, seeds_of

PIECES, STEPS, JUDGED, TRAINED = 16, 2500, 0, 1
LOSSES = (0.0, 0.2, 0.5, 0.8, 1.0)
BURST = 10.0
DEGREE = 4
TOPOLOGIES: Mapping[str, Mapping[str, Any]] = {
    name: {"messages": name, **({"degree": DEGREE} if name == "random" else {})}
    for name in ("ring", "star", "random", "full")
}
LEARNER = LearnerConfig(network="shared", hidden=(32, 32), discount=0.0)
PHASE = PhaseConfig(iterations=300)
ALPHAS = (0.62, 0.66, 0.70, 0.80)
LAST = 2
"""Which number of an observation tells of the last rejection."""
COLUMNS = (
    *("who", "messages", "loss", "burst", "late", "dropout", "seed"),
    *("replicas", "over_known", "standard_error", "played_replicas", "played_rejection"),
)
KNOWN, BEST, BLIND, LEARNT = "rate known", "rate known, best plan", "learnt, last rejection unseen", "learnt"


class Row(NamedTuple):
    """What somebody needs under some messages; blank where it does not apply.

    A rule's standard error is of what it needs more than who knows the rate, by the pieces' influences. Played is what
    the rule brought in the environment; of who has learnt, what the mixture that is right without loss brings.
    """

    who: str
    messages: str
    loss: float
    burst: float | None
    late: int
    dropout: float
    seed: int | None
    replicas: float
    over_known: float
    standard_error: float | None
    played_replicas: float
    played_rejection: float


def conditions() -> Iterator[dict[str, Any]]:
    """Of messages that the rules are played under."""
    yield {"messages": "none"}
    for told in TOPOLOGIES.values():
        yield from ({**told, "loss": loss} for loss in LOSSES)
        yield from ({**told, "loss": loss, "burst": BURST} for loss in LOSSES[1:-1])
        yield from ({**told, "loss": loss, "late": True} for loss in (0.0, 0.5))


def by_rules() -> Iterator[Row]:
    """Who knows the rate, and the rules."""
    source = load(PIECES, STEPS, JUDGED)
    rates = rates_of(source, PIECES)
    each = np.repeat(rates[..., None], NODES, 2)
    known = tuned(rates, each)
    best = influences(rates, each, known)
    domain = fleet(source, counted=None)
    yield Row(KNOWN, "none", 0.0, None, 0, 0.0, None, known.mean, 0.0, 0.0, *play(domain, each, known, 0))
    fewest = least(rates)
    yield Row(BEST, "none", 0.0, None, 0, 0.0, None, fewest, fewest - known.mean, None, fewest, TOLERANCE)
    for told in conditions():
        domain = fleet(source, **told)
        watched = watch(domain, PIECES, 0)
        for rule in RULES[: 1 if told["messages"] == "none" else None]:
            heard = estimates(watched, rule)
            found = tuned(rates, heard)
            error = (influences(rates, heard, found) - best).std(ddof=1) / np.sqrt(PIECES)
            who = f"rule that {rule}" if told["messages"] != "none" else "rule"
            about = (
                told["messages"],
                told.get("loss", 0.0),
                told.get("burst"),
                int(told.get("late", False)),
                0.0,
                None,
            )
            over = found.mean - known.mean
            yield Row(who, *about, found.mean, over, float(error), *play(domain, heard, found, 0))


class Blind:
    """An environment whose last rejection nobody sees."""

    def __init__(self, environment: Environment) -> None:
        """Args: environment: the same otherwise."""
        self._environment = environment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def observe(self) -> Seen:
        """Without the last rejection."""
        return self._blinded(self._environment.observe())

    def step(self, actions: Any, draw: Any = None) -> Any:
        """Play one period."""
        step = self._environment.step(actions, draw)
        seen = self._blinded(step.seen)
        return step._replace(seen=seen, after=seen)

    def _blinded(self, seen: Seen) -> Seen:
        values = seen.values.copy()
        values[..., LAST] = 0.0
        return seen._replace(values=values)


def surroundings(domain: FleetDomain, members: int, copies: int, *, blind: bool) -> Any:
    """The training of a fleet."""
    environment = domain.environment(Part.TRAINING, members, copies)
    return Blind(environment) if blind else environment


def learnt(domain: FleetDomain, seeds: Sequence[int], *, blind: bool) -> DQN:
    """A policy for each seed and each of `ALPHAS`, seed by seed."""
    streams = [MemberStreams(seed, "te") for seed in seeds for _ in ALPHAS]
    learner = DQN(LEARNER, Shape.of(domain.spec), streams)
    tasks = TaskAgents(domain, learner, PHASE, streams, lambda *of: surroundings(*of, blind=blind))
    weights = np.stack([weights_of(np.full(NODES, alpha)) for _ in seeds for alpha in ALPHAS])
    for iteration in range(PHASE.iterations):
        tasks.train_iteration(iteration, weights)
    return learner


def brought(domain: FleetDomain, learner: DQN, members: int, *, blind: bool) -> FloatArray:
    """`(K, 2)` mean replicas and rejection of greedy policies, which all count and hear the same."""
    environment = surroundings(domain, members, PIECES, blind=blind)
    told = []
    for draw in environment.draw(STEPS - 1, [MemberStreams(0, "te") for _ in range(members)]):
        step = environment.step(learner.act(environment.observe()), draw)
        told.append(np.stack((step.measures[..., 0].mean((1, 2)), step.objectives[..., 1].mean((1, 2))), -1))
    return np.asarray(np.mean(told, 0))


def shares(rejection: FloatArray) -> FloatArray | None:
    """How often each of the policies plays, of falling rejections, that they reject .05; None: they cannot."""
    for i in np.flatnonzero((rejection[:-1] >= TOLERANCE) & (rejection[1:] <= TOLERANCE))[:1]:
        second = (rejection[i] - TOLERANCE) / (rejection[i] - rejection[i + 1])
        found = np.zeros(len(rejection))
        found[i], found[i + 1] = 1.0 - second, second
        return found
    return None


def by_learning(seeds: Sequence[int], known: float) -> Iterator[Row]:
    """Of each seed, with messages and without, with dropout and without."""
    trained, judged = (load(PIECES, STEPS, of) for of in (TRAINED, JUDGED))
    cases = [(BLIND, {"messages": "none"}, 0.0), (LEARNT, {"messages": "none"}, 0.0)]
    cases += [(LEARNT, TOPOLOGIES[name], dropout) for name in ("ring", "full") for dropout in (0.0, 0.5)]
    for who, told, dropout in cases:
        blind, deaf = who == BLIND, told["messages"] == "none"
        learner = learnt(fleet(trained, **told, dropout=dropout), seeds, blind=blind)
        plain: list[FloatArray | None] = []
        for loss in LOSSES[: 1 if deaf else None]:
            domain = fleet(judged, **told, loss=loss)
            each = brought(domain, learner, len(seeds) * len(ALPHAS), blind=blind).reshape(len(seeds), -1, 2)
            plain = plain or [shares(own[:, 1]) for own in each]
            for seed, own, before in zip(seeds, each, plain, strict=True):
                mixed = shares(own[:, 1])
                needs = float("nan") if mixed is None else float(mixed @ own[:, 0])
                as_before = (float("nan"),) * 2 if before is None else (before @ own).tolist()
                about = (told["messages"], loss, None, 0, dropout, seed)
                yield Row(who, *about, needs, needs - known, None, *as_before)


def drawn(rows: Sequence[Row]) -> Figure:
    """Replicas at equal rejection against loss: of the rules, and of who has learnt."""
    figure = Figure(figsize=(style.DOUBLE_COLUMN, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = dict(zip(("ring", "star", "random", "full"), style.RUN_COLOURS, strict=False))
    known, fewest = (next(row.replicas for row in rows if row.who == who) for who in (KNOWN, BEST))
    for axes, control, best in ((left, "rule", known), (right, LEARNT, fewest)):
        none = np.mean([row.replicas for row in rows if row.who == control and row.messages == "none"])
        for value, label, line in ((none, "no messages", "--"), (best, "rate known", ":")):
            axes.axhline(value, color=style.INK, lw=1.0, ls=line, label=label)
        axes.set_xlabel("Messages lost (share)")
    for name, colour in colours.items():
        for rule, line in zip(RULES, ("-", "-."), strict=True):
            _curve(left, rows, (f"rule that {rule}", name, 0.0), colour, line, f"{name}, {rule}")
    for name in ("ring", "full"):
        for dropout, line in ((0.0, "-"), (0.5, "-.")):
            label = f"{name}, dropout {dropout:g}"
            _curve(right, rows, (LEARNT, name, dropout), colours[name], line, label)
    left.set_title("A rule: mean of the counts heard")
    right.set_title("Learnt, one network for all nodes")
    right.set_ylim(fewest - 0.01, 6.8)  # at a loss of 1 all are far above, as the table says
    left.set_ylabel(f"Replicas of a node\nwhere {TOLERANCE:g} is rejected")
    for axes in (left, right):
        axes.set_xlim(-0.04, 1.04)
        axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.17), ncols=2)
    return figure


def _curve(axes: Axes, rows: Sequence[Row], of: tuple[str, str, float], colour: str, line: str, label: str) -> None:
    """Means over seeds by loss, where every seed has one; with 95 % intervals where there are several."""
    own = [row for row in rows if (row.who, row.messages, row.dropout) == of and row.burst is None and not row.late]
    points = [(loss, [row.replicas for row in own if row.loss == loss]) for loss in LOSSES]
    points = [(loss, values) for loss, values in points if values and not np.isnan(values).any()]
    if not points:
        return
    middle = np.array([np.mean(values) for _, values in points])
    ends = np.array([_interval(np.array(values)) for _, values in points]).T
    marks = {"marker": "o", "ms": 3, "mfc": colour if line == "-" else "none", "capsize": 2}
    axes.errorbar([loss for loss, _ in points], middle, abs(ends - middle), color=colour, ls=line, label=label, **marks)


def _interval(values: FloatArray) -> tuple[float, float]:
    """95 % of the mean; of a single value that value."""
    if len(values) == 1:  # or none is known
        return float(values[0]), float(values[0])
    low, high = bootstrap_interval(values, mean, rng=stream(0, "benchmarks", "messages"))
    return float(low), float(high)


def tabled(rows: Sequence[Row]) -> Table:
    """A line for each who and each condition."""
    table = Table("who", "messages", "lost", "dropout", "replicas", "over rate known", "played: replicas", "rejection")
    groups = dict.fromkeys(row[:6] for row in rows)
    for group in groups:
        who, messages, loss, burst, late, dropout = group
        own = [row for row in rows if row[:6] == group]
        needs, over = (np.array([getattr(row, name) for row in own]) for name in ("replicas", "over_known"))
        if np.isnan(needs).any():
            needs, over = np.array([np.nan]), np.array([np.nan])
        (low, high), error = _interval(over), own[0].standard_error
        lost = f"{loss:g}" + (f", bursts of {burst:g}" if burst else "") + (", late" if late else "")
        told = f"{over.mean():.4f} " + (f"[{low:.4f}, {high:.4f}]" if error is None else f"± {error:.4f}")
        played = (f"{np.mean([row[place] for row in own]):.4f}" for place in (-2, -1))
        table.add_row(who, messages, lost, f"{dropout:g}", f"{needs.mean():.3f}", told, *played)
    return table


def main() -> None:
    """Play all of it; print means, keep every seed's numbers, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000..1007")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("messages.csv"))
    parser.add_argument("--figure", type=Path, default=Path("docs") / "messages.png")
    given = parser.parse_args()
    limit_threads()
    rows = list(by_rules())
    rows += by_learning(list(seeds_of(given.seeds)), rows[0].replicas)
    with given.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows((COLUMNS, *rows))
    with style.house_style():
        drawn(rows).savefig(given.figure, metadata={"Software": None})
    Console(width=140).print(tabled(rows))


if __name__ == "__main__":
    main()
