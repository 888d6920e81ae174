"""Settings of a training phase, and whose it is."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from mamo_cli.core.settings import Schedule, Section, Share
from mamo_cli.learners.registry import LEARNERS

EXACT, CONDITIONED = "exact", "conditioned"
TASK_AGENTS = (*LEARNERS, EXACT)
"""Who the task agents may be: learners, or the exact answer."""
READOUTS = ("last", "best", "mix")
"""What may be delivered; see `readout`."""

MOST_SEEDS = 100_000
_RANGE = re.compile(r"([0-9]{1,18})\.\.([0-9]{1,18})")


def _seeds(given: Any) -> int | str:
    """A number of seeds as a number, also where it was written as a range from 0; any other range as it is written."""
    text = str(given)
    bounds = (0, int(text) - 1) if text.isdecimal() and len(text) <= 18 else None
    if found := _RANGE.fullmatch(text):
        bounds = (int(found[1]), int(found[2]))
    if bounds is None or isinstance(given, bool):
        raise ValueError("must be a valid integer, such as 8, or a range, such as 100..115")
    first, last = bounds
    if not 0 <= last - first < MOST_SEEDS:
        raise ValueError(f"must be greater than or equal to 1 and at most {MOST_SEEDS} seeds")
    return f"{first}..{last}" if first else last + 1


Seeds = Annotated[int | str, BeforeValidator(_seeds)]


def seeds_of(seeds: int | str) -> range:
    """The seeds that a setting names: `8` means 0 to 7, `"100..115"` both and all between."""
    first, _, last = str(seeds).rpartition("..")
    return range(int(first), int(last) + 1) if first else range(int(last))


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


class Preparation(Section):
    """What task agents that know the weights do before the first cycle."""

    iterations: int = Field(
        default=66,
        ge=1,
        le=1_000_000,
        description="Iterations before the first cycle, in which all weights are learnt at once by the schedules of "
        "[phase]; the cycles then play, and learn nothing.",
    )


class PretrainConfig(Section):
    """What agents learn from before their first iteration, and before a preparation: the log of another policy."""

    rule: str | None = Field(
        default=None,
        description="Learn first from the choices of a rule that people run today, such as kubernetes-hpa.",
    )
    steps: int = Field(default=200, ge=1, le=20_000, description="Control periods that it plays in each copy.")
    updates: int = Field(default=600, ge=0, le=1_000_000, description="Gradient steps on what it brought.")
    epsilon: Share = Field(default=0.0, description="Probability of a random choice in place of the rule's.")

    @model_validator(mode="after")
    def _there_is_a_rule(self) -> Self:
        if self.rule is None and self != type(self).model_construct():
            raise ValueError("rule is needed: it says whose choices are learnt from")
        return self


NO_LOG = PretrainConfig()


TASK_SECTIONS: Mapping[str, Mapping[str, Section]] = {CONDITIONED: {"preparation": Preparation()}}
"""Sections that task agents of some kind add to a configuration."""

TASK_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    CONDITIONED: {
        "learner": {"batch_size": 64},
        "phase": {
            "iterations": 6,
            "window": 6,
            "updates_per_step": 9,
            "epsilon": ((0.0, 1.0), (0.5, 0.05), (0.8, 0.0)),
            "learning_rate": ((0.0, 3e-3), (0.4, 3e-3), (1.0, 3e-5)),
        },
    }
}
"""Other sections' defaults that they change."""
