"""The configuration of each command, composed of the sections of the domain and the strategy it is about."""

import functools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, create_model, model_validator

from mamo_cli.core.settings import ADDED, CONTENT, FileName, Section, Share, distinct, one_of, resolve
from mamo_cli.domains import registry as domains
from mamo_cli.domains.settings import WorkloadSettings
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.conditions import NO_DRIFT, ONE_WORLD, DriftConfig, RandomiseConfig, WalkConfig
from mamo_cli.training.federation.settings import NO_FEDERATION, FederationConfig
from mamo_cli.training.settings import (
    EXACT,
    NO_LOG,
    READOUTS,
    TASK_AGENTS,
    TASK_DEFAULTS,
    TASK_SECTIONS,
    PhaseConfig,
    PretrainConfig,
    Seeds,
)

DEFAULT_DOMAIN, DEFAULT_STRATEGY, DEFAULT_TE = domains.DEFAULT, "wa-dqn", "dqn"
_DOMAINS, _STRATEGIES = ", ".join(domains.DOMAINS), ", ".join(strategies.STRATEGIES)


class ProblemConfig(Section):
    """What every command that has a problem is about; `configuration` puts the domain's own section into its place."""

    domain: str = Field(default=DEFAULT_DOMAIN, description=f"What is controlled: {_DOMAINS}.", json_schema_extra=ADDED)
    instance: WorkloadSettings = WorkloadSettings()

    @model_validator(mode="after")
    def _instance_knows_what_its_agents_have_of_their_own(self) -> Self:
        table = domains.own_table(self.domain)
        own = None if table is None else getattr(self, table[0], None)
        if own:
            object.__setattr__(self, "instance", self.instance.having(own))
        return self


class SolveOfflineConfig(ProblemConfig):
    """`mamo solve-offline`."""

    scope: Literal["step", "average", "alpha"] = Field(
        default="step",
        description="What the plan must hold: the tolerance at every step, or on average; alpha: it minimises "
        "(1 - alpha) cost + alpha violation, in expectation over the noise.",
    )
    alpha: Share = Field(default=0.8, description="Weight of the violation in scope alpha.")
    solver: Literal["auto", "gurobi", "cbc", "highs"] = Field(default="auto", description="auto: Gurobi, else CBC.")
    time_limit: float | None = Field(
        default=None, gt=0.0, description="Stop the solver after so many s, at the plan and at each bound."
    )


class ValidateConfig(ProblemConfig):
    """`mamo validate-model`."""

    UNUSED: ClassVar = {
        *("train_share", "replica_cost", "memory_per_replica", "node_memory", "rejection_model", "simulated_seconds"),
        *("latency_limit", "latency_tolerance", "shield", "shield_window", "counting", "proxy"),
    }
    """What a node has for plans and training: it may stand in a file, and is no option, as it changes nothing here."""

    rates: int = Field(
        default=20, ge=1, le=1000, description="Rates to simulate, evenly over the trace's with its noise."
    )
    standard_error: float = Field(
        default=0.002, ge=1e-5, le=0.1, description="Of each simulated rejection probability, at most."
    )


class TrainConfig(ProblemConfig):
    """`mamo train`."""

    alpha: Annotated[tuple[Share, ...], Field(min_length=1, max_length=1000), AfterValidator(distinct)] = Field(
        default=(0.1, 0.9), description="Weight of the violation in the reward; repeat for several."
    )
    seeds: Seeds = Field(
        default=8, description="How many seeds, from 0, or which, such as 100..115; each is trained at every alpha."
    )
    start: FileName | None = Field(
        default=None,
        description="Folder of a complete run whose networks the members begin with, or a start.npz that one keeps.",
        json_schema_extra={**ADDED, **CONTENT},
    )
    learner: LearnerConfig = LearnerConfig()
    phase: PhaseConfig = PhaseConfig(
        iterations=40,
        iteration_steps=20,
        window=10,
        epsilon=((0.0, 1.0), (0.5, 0.05), (0.8, 0.0)),
        learning_rate=((0.0, 3e-3), (0.4, 3e-3), (1.0, 1e-4)),
    )
    randomise: RandomiseConfig = Field(default=ONE_WORLD, json_schema_extra=ADDED)
    pretrain: PretrainConfig = Field(default=NO_LOG, json_schema_extra=ADDED)

    @model_validator(mode="after")
    def _a_log_is_of_one_world(self) -> Self:
        if self.pretrain != NO_LOG and self.randomise != ONE_WORLD:
            raise ValueError("pretrain is what a rule did on the one configured node, and randomise is of many: choose")
        return self


class MamoConfig(ProblemConfig):
    """`mamo run-mamo`; the strategy's sections come with it."""

    strategy: str = Field(
        default=DEFAULT_STRATEGY, description=f"Who picks the weights: {_STRATEGIES}.", json_schema_extra=ADDED
    )
    seeds: Seeds = Field(default=8, description="How many seeds, from 0, or which, such as 100..115.")
    te: Annotated[str, one_of(TASK_AGENTS)] = Field(
        default=DEFAULT_TE, description=f"Who the task agents are: {', '.join(TASK_AGENTS)}.", json_schema_extra=ADDED
    )
    readout: Annotated[str, one_of(READOUTS)] = Field(
        default="last",
        description="What is delivered: the last policy, the best, or a mix that meets the limit on average.",
        json_schema_extra=ADDED,
    )
    start: FileName | None = Field(
        default=None,
        description="Folder of a complete run whose networks the members begin with, or a start.npz that one keeps.",
        json_schema_extra={**ADDED, **CONTENT},
    )
    learner: LearnerConfig = LearnerConfig()
    phase: PhaseConfig = PhaseConfig()
    randomise: RandomiseConfig = Field(default=ONE_WORLD, json_schema_extra=ADDED)
    pretrain: PretrainConfig = Field(default=NO_LOG, json_schema_extra=ADDED)
    drift: DriftConfig = Field(default=NO_DRIFT, json_schema_extra=ADDED)
    continual: bool = Field(
        default=False, description="Walk the evaluation once, and go on learning.", json_schema_extra=ADDED
    )
    walk: WalkConfig = Field(default=WalkConfig(), json_schema_extra=ADDED)
    federation: FederationConfig = Field(default=NO_FEDERATION, json_schema_extra=ADDED)

    @model_validator(mode="after")
    def _only_who_goes_on_learning_walks(self) -> Self:
        if self.walk != WalkConfig() and not self.continual:
            raise ValueError("walk is how --continual walks: it needs continual = true")
        return self

    @model_validator(mode="after")
    def _many_worlds_stand_still(self) -> Self:
        if self.randomise != ONE_WORLD:
            if self.drift != NO_DRIFT or self.continual:
                raise ValueError("randomise is of many worlds at once, drift and continual of one that changes: choose")
            if self.te == EXACT:
                raise ValueError("randomise is of what agents learn in, and te exact learns nothing")
        return self

    @model_validator(mode="after")
    def _a_log_is_of_one_world(self) -> Self:
        if self.pretrain != NO_LOG:
            if self.te == EXACT:
                raise ValueError("pretrain is what agents learn from first, and te exact learns nothing")
            if self.randomise != ONE_WORLD:
                raise ValueError(
                    "pretrain is what a rule did on the one configured node, and randomise is of many: choose"
                )
            if self.drift != NO_DRIFT:
                raise ValueError("pretrain is what a rule did on the configured node: it does not go with drift")
        return self

    @model_validator(mode="after")
    def _a_federation_delivers_what_it_averaged_last(self) -> Self:
        if self.federation != NO_FEDERATION:
            if self.start is not None:
                raise ValueError(
                    "federation begins with one network for all agents, and --from brings their own: choose"
                )
            if self.readout != "last":
                raise ValueError(f"federation delivers what was averaged last: it goes without readout {self.readout}")
            if self.continual:
                raise ValueError("federation averages between cycles, and continual learns on without: choose")
        return self

    def sections(self) -> dict[str, Section]:
        """The strategy's own."""
        return {name: getattr(self, name) for name in strategies.sections_of(self.strategy)}


class BaselinesConfig(ProblemConfig):
    """`mamo baselines`."""

    seeds: Seeds | None = Field(
        default=None,
        description="How many seeds of the simulated requests, from 0, or which, such as 100..115; under "
        "--rejection-model simulation alone.  [default: 8]",
    )


class OtherConfig(Section):
    """A table `[own.NAME]` of `mamo evaluate`: what an agent has otherwise than its policy was trained for."""

    tolerance: Share | None = None
    warm_service_time: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    cold_service_time: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    sensor: Annotated[float, Field(gt=0.0, le=1e3)] | None = Field(
        default=None, description="What a node takes its expected rate for, and tells of it, over what that is."
    )
    lies: bool | None = Field(
        default=None,
        description="It tells an expected rate of 0 and its whole cap as replicas to spare, whatever is true.",
    )


class EvaluateConfig(Section):
    """`mamo evaluate`."""

    run: str = Field(default="", description="Name of the run whose policies are evaluated.")
    trace: FileName | None = Field(
        default=None,
        description="Workload trace to evaluate on, CSV. Default: the run's own.",
        json_schema_extra=CONTENT,
    )
    noise_seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the evaluation noise.")
    noise: Annotated[float, Field(ge=0.0, lt=1.0)] | None = Field(
        default=None,
        description="Relative deviation of the actual rate, uniform in +- this. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    tolerance: Share | None = Field(
        default=None, description="Most violation allowed. Default: the run's own.", json_schema_extra=ADDED
    )
    rejection_model: Literal["serverless", "erlang", "simulation"] | None = Field(
        default=None,
        description="serverless, erlang or simulation: what says how a node rejects. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    measurements: FileName | None = Field(
        default=None,
        description="CSV of what a node was measured to reject, by which it then does. Default: the run's own.",
        json_schema_extra={**ADDED, **CONTENT},
    )
    warm_service_time: float | None = Field(
        default=None,
        gt=0.0,
        le=1e6,
        description="Mean service time on a warm replica of a node, s. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    cold_service_time: float | None = Field(
        default=None,
        gt=0.0,
        le=1e6,
        description="Mean service time on a starting replica of a node, s. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    shield: float | None = Field(
        default=None,
        ge=0.0,
        lt=1.0,
        description="Floor under the replicas of a node, see `mamo train --help`. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    load: Literal["drawn", "worst"] | None = Field(
        default=None,
        description="drawn or worst: what comes within the noise where nodes play together. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    isolate_after: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="Contradictions of its claims after which a neighbour is isolated. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    loss: Share | None = Field(
        default=None,
        description="Share of the messages between agents that are lost. Default: the run's own.",
        json_schema_extra=ADDED,
    )
    own: dict[str, OtherConfig] | None = Field(default=None, json_schema_extra=ADDED)

    @model_validator(mode="after")
    def _a_node_is_measured_or_modelled(self) -> Self:
        if self.measurements is None:
            return self
        for name in ("rejection_model", "warm_service_time", "cold_service_time"):
            if getattr(self, name) is not None:
                raise ValueError(f"measurements say how the node rejects, whatever its {name}: give one of the two")
        return self


class CompareConfig(Section):
    """`mamo compare`."""

    scenario: Annotated[tuple[str, ...], Field(min_length=1)] = ("reference",)
    strategy: Annotated[tuple[Annotated[str, one_of(strategies.COMPARED)], ...], Field(min_length=1)] = Field(
        default=strategies.COMPARED, description="Who picks the weights; repeat for several.  [default: all]"
    )
    seeds: Seeds | None = Field(
        default=None,
        description="How many of each scenario's seeds, from its first; or which.  [default: the scenario's own]",
    )
    te: Annotated[str, one_of(TASK_AGENTS)] = "dqn"
    readout: Annotated[str, one_of(READOUTS)] = "mix"

    def others(self) -> dict[str, str]:
        """What is the same in all cells, whatever a strategy would have of its own."""
        return {"te": self.te, "readout": self.readout}


KINDS: Mapping[str, type[Section]] = {
    "solve-offline": SolveOfflineConfig,
    "validate-model": ValidateConfig,
    "train": TrainConfig,
    "run-mamo": MamoConfig,
    "baselines": BaselinesConfig,
    "evaluate": EvaluateConfig,
    "compare": CompareConfig,
}
"""The configuration of each command that makes a run."""

Config = TypeVar("Config", bound=Section)


@functools.cache
def configuration(kind: type[Config], domain: str, strategy: str, te: str = DEFAULT_TE) -> type[Config]:
    """A command's configuration with the sections of a domain, a strategy and its task agents in it.

    Raises:
        UsageError: there is no such domain or strategy.
    """
    if not issubclass(kind, ProblemConfig):
        return kind
    about = domains.about(domain)
    base: Any = (kind, about.PLANNING) if issubclass(kind, SolveOfflineConfig) else kind
    parts = {"instance": about.SETTINGS()}
    if issubclass(kind, MamoConfig):
        parts |= {**strategies.sections_of(strategy), **TASK_SECTIONS.get(te, {})}
    fields: dict[str, Any] = {name: (type(section), section) for name, section in parts.items()}
    if table := domains.own_table(domain):
        fields[table[0]] = (dict[str, table[1]] | None, Field(default=None, json_schema_extra=ADDED))  # type: ignore[valid-type]
    composed: type[Config] = create_model(kind.__name__, __base__=base, **fields)
    return composed


def configured(kind: type[Config], *layers: Mapping[str, Any]) -> Config:
    """Fill a command's configuration from layers, which also say what domain and strategy it is about.

    Raises:
        UsageError: see `resolve`; or there is no such domain or strategy.
    """
    domain, strategy = named(layers, "domain", DEFAULT_DOMAIN), named(layers, "strategy", DEFAULT_STRATEGY)
    te = named(layers, "te", DEFAULT_TE)
    composed = configuration(kind, domain, strategy, te)
    defaults = [domains.about(domain).DEFAULTS] if issubclass(kind, ProblemConfig) else []
    defaults += [TASK_DEFAULTS.get(te, {})] if issubclass(kind, MamoConfig) else []
    own = [{name: values for name, values in each.items() if name in composed.model_fields} for each in defaults]
    resolved: Config = resolve(composed, *own, *layers)
    return resolved


def named(layers: Sequence[Mapping[str, Any]], what: str, otherwise: str) -> str:
    """The name that the last of some layers gives to what they are about."""
    return str(next((layer[what] for layer in reversed(layers) if what in layer), otherwise))
