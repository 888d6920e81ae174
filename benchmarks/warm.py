"""What a warm start saves: steps to within 3 % of the causal bound on nodes that nobody trained on, both ways.

The source is trained on the reference node; both ways are then trained on each of the nodes drawn here, by the same
seeds and settings. A regret is `analysis/standing.py`'s, cost over the causal bound with violation charged for, of what
the mixture of the cycles so far would deliver on the evaluation part.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import mamo_cli
from benchmarks.rows import Row, measured
from mamo_cli.analysis.standing import Judged, delivered, judge_of
from mamo_cli.analysis.statistics import bootstrap_interval, median
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Domain
from mamo_cli.core.seeding import stream
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.members import members
from mamo_cli.experiments.starts import kind_of
from mamo_cli.policies.start import Origin, Start
from mamo_cli.runs.engine import limit_threads
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.records import columns_of
from mamo_cli.training.shards import ShardSpec, build_domain, build_shard
from mamo_cli.training.two_phase import TwoPhaseLoop
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace import Trace

NODES, DRAWN_BY = 16, 13
SEEDS = "100..103"  # what else there is to choose was chosen on seeds 0 to 3 and nodes drawn by another seed
CLOSE = 0.03
SERVICE_S, MEAN_RPS, SWING, TOLERANCE = (0.045, 0.09), (35.0, 70.0), (0.3, 0.95), (0.02, 0.08)
"""What is drawn evenly: warm service times, mean loads, the amplitude's share of that, and limits."""
SHORTER = {"phase": {"iterations": 10, "window": 4}, "adaptation": {"cycles": 12}}
"""As many steps in phases half as long, whose windows are half as long too, so that they stay greedy."""
CASES: Mapping[str, Mapping[str, Any]] = {
    "dqn": {},
    "dqn, short phases": SHORTER,
    "dqn, short phases, less exploration": {
        **SHORTER,
        "phase": {**SHORTER["phase"], "epsilon": [[0.0, 0.1], [0.4, 0.05], [0.6, 0.0]]},
    },
    "dqn, short phases, first alpha .73": {
        **SHORTER,
        "adaptation": {**SHORTER["adaptation"], "initial_alpha": 0.73},
    },
}
"""Settings of both ways; .73 is what the root finder settles on at the reference node."""
PREPARED = (1, 2, 4, 8, 16, 66)
"""Iterations for which a network that knows alpha learns before it is asked: a run of its own each."""


class Node(NamedTuple):
    """A node that is not the reference one, but has its cap and noise."""

    service_s: float
    mean_rps: float
    swing: float
    tolerance: float

    @property
    def instance(self) -> Mapping[str, Any]:
        """Its settings."""
        return {"warm_service_time": self.service_s, "tolerance": self.tolerance}

    @property
    def trace(self) -> Trace:
        """Its workload."""
        return sinusoidal(mean=self.mean_rps, amplitude=self.swing * self.mean_rps)

    def __str__(self) -> str:
        """What it is in words."""
        return (
            f"{1000 * self.service_s:.1f} ms, {self.mean_rps:.1f} +- {self.swing * self.mean_rps:.1f} requests/s, "
            f"limit {self.tolerance:.3f}"
        )


REFERENCE = Node(0.065, 50.0, 0.8, 0.05)


def nodes(count: int = NODES, drawn_by: int = DRAWN_BY) -> list[Node]:
    """Nodes drawn in turn, but for those whose limit nobody can hold, or anybody holds with one replica."""
    rng, found = stream(drawn_by, "nodes"), []
    while len(found) < count:
        ranges = np.array([SERVICE_S, MEAN_RPS, SWING, TOLERANCE])
        node = Node(*(float(one) for one in np.round(rng.uniform(*ranges.T), 4)))
        domain = build_domain(members(settings("dqn", node), node.trace))
        cap, least = (
            domain.expected(np.full((288, 1), choice)).violations.mean() for choice in (domain.spec.choices[0] - 1, 0)
        )
        if cap < node.tolerance < least:
            found.append(node)
    return found


def settings(te: str, node: Node, seeds: str = SEEDS, **changes: Any) -> MamoConfig:
    """What is run on a node: the root finder's quick preset, as `mamo run-mamo --strategy bisect --te TE` has it."""
    own = {"strategy": "bisect", "te": te, "seeds": seeds, "instance": node.instance}
    return configured(MamoConfig, strategies.preset("bisect", "quick"), own, changes)


class Trained(NamedTuple):
    """S members after each of their C cycles."""

    loop: TwoPhaseLoop
    spec: ShardSpec
    domain: Domain
    regrets: FloatArray  # (S, C)
    steps: FloatArray  # (C,) made until then, by each


def trained(config: MamoConfig, node: Node, start: Start | None = None) -> Trained:
    """A run of all its seeds, in this process and without a folder."""
    spec = members(config, node.trace, start=start)
    domain, loop, rows = build_domain(spec), build_shard(spec), []
    assert isinstance(loop, TwoPhaseLoop)
    while not loop.done:
        rows += loop.advance()["cycles"]
    names = columns_of(domain.spec, strategies.columns_of("bisect"))["cycles"]
    columns = [names.index(name) for name in ("train_cost", "train_rejection", "eval_cost", "eval_rejection")]
    numbers = np.array([[row[column] for column in columns] for row in rows])
    numbers = numbers.reshape(spec.cycles, len(spec.seeds), 1, 2, 2).swapaxes(0, 1)
    judge = judge_of(domain)
    judged = Judged([domain] * spec.cycles, [judge] * spec.cycles)
    costs, violations = delivered("mix", numbers[..., 0, :], numbers[..., 1, :], judged)
    each = spec.phase.iterations * spec.iteration_transitions
    steps = spec.prepared_transitions + each * np.arange(1.0, spec.cycles + 1)
    return Trained(loop, spec, domain, judge.regrets(costs, violations), steps)


def start_from(done: Trained) -> Start:
    """What `--from` would take over of the same run."""
    kind = kind_of(done.spec, done.domain.spec)
    origin = Origin(run="reference", command="run-mamo", config_digest="", kind=kind)
    return Start(origin, np.array(done.spec.seeds), done.loop.alphas, np.asarray(done.loop.policies()))


class Way(NamedTuple):
    """What each seed of a node needs, and ends with."""

    steps: FloatArray  # (S,) to within `CLOSE` for good; infinite where it never gets there
    regrets: FloatArray  # (S,) at the end of the budget


def learnt_anew(node: Node, case: str, start: Start | None) -> Way:
    """Of networks that go on learning from cycle to cycle: steps until the cycle after which all are close."""
    done = trained(settings("dqn", node, **CASES[case]), node, start)
    first = [for_good(own) for own in done.regrets <= CLOSE]
    return Way(np.array([np.inf if place is None else done.steps[place] for place in first]), done.regrets[:, -1])


def learnt_before(node: Node, start: Start | None) -> Way:
    """Of networks that learn all alphas before the first cycle: the steps of that, the cycles left out."""
    runs = [trained(settings("conditioned", node, preparation={"iterations": each}), node, start) for each in PREPARED]
    ends = np.stack([done.regrets[:, -1] for done in runs], 1)
    steps = [float(done.spec.prepared_transitions) for done in runs]
    first = [for_good(own) for own in ends <= CLOSE]
    return Way(np.array([np.inf if place is None else steps[place] for place in first]), ends[:, -1])


def for_good(holds: Any) -> int | None:
    """The first place from which on something holds `(C,)`; None where it does not at the end."""
    fails = np.flatnonzero(~holds)
    place = int(fails[-1]) + 1 if len(fails) else 0
    return place if place < len(holds) else None


def run(quick: bool) -> list[Row]:
    """For each kind of task agents: steps both ways and their paired ratio, regrets at the end, and each node."""
    limit_threads()
    drawn = nodes(2 if quick else NODES)
    return [*(row for case in CASES for row in of_networks(case, drawn)), *of_those_that_know(drawn)]


def of_networks(case: str, drawn: list[Node]) -> list[Row]:
    """Rows of networks that go on learning from cycle to cycle; the source has the preset's settings."""
    source = start_from(trained(settings("dqn", REFERENCE), REFERENCE))
    budget = members(settings("dqn", REFERENCE, **CASES[case]), REFERENCE.trace).transitions
    cold, warm = ([learnt_anew(node, case, start) for node in drawn] for start in (None, source))
    return told(case, cold, warm, budget, drawn)


def of_those_that_know(drawn: list[Node]) -> list[Row]:
    """Rows of networks that know alpha."""
    source = trained(settings("conditioned", REFERENCE), REFERENCE)
    budget = PREPARED[-1] * source.spec.iteration_transitions
    cold, warm = ([learnt_before(node, start) for node in drawn] for start in (None, start_from(source)))
    return told("conditioned", cold, warm, budget, drawn)


def told(case: str, cold: list[Way], warm: list[Way], budget: int, drawn: list[Node]) -> list[Row]:
    """Rows of a case; a node counts as the median of its seeds, a seed that never gets there as its whole budget."""
    about = {"version": mamo_cli.__version__, "members": len(cold[0].steps), "cores": 1}
    rows, pairs = [], list(zip(warm, cold, strict=True))
    for way, found in (("from nothing", cold), ("warm", warm)):
        never = [np.isinf(each.steps) for each in found]
        note = f"to within {100 * CLOSE:g} %; {np.sum(never)} of {np.size(never)} runs never get there, nor does the "
        note += f"median of {sum(bool(each.mean() >= 0.5) for each in never)} nodes"
        rows.append(
            interval(f"{case}, {way}", "steps", [np.minimum(each.steps, budget) for each in found], note, about)
        )
        ends = [100.0 * each.regrets for each in found]
        rows.append(interval(f"{case}, {way}", "% regret", ends, f"after {budget:,} steps", about))
    ratios = [np.minimum(one.steps, budget) / np.minimum(other.steps, budget) for one, other in pairs]
    rows.append(interval(f"{case}, warm / from nothing", "x", ratios, "steps, paired by node and seed", about))
    differences = [100.0 * (one.regrets - other.regrets) for one, other in pairs]
    rows.append(interval(f"{case}, warm - from nothing", "% regret", differences, "at the end, paired", about))
    for node, both in zip(drawn, pairs, strict=True):
        for way, each in zip(("warm", "from nothing"), both, strict=True):
            values = np.minimum(each.steps, budget).tolist()
            rows.append(measured("warm", f"{case}, {way}", "steps of a node", values, note=str(node), **about))
    return rows


def interval(engine: str, unit: str, values: Sequence[FloatArray], note: str, about: Mapping[str, Any]) -> Row:
    """A row of the median over nodes of their seeds' medians, with its 95 % bootstrap interval over nodes."""
    numbers = np.array([np.median(each) for each in values])
    low, high = bootstrap_interval(numbers, median, rng=stream(0, "bootstrap"))
    ends = (float(np.median(numbers)), float(low), float(high))
    cells = ("warm", engine, about["version"], "", about["members"], about["cores"], unit)
    return Row(*cells, *ends, len(values), f"{note}; median of nodes, 95 % interval")
