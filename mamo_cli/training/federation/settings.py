"""Settings of a federation."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mamo_cli.core.settings import Section, one_of

AGGREGATES = ("mean", "median", "trimmed", "krum", "geometric")
ATTACKS = ("sign", "noise", "alie", "ipm")
ROBUST = ("trimmed", "krum")
"""Aggregates that are made for a number of faulty nodes."""


class FederationConfig(Section):
    """Each agent trains a network of its own; every so many cycles all take over an aggregate of what they learnt."""

    every: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Average the agents' networks after every so many cycles; `cycles` is a multiple of it.",
    )
    aggregate: Annotated[str, one_of(AGGREGATES)] = Field(
        default="mean",
        description="What is made of the agents' updates: mean, median, trimmed (mean), (multi-)krum, or geometric "
        "(median).",
    )
    faulty: int = Field(
        default=0,
        ge=0,
        le=499,
        description="Poisoned agents that it is made for: trimmed leaves out so many at either end, krum so many.",
    )
    poisoned: int = Field(default=0, ge=0, le=499, description="How many agents are poisoned: the last so many.")
    attack: Annotated[str, one_of(ATTACKS)] | None = Field(
        default=None, description="What poisoned agents send: sign, noise, alie or ipm."
    )
    scale: float = Field(default=1.0, ge=0.0, le=1e6, description="What the attack is multiplied by.")
    clip: float | None = Field(
        default=None, gt=0.0, le=1e6, description="Largest norm of an honest agent's update, scaled down to it."
    )
    noise: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="Deviation of normal noise on each number of a clipped update, over the clip.",
    )

    @model_validator(mode="after")
    def _all_that_belongs_together_is_there(self) -> Self:
        if self.every is None and self != type(self).model_construct():
            raise ValueError("every is needed: it says after how many cycles networks are averaged")
        if (self.faulty > 0) != (self.aggregate in ROBUST):
            raise ValueError(f"faulty, at least 1, goes with aggregate {' and '.join(ROBUST)}, which need it")
        if (self.poisoned > 0) != (self.attack is not None):
            raise ValueError("poisoned, at least 1, and attack go together")
        if self.attack is None and self.scale != type(self).model_fields["scale"].default:
            raise ValueError("scale needs attack, which it multiplies")
        if self.noise > 0.0 and self.clip is None:
            raise ValueError("noise needs clip, of which it is a multiple")
        return self


NO_FEDERATION = FederationConfig()
