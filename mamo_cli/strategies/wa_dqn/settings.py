"""Settings of the weight-adaptation agent."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from mamo_cli.core.settings import ADDED, Schedule
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.strategies.settings import LoopSettings


class AdaptationConfig(LoopSettings):
    """The weight-adaptation agent and its loop."""

    alpha_step: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.1, description="Spacing of the alphas to choose from."
    )
    refinements: int = Field(
        default=0,
        ge=0,
        le=5,
        description="How often the alphas to choose from are laid anew, finer, between two that bracket the limit.",
        json_schema_extra=ADDED,
    )
    kappa: float = Field(default=0.1, gt=0.0, le=10.0, description="Added to the reward of every feasible alpha.")
    updates: int = Field(default=100, ge=1, le=100_000, description="Gradient steps of the WA agent after each cycle.")
    learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0, description="Adam's step size of the WA agent.")
    epsilon: Schedule = Field(
        default=((0.0, 1.0), (0.3, 1.0), (0.8, 0.0)), description="Probability of an exploratory alpha over the cycles."
    )


SECTIONS = {
    "adaptation": AdaptationConfig(),
    "wa_learner": LearnerConfig(discount=0.0, replay_capacity=48, target_interval=100),
}
OPTIONS = ("cycles", "initial_alpha", "alpha_step", "refinements", "kappa")
PRESETS = {
    "quick": {"readout": "mix", "adaptation": {"refinements": 1}},
    "paper": {
        "seeds": 20,
        "adaptation": {"cycles": 120},
        "phase": {"iteration_steps": 15},
        "wa_learner": {"replay_capacity": 96},
    },
}


def tied(sections: Mapping[str, Any]) -> str | None:
    """Exploration fades over all cycles that a run has, unless it stays as it is."""
    shares = {share for _, share in sections["adaptation"].epsilon}
    return None if len(shares) == 1 else "adaptation.epsilon runs over all cycles"
