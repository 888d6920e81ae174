"""The typed configuration of every command: defaults, units, bounds, and its canonical text and hash.

One class a command, made of shared sections. A TOML file and the command line fill the same fields, and the command
line wins. The help texts of the options are the descriptions written here, so that the two cannot disagree.
"""

import hashlib
import json
import reprlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mamo_cli.errors import MAX_PROBLEMS_SHOWN, UsageError

FORMAT_VERSION = 1
MAX_CONFIG_BYTES = 1 << 16
MAX_LINE_DOTS = 1000  # the parser's memory grows with the square of a dotted key's parts


def _rising(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    places = [place for place, _ in points]
    if not points or places != sorted(places) or not all(0.0 <= place <= 1.0 for place in places):
        raise ValueError("must be (progress, value) pairs with progress rising within [0, 1]")
    return points


def _distinct(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(set(values)) != len(values):
        raise ValueError("must not repeat a value")
    return values


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Width = Annotated[int, Field(ge=1, le=4096)]
Schedule = Annotated[tuple[tuple[float, Annotated[float, Field(ge=0.0)]], ...], AfterValidator(_rising)]


class Section(BaseModel):
    """Base of all sections: frozen, strict about unknown keys, and finite throughout."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class InstanceConfig(Section):
    """The node, its workload and what is asked of it: the reference instance unless told otherwise."""

    trace: str | None = Field(default=None, description="Workload trace, CSV. Default: the reference sinusoid.")
    tolerance: Share = Field(default=0.05, description="Most rejection allowed, a probability.")
    noise: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.2, description="Relative deviation of the actual rate, uniform in +- this."
    )
    noise_seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the evaluation noise.")
    max_replicas: int = Field(
        default=10, ge=1, le=1000, description="Cap on a function's replicas where the trace has none."
    )
    replica_cost: float = Field(default=1.0, gt=0.0, le=1e9, description="Cost of one replica for one period.")
    warm_service_time: float = Field(
        default=0.065, gt=0.0, le=1e6, description="Mean service time on a warm replica, s."
    )
    cold_service_time: float = Field(
        default=0.25, gt=0.0, le=1e6, description="Mean service time on a starting replica, s."
    )
    idle_timeout: float = Field(default=60.0, ge=0.0, le=1e9, description="Idleness after which a replica ends, s.")
    rejection_model: Literal["serverless", "erlang"] = Field(
        default="serverless", description="How P(rate, replicas) is computed."
    )
    train_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.7, description="Leading part of an imported trace that is trained on; the rest is for evaluation."
    )


class LearnerConfig(Section):
    """Double DQN with prioritised replay."""

    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)] = Field(
        default=(64, 64, 64), description="Widths of the hidden layers."
    )
    discount: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.5, description="Discount of the next period's value."
    )
    batch_size: int = Field(default=32, ge=1, le=4096, description="Transitions in a gradient step.")
    replay_capacity: int = Field(default=16_384, ge=32, le=1_000_000, description="Transitions kept of each member.")
    priority_exponent: Share = Field(default=0.6, description="0 samples uniformly, 1 proportionally to the TD error.")
    importance_exponent: Share = Field(
        default=0.4, description="0 leaves the bias of prioritised sampling, 1 undoes it."
    )
    target_interval: int = Field(default=50, ge=1, description="Gradient steps between copies to the target network.")
    max_gradient_norm: float = Field(
        default=10.0, gt=0.0, description="Each member's gradient is clipped to this norm."
    )

    @model_validator(mode="after")
    def _replay_holds_a_batch(self) -> Self:
        if self.replay_capacity < self.batch_size:
            raise ValueError(f"replay_capacity {self.replay_capacity} must hold a batch, batch_size {self.batch_size}")
        return self


class PhaseConfig(Section):
    """One training phase of the task-execution agents; its schedules restart with every MAMO cycle."""

    iterations: int = Field(
        default=20, ge=1, le=1_000_000, description="Iterations in a phase: one row of training.csv each."
    )
    iteration_steps: int = Field(
        default=10, ge=1, le=1_000_000, description="Control periods an environment plays in one."
    )
    environments: int = Field(default=16, ge=1, le=1024, description="Copies of the environment each member acts in.")
    updates_per_step: int = Field(
        default=3, ge=1, le=1024, description="Gradient steps after every step of all copies."
    )
    window: int = Field(default=6, ge=1, description="Last iterations of a phase over which it is summarised.")
    epsilon: Schedule = Field(
        default=((0.0, 0.5), (0.4, 0.05), (0.6, 0.0)), description="Probability of a random action over the phase."
    )
    learning_rate: Schedule = Field(
        default=((0.0, 3e-3), (0.4, 3e-3), (1.0, 1e-4)), description="Adam's step size over the phase."
    )


class AdaptationConfig(Section):
    """The weight-adaptation agent and its loop."""

    cycles: int = Field(default=60, ge=1, le=1_000_000, description="Cycles of choosing alpha and training under it.")
    initial_alpha: Share = Field(default=0.1, description="Alpha of the first cycle.")
    alpha_step: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.1, description="Spacing of the alphas to choose from."
    )
    kappa: float = Field(default=0.1, gt=0.0, le=10.0, description="Added to the reward of every feasible alpha.")
    updates: int = Field(default=100, ge=1, le=100_000, description="Gradient steps of the WA agent after each cycle.")
    learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0, description="Adam's step size of the WA agent.")
    epsilon: Schedule = Field(
        default=((0.0, 1.0), (0.3, 1.0), (0.8, 0.0)), description="Probability of an exploratory alpha over the cycles."
    )


class SolveOfflineConfig(Section):
    """`mamo solve-offline`."""

    instance: InstanceConfig = InstanceConfig()
    scope: Literal["step", "average", "alpha"] = Field(
        default="step", description="What the plan must hold or minimise."
    )
    alpha: Share = Field(default=0.8, description="Weight of rejection in scope alpha.")
    solver: Literal["auto", "gurobi", "cbc", "highs"] = Field(default="auto", description="auto: Gurobi, else CBC.")
    time_limit: float | None = Field(default=None, gt=0.0, description="Stop the solver after so many s.")
    memory_per_replica: float | None = Field(default=None, gt=0.0, description="Memory of one replica, MB.")
    node_memory: float | None = Field(default=None, gt=0.0, description="Memory of the node, MB.")
    scale_up_cost: float | None = Field(
        default=None, ge=0.0, description="Cost of each replica added from a period to the next."
    )


class TrainConfig(Section):
    """`mamo train`."""

    instance: InstanceConfig = InstanceConfig()
    alpha: Annotated[tuple[Share, ...], Field(min_length=1, max_length=1000), AfterValidator(_distinct)] = Field(
        default=(0.1, 0.9), description="Weight of rejection in the reward; repeat for several."
    )
    seeds: int = Field(default=8, ge=1, le=100_000, description="Seeds 0..n-1, each trained at every alpha.")
    learner: LearnerConfig = LearnerConfig()
    phase: PhaseConfig = PhaseConfig(
        iterations=40,
        iteration_steps=20,
        window=10,
        epsilon=((0.0, 1.0), (0.5, 0.05), (0.8, 0.0)),
        learning_rate=((0.0, 3e-3), (0.4, 3e-3), (1.0, 1e-4)),
    )


class MamoConfig(Section):
    """`mamo run-mamo`."""

    instance: InstanceConfig = InstanceConfig()
    seeds: int = Field(default=8, ge=1, le=100_000, description="Seeds 0..n-1.")
    learner: LearnerConfig = LearnerConfig()
    phase: PhaseConfig = PhaseConfig()
    adaptation: AdaptationConfig = AdaptationConfig()
    wa_learner: LearnerConfig = LearnerConfig(discount=0.0, replay_capacity=48, target_interval=100)


class EvaluateConfig(Section):
    """`mamo evaluate`."""

    run: str = Field(default="", description="Name of the run whose policies are evaluated.")
    trace: str | None = Field(default=None, description="Workload trace to evaluate on, CSV. Default: the run's own.")
    noise_seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the evaluation noise.")


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {},
    "paper": {
        "seeds": 20,
        "adaptation": {"cycles": 120},
        "phase": {"iteration_steps": 15},
        "wa_learner": {"replay_capacity": 96},
    },
}
"""What `run-mamo --preset` sets; `quick` is the defaults."""

AnyConfig = TypeVar("AnyConfig", bound=Section)


def resolve(kind: type[AnyConfig], *layers: Mapping[str, Any]) -> AnyConfig:
    """Fill a configuration from layers of nested values, later ones winning over earlier ones and over defaults.

    Raises:
        UsageError: a key is unknown or a value out of its bounds; names the key, the value and the rule.
    """
    values: dict[str, Any] = kind().model_dump()
    for layer in layers:
        values = _merged(values, layer)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [_explained(problem) for problem in error.errors(include_url=False)[:MAX_PROBLEMS_SHOWN]]
        raise UsageError("\n".join(problems)) from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a configuration file's values, unchecked against any command.

    Raises:
        UsageError: unreadable, too large, or not TOML; names the file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
        if len(text) > MAX_CONFIG_BYTES:
            raise UsageError(f"{path}: a configuration file has at most {MAX_CONFIG_BYTES} bytes")
        if any(line.count(b".") > MAX_LINE_DOTS for line in text.splitlines()):
            raise UsageError(f"{path}: a line of a configuration file has at most {MAX_LINE_DOTS} dots")
        return tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the configuration: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UsageError(f"{path}: not a TOML file in UTF-8: {error}") from None


def to_toml(config: Section) -> str:
    """Text of a configuration with every default filled in; `read_toml` and `resolve` give the same one back."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def canonical(config: Section) -> dict[str, Any]:
    """The configuration as plain JSON values, in a fixed order."""
    return config.model_dump(mode="json")


def digest(config: Section, *contents: str) -> str:
    """Eight hex digits that stand for a configuration, the contents it names (a trace's digest) and our format."""
    text = json.dumps([FORMAT_VERSION, type(config).__name__, canonical(config), *contents], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _merged(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in layer.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged


def _explained(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])[:200]
    if problem["type"] == "extra_forbidden":
        return f"{where}: no such setting"
    rule = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], Mapping):  # a rule on a whole section names its values itself
        return f"{where}: {rule}"
    return f"{where}: {rule[0].lower()}{rule[1:]}, got {_shown(problem['input'])}"


def _shown(value: Any) -> str:
    """A value in a message, cut where it is long or deep."""
    try:
        return reprlib.repr(value)[:200]
    except ValueError:  # Python does not spell a whole number of more than 4300 digits
        return "a number of thousands of digits"
