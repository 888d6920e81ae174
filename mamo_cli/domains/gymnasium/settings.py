"""Which Gymnasium environment is played, what of a step is cost and what is limited, and what it calls its things."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mamo_cli.core.settings import Section
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import WorkloadSettings

WORDS = Words(
    agent="environment",
    violations=(Quantity("violation", "Violation V\n(per step)", symbol="V"),),
    measures=(Quantity("choice", "Choice", whole=True),),
    conditions=(Quantity("expected", "expected"), Quantity("actual", "actual")),
    control="Condition (none is known)",
    cost="Mean cost of a step",
)
# Most of what the field plays is paid for long after it was chosen.
DEFAULTS: Mapping[str, Any] = {"learner": {"discount": 0.99}}


class GymnasiumConfig(WorkloadSettings):
    """An environment by its id, and how its numbers reach a learner.

    It brings its own workload: there is no trace, and none to be cut in two.
    """

    trace: ClassVar[None] = None  # type: ignore[misc]
    train_share: ClassVar[float] = 0.7  # type: ignore[misc]
    noise_seed: int = Field(default=0, ge=0, lt=2**19, description="Which episodes the evaluation plays.")

    environment: str = Field(
        default="CartPole-v1", description="Gymnasium's id, or module:ID for one that a module registers."
    )
    episode_steps: int | None = Field(
        default=None, ge=1, description="Steps after which an episode is truncated. Default: the environment's own."
    )
    evaluation_steps: int | None = Field(
        default=None, ge=1, description="Steps that the evaluation plays. Default: one longest episode."
    )
    cost_key: str | None = Field(
        default=None, description="Entry of info that is the cost of a step. Default: the reward, negated."
    )
    cost_offset: float = Field(default=0.0, description="Added to a cost, in its own unit.")
    cost_scale: float = Field(
        default=1.0, gt=0.0, description="What counts as a cost of 1: (cost + offset) / scale must be 0 to 1."
    )
    violation_key: str | None = Field(
        default=None, description="Entry of info that is the violation of a step, best 0 (kept) to 1 (broken)."
    )
    tolerance: float = Field(default=0.05, description="Most that the violation may be, as a mean of steps.")
    observation_scale: tuple[Annotated[float, Field(gt=0.0)], ...] | None = Field(
        default=None, description="What all numbers observed are divided by, or each: repeat. Default: nothing."
    )


SETTINGS, PLANNING = GymnasiumConfig, Section
