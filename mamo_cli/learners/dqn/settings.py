"""Settings of the deep Q-learner, and which parts it is put together from."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mamo_cli.core.settings import ADDED, Section, Share, Width, added_as, one_of
from mamo_cli.learners.dqn.parts import AUTO, CHOOSERS, MIXERS, NETWORKS, OPTIMISERS, TARGETS


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
        default=10.0,
        gt=0.0,
        description="Each member's gradient is clipped to this norm; each agent's, where agents learn apart.",
    )

    network: Annotated[str, one_of(NETWORKS)] = Field(
        default="perceptron",
        description="What values are computed by: a perceptron that sees what all agents observe, one for all that "
        "sees what each observes itself (shared), or one for each that does (apart).",
        json_schema_extra=ADDED,
    )
    target: Annotated[str, one_of(TARGETS)] = Field(
        default="double_q", description="What values are moved towards.", json_schema_extra=ADDED
    )
    chooser: Annotated[str, one_of((AUTO, *CHOOSERS))] = Field(
        default=AUTO,
        description="How values become a choice of every agent; auto: greedy, or knapsack where they share a budget.",
        json_schema_extra=added_as("greedy"),
    )
    mixer: Annotated[str, one_of(MIXERS)] = Field(
        default="independent",
        description="What of the agents' values is learnt: each, their sum (VDN), or a monotone mix of them (QMIX).",
        json_schema_extra=ADDED,
    )
    optimiser: Annotated[str, one_of(OPTIMISERS)] = Field(
        default="adam", description="What moves the parameters.", json_schema_extra=ADDED
    )

    sharing: Share = Field(
        default=0.0,
        description="Share of the mean of all agents' rewards in what each is rewarded by; the rest is its own reward.",
        json_schema_extra=ADDED,
    )

    @model_validator(mode="after")
    def _what_is_learnt_as_one_is_not_shared(self) -> Self:
        if self.sharing and self.mixer != "independent":
            raise ValueError(f"mixer {self.mixer} learns the agents' total reward: sharing is for independent ones")
        return self

    @property
    def separate(self) -> bool:
        """Whether each agent has a network of its own, which learns from that agent's rewards and values alone."""
        return self.network == "apart" and self.mixer == "independent" and not self.sharing

    @model_validator(mode="after")
    def _replay_holds_a_batch(self) -> Self:
        if self.replay_capacity < self.batch_size:
            raise ValueError(f"replay_capacity {self.replay_capacity} must hold a batch, batch_size {self.batch_size}")
        return self
