"""A shard: a slice of a run's members as one loop, built from plain data so that any process can build it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Domain
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.settings import Section
from mamo_cli.core.weights import alpha_of, weights_of
from mamo_cli.domains import registry as domains
from mamo_cli.domains.settings import WorkloadSettings
from mamo_cli.learners import registry as learners
from mamo_cli.learners.dqn.conditioned import ConditionedDQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.policies.start import Start
from mamo_cli.strategies import registry as strategies
from mamo_cli.strategies.fixed import FixedWeights
from mamo_cli.strategies.protocol import Strategy
from mamo_cli.strategies.settings import LoopSettings
from mamo_cli.training.agents import Agents, TaskAgents
from mamo_cli.training.conditioned_agents import ConditionedAgents
from mamo_cli.training.conditions import NO_DRIFT, ONE_WORLD, DriftConfig, RandomiseConfig, WalkConfig
from mamo_cli.training.continual import ContinualLoop, Walk
from mamo_cli.training.exact_agents import ExactAgents
from mamo_cli.training.federation.federation import Federation
from mamo_cli.training.federation.settings import NO_FEDERATION, FederationConfig
from mamo_cli.training.pretraining import Log
from mamo_cli.training.settings import EXACT, NO_LOG, PhaseConfig, Preparation, PretrainConfig
from mamo_cli.training.two_phase import TwoPhaseLoop
from mamo_cli.training.worlds import Worlds, one_world
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace

TRAIN_ROUNDS = 10  # rounds that a baseline's one phase is told in


@dataclass(frozen=True, eq=False)
class ShardSpec:
    """What a shard is built from.

    Attributes:
        domain: its name.
        instance: the domain's settings.
        source: the run's workload.
        learner: the task agents' settings.
        phase: of a training phase.
        seeds: one a member.
        alphas: one a member for baselines; empty where a strategy picks them.
        strategy: its name; empty for baselines.
        sections: the strategy's settings.
        device: where the networks are: "cpu", or "cuda" for thousands of members.
        te: who the task agents are: a learner's name, or "exact".
        readout: what is delivered.
        drift: what changes from cycle to cycle, or from window to window of the walk.
        walk: how the evaluation is walked after training, if it is.
        preparation: of task agents that know the weights; None for others.
        start: the policies that members begin with; None for untrained ones.
        randomise: what differs from world to world in training.
        pretrain: whose log they learn from first, if anybody's.
        federation: how agents' networks are averaged, if they are.
    """

    domain: str
    instance: WorkloadSettings
    source: Trace
    learner: LearnerConfig
    phase: PhaseConfig
    seeds: tuple[int, ...]
    alphas: tuple[float, ...] = ()
    strategy: str = ""
    sections: Mapping[str, Section] | None = None
    device: str = "cpu"
    te: str = "dqn"
    readout: str = "last"
    drift: DriftConfig = NO_DRIFT
    walk: WalkConfig | None = None
    preparation: Preparation | None = None
    start: Start | None = None
    randomise: RandomiseConfig = ONE_WORLD
    pretrain: PretrainConfig = NO_LOG
    federation: FederationConfig = NO_FEDERATION

    @property
    def cycles(self) -> int:
        """How many cycles there are; one for baselines."""
        if self.sections is None:
            return 1
        loop = self.sections["adaptation"]
        assert isinstance(loop, LoopSettings)
        return loop.cycles

    @property
    def members(self) -> list[tuple[float, ...]]:
        """What the first cells of a member's rows say of whose they are: its seed, and for baselines its alpha."""
        return list(zip(self.seeds, self.alphas, strict=True)) if self.alphas else [(seed,) for seed in self.seeds]

    def of(self, members: Sequence[tuple[float, ...]]) -> "ShardSpec":
        """The same for some of the members."""
        alphas = tuple(alpha for _, *rest in members for alpha in rest)
        return replace(self, seeds=tuple(int(seed) for seed, *_ in members), alphas=alphas)

    @property
    def transitions(self) -> int:
        """How many each member plays in its cycles, and learns from where it does not learn before them."""
        return self.cycles * self.phase.iterations * self.iteration_transitions

    @property
    def prepared_transitions(self) -> int:
        """How many each member plays, or is shown, and learns from, before its first cycle."""
        logged = 0 if self.pretrain.rule is None else self.pretrain.steps * self.phase.environments
        prepared = 0 if self.preparation is None else self.preparation.iterations * self.iteration_transitions
        return logged + prepared

    @property
    def learnt_from(self) -> int:
        """Transitions of each member that gradient steps may be made on."""
        return self.prepared_transitions + (self.transitions if self.preparation is None else 0)

    @property
    def iteration_transitions(self) -> int:
        """How many each member plays in an iteration."""
        return self.phase.iteration_steps * self.phase.environments

    @property
    def round_iterations(self) -> int:
        """Iterations that are played, and told of, at once."""
        return self.phase.iterations if self.cycles > 1 else -(-self.phase.iterations // TRAIN_ROUNDS)

    @property
    def rounds(self) -> int:
        """How many rounds a run has: its cycles, or tenths of its only phase; then the windows of its walk."""
        trained = self.round_of(self.cycles * self.phase.iterations)
        return trained if self.walk is None else trained + build_walk(self, self.walk).windows

    def round_of(self, iteration: int) -> int:
        """The round that an iteration belongs to."""
        cycle, within = divmod(iteration, self.phase.iterations)
        return cycle * -(-self.phase.iterations // self.round_iterations) + within // self.round_iterations


def build_domain(spec: ShardSpec) -> Domain:
    """What the members of a run control."""
    return domains.build(spec.domain, spec.instance, spec.source)


def build_walk(spec: ShardSpec, config: WalkConfig) -> Walk:
    """The windows of the evaluation.

    Raises:
        UsageError: it cannot be walked so often, or not under this drift.
    """
    share = spec.instance.train_share
    evaluation = training_and_evaluation(spec.source, share)[1]
    if config.periods > 1 and not evaluation.period_steps:
        raise UsageError(f"a workload that does not repeat is walked once, not walk.periods = {config.periods} times")
    whole = domains.build(spec.domain, spec.instance, spec.source, evaluation.repeated(config.periods))
    return Walk(whole, spec.drift, config.window)


def build_shard(spec: ShardSpec) -> TwoPhaseLoop | ContinualLoop:
    """The loop over a shard's members, at its first round."""
    domain, phase = build_domain(spec), spec.phase
    walk = None if spec.walk is None else build_walk(spec, spec.walk)
    tasks, strategy = _agents(spec, domain if walk is None else walk.before()), _strategy(spec, domain)
    training = TwoPhaseLoop(
        seeds=spec.seeds,
        domain=domain,
        tasks=tasks,
        strategy=strategy,
        cycles=spec.cycles,
        phase_iterations=phase.iterations,
        round_iterations=spec.round_iterations,
        window=phase.window,
        steps_per_iteration=spec.iteration_transitions,
        steps_before=spec.prepared_transitions,
        readout=spec.readout,
        drift=spec.drift if walk is None else NO_DRIFT,
        federation=_federation(spec, tasks, len(domain.spec.agents)),
    )
    if spec.start is not None:
        assert isinstance(tasks, TaskAgents)
        tasks.begin_with(spec.start.of(spec.seeds, training.alphas))
    if walk is None or spec.walk is None:
        return training
    assert isinstance(tasks, TaskAgents)
    return ContinualLoop(training, strategy, tasks, walk, spec.walk, spec.seeds, spec.cycles)


def _agents(spec: ShardSpec, domain: Domain) -> Agents:
    if spec.te == EXACT:
        return ExactAgents(domain, len(spec.seeds))
    streams = [MemberStreams(seed, "te") for seed in spec.seeds]
    learner = learners.build(spec.te, spec.learner, Shape.of(domain.spec), streams, spec.device)
    training = one_world if spec.randomise == ONE_WORLD else Worlds(spec.randomise)
    if spec.preparation is not None and isinstance(learner, ConditionedDQN):
        return ConditionedAgents(
            domain, learner, spec.phase, spec.preparation, streams, training, build_log(spec, domain)
        )
    return TaskAgents(domain, learner, spec.phase, streams, training, build_log(spec, domain))


def _federation(spec: ShardSpec, tasks: Agents, agents: int) -> Federation | None:
    if spec.federation.every is None:
        return None
    assert isinstance(tasks, TaskAgents)
    return Federation(spec.federation, tasks, spec.seeds, agents)


def build_log(spec: ShardSpec, domain: Domain) -> Log | None:
    """What members learn from before their first iteration, if anything.

    Raises:
        UsageError: there is no such rule.
    """
    if spec.pretrain.rule is None:
        return None
    return Log(domains.logged(spec.domain, domain, spec.pretrain.rule), spec.pretrain)


def _strategy(spec: ShardSpec, domain: Domain) -> Strategy:
    if spec.sections is None:
        alphas = np.repeat(np.array(spec.alphas)[:, None], len(domain.spec.agents), 1)
        return FixedWeights(weights_of(alphas))
    return strategies.build(spec.strategy, spec.sections, domain.spec, spec.seeds, spec.device)


def cut(spec: ShardSpec, sizes: Sequence[int]) -> list[ShardSpec]:
    """Cut a run's members into consecutive shards of the given sizes."""
    edges = np.concatenate(([0], np.cumsum(sizes)))
    return [spec.of(spec.members[start:stop]) for start, stop in pairwise(edges)]


def shards_of(spec: ShardSpec, states: Sequence[Mapping[str, Any]]) -> list[ShardSpec]:
    """The shards that saved states are of; where these do not say whose they are, members stand in order.

    Raises:
        ValueError: together they are not of the run's members.
    """
    if not all("seeds" in state for state in states):
        return cut(spec, [len(state["alive"]) for state in states])
    shards = [spec.of(_saved_members(spec, state)) for state in states]
    if sorted(member for shard in shards for member in shard.members) != sorted(spec.members):
        raise ValueError("other members than the run's")
    return shards


def _saved_members(spec: ShardSpec, state: Mapping[str, Any]) -> list[tuple[float, ...]]:
    if not spec.alphas:
        return [(int(seed),) for seed in state["seeds"]]
    return list(zip(state["seeds"], alpha_of(state["weights"])[:, 0].tolist(), strict=True))


def place_in(spec: ShardSpec) -> Callable[[Sequence[Any]], int]:
    """Tells which member of a run, counted from 0, a row is of."""
    places = {member: place for place, member in enumerate(spec.members)}
    width = 2 if spec.alphas else 1
    return lambda row: places[tuple(row[:width])]
