"""A shard: a slice of a run's members as one loop, built from plain data so that any process can build it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mamo_cli.adaptation.fixed import FixedWeights
from mamo_cli.adaptation.loop import TwoPhaseLoop
from mamo_cli.adaptation.strategy import WeightStrategy
from mamo_cli.adaptation.wa_agent import WeightAdaptationAgent
from mamo_cli.config import MamoConfig, TrainConfig
from mamo_cli.learning.population import TaskPopulation
from mamo_cli.scaling.instance import build_case
from mamo_cli.seeding import MemberStreams
from mamo_cli.workload.trace import Trace

TRAIN_ROUNDS = 10  # rounds that a baseline's one phase is told in


@dataclass(frozen=True, eq=False)
class ShardSpec:
    """What a shard is built from.

    Attributes:
        config: the whole run's configuration.
        source: the run's trace.
        seeds: one a member.
        alphas: one a member for baselines; empty where an agent picks them.
        device: where the networks are: "cpu", or "cuda" for thousands of members.
    """

    config: TrainConfig | MamoConfig
    source: Trace
    seeds: tuple[int, ...]
    alphas: tuple[float, ...] = ()
    device: str = "cpu"


def build_shard(spec: ShardSpec) -> TwoPhaseLoop:
    """The loop over a shard's members, at its first round."""
    config, instance = spec.config, spec.config.instance
    case = build_case(instance, spec.source)
    phase = config.phase
    streams = [MemberStreams(seed, "te") for seed in spec.seeds]
    tasks = TaskPopulation(case.training, instance.noise, config.learner, phase, streams, spec.device)
    cycles, strategy = _strategy(spec)
    return TwoPhaseLoop(
        seeds=spec.seeds,
        tasks=tasks,
        strategy=strategy,
        evaluation=case.evaluation,
        cycles=cycles,
        phase_iterations=phase.iterations,
        round_iterations=phase.iterations if cycles > 1 else -(-phase.iterations // TRAIN_ROUNDS),
        window=phase.window,
        steps_per_iteration=phase.iteration_steps * phase.environments,
        tolerance=instance.tolerance,
        replica_cost=instance.replica_cost,
    )


def _strategy(spec: ShardSpec) -> tuple[int, WeightStrategy]:
    functions = len(spec.source.functions)
    if isinstance(spec.config, TrainConfig):
        return 1, FixedWeights(np.repeat(np.array(spec.alphas)[:, None], functions, 1))
    adaptation = spec.config.adaptation
    streams = [MemberStreams(seed, "wa") for seed in spec.seeds]
    agent = WeightAdaptationAgent(
        adaptation, spec.config.wa_learner, spec.config.instance.tolerance, functions, streams, spec.device
    )
    return adaptation.cycles, agent


def cut(spec: ShardSpec, sizes: Sequence[int]) -> list[ShardSpec]:
    """Cut a run's members into consecutive shards of the given sizes."""
    edges = np.concatenate(([0], np.cumsum(sizes)))
    return [
        replace(spec, seeds=spec.seeds[start:stop], alphas=spec.alphas[start:stop]) for start, stop in pairwise(edges)
    ]
