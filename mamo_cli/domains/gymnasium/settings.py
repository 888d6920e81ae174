"""Which Gymnasium environment is played, what its rewards cost, and what it calls its things."""

from typing import Annotated

from pydantic import Field

from mamo_cli.core.settings import Section
from mamo_cli.core.words import Quantity, Words

WORDS = Words(
    agent="environment",
    violations=(),
    measures=(Quantity("choice", "Choice", whole=True),),
    conditions=(Quantity("expected", "expected"), Quantity("actual", "actual")),
    control="Condition (none is known)",
    cost="Mean cost (the reward, negated)",
)


class GymnasiumConfig(Section):
    """An environment by its id, and how its numbers reach a learner."""

    environment: str = Field(default="CartPole-v1", description="Gymnasium's id; choices are `Discrete`.")
    episode_steps: int | None = Field(
        default=None, ge=1, description="Steps after which an episode is truncated. Default: the environment's own."
    )
    reward_offset: float = Field(default=0.0, description="The cost is this less the reward, over `reward_scale`.")
    reward_scale: float = Field(default=1.0, gt=0.0, description="Rewards that count as a cost of 1.")
    observation_scale: tuple[Annotated[float, Field(gt=0.0)], ...] | None = Field(
        default=None, description="What each number observed is divided by. Default: nothing."
    )
    evaluation_seed: int = Field(default=0, ge=0, lt=2**30, description="Which episodes the evaluation plays.")
