"""Settings of a world that changes: what shifts from cycle to cycle, and how an evaluation is walked."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mamo_cli.core.settings import Section, Share

ROUNDING = 1e-9

Cycle = Annotated[int, Field(ge=0, le=10_000_000)]
Factor = Annotated[float, Field(gt=0.0, le=1000.0)]
Cap = Annotated[int, Field(ge=1, le=1000)]


def _rising(points: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(points)):
        raise ValueError("must be [cycle, value] pairs with the cycle rising")
    return points


class DriftConfig(Section):
    """What changes, and from which cycle on; before its first point everything is as it is configured."""

    shape: Literal["step", "ramp"] = Field(
        default="step", description="step: a value holds until the next; ramp: it goes in a straight line to the next."
    )
    load: Annotated[tuple[tuple[Cycle, Factor], ...], AfterValidator(_rising)] = Field(
        default=(), description="[cycle, what the trace's rates are multiplied by]."
    )
    service: Annotated[tuple[tuple[Cycle, Factor], ...], AfterValidator(_rising)] = Field(
        default=(), description="[cycle, what the service times are multiplied by]."
    )
    cap: Annotated[tuple[tuple[Cycle, Cap], ...], AfterValidator(_rising)] = Field(
        default=(), description="[cycle, what choices are cut to]."
    )
    tolerance: Annotated[tuple[tuple[Cycle, Share], ...], AfterValidator(_rising)] = Field(
        default=(), description="[cycle, most violation allowed]."
    )

    @model_validator(mode="after")
    def _ramps_begin_at_once(self) -> Self:
        for name, points in self.schedules().items():
            if self.shape == "ramp" and points and points[0][0] != 0:
                raise ValueError(f"the ramp of {name} must say where it begins: its first point at cycle 0")
        return self

    def schedules(self) -> Mapping[str, tuple[tuple[int, float], ...]]:
        """The points of each kind of shift."""
        return {"load": self.load, "service": self.service, "cap": self.cap, "tolerance": self.tolerance}

    def at(self, cycle: int) -> dict[str, Any]:
        """What has shifted in a cycle, as the fields of a `Shift`; a cap on its way is rounded down."""
        found = {name: self._value(points, cycle) for name, points in self.schedules().items()}
        known = {name: value for name, value in found.items() if value is not None}
        if "cap" in known:
            known["cap"] = math.floor(known["cap"] + ROUNDING)
        return known

    def changes(self, cycles: int) -> list[int]:
        """Cycles, of so many, in which something changes; of a ramp, those in which it begins to."""
        moved = [False, *(now != before for before, now in pairwise(self.at(cycle) for cycle in range(cycles)))]
        begins = [now and (self.shape == "step" or not before) for before, now in pairwise(moved)]
        return [cycle for cycle, begun in enumerate(begins, start=1) if begun]

    def _value(self, points: tuple[tuple[int, float], ...], cycle: int) -> float | None:
        if not points or cycle < points[0][0]:
            return None
        place, value = [point for point in points if point[0] <= cycle][-1]
        following = [point for point in points if point[0] > cycle]
        if self.shape == "step" or not following:
            return value
        share = (cycle - place) / (following[0][0] - place)
        return value + share * (following[0][1] - value)


NO_DRIFT = DriftConfig()

WALKED = "continual"
"""The table of what each window of a walk brought."""


class WalkConfig(Section):
    """How the evaluation is walked."""

    window: int = Field(default=24, ge=1, le=1_000_000, description="Control periods of a window.")
    periods: int = Field(
        default=1, ge=1, le=1000, description="Times that a periodic evaluation is walked, each with its own noise."
    )
    updates: int = Field(default=600, ge=0, le=1_000_000, description="Gradient steps before each window.")
    learning_rate: float = Field(default=3e-4, gt=0.0, le=1.0, description="Adam's step size while walking.")
    epsilon: Share = Field(default=0.0, description="Probability of a random action while walking.")
    restart: bool = Field(
        default=False,
        description="Let the strategy begin anew when conditions change, as if it were told that they do.",
    )
