"""Settings of worlds: what differs from one to another in training, what shifts from cycle to cycle, and how an
evaluation is walked.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

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


def _ends(given: Any) -> Any:
    """The ends of a range that may be written as on the command line, `0.7..1.4`."""
    if isinstance(given, str):
        low, _, high = given.partition("..")
        given = (low, high)
    if not isinstance(given, list | tuple) or len(given) != 2 or "" in given:
        raise ValueError("must be a range A..B, such as 0.7..1.4")
    return given


def _from_low_to_high(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("must go from its lower end to its upper, such as 0.7..1.4")
    return ends


FromNone = Annotated[float, Field(ge=0.0, le=1000.0)]
Range = Annotated[tuple[Factor, Factor], BeforeValidator(_ends), AfterValidator(_from_low_to_high)]
RangeFromNone = Annotated[tuple[FromNone, FromNone], BeforeValidator(_ends), AfterValidator(_from_low_to_high)]


class RandomiseConfig(Section):
    """Ranges of what differs from world to world in training, each a factor on what is configured, both ends included.

    Every copy of the environment plays a world of its own; see `worlds`. Limits, and the evaluation, are as configured.
    """

    service: Range | None = Field(default=None, description="[from, to], what the service times are multiplied by.")
    load: Range | None = Field(default=None, description="[from, to], what the trace's rates are multiplied by.")
    noise: RangeFromNone | None = Field(
        default=None, description="[from, to], what the setting noise is multiplied by."
    )
    shape: RangeFromNone | None = Field(
        default=None, description="[from, to], what the rates' deviations from their mean are multiplied by."
    )

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Both ends of each range there is, by the field of a `Shift` that it is of."""
        each = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: ends for name, ends in each.items() if ends is not None}


ONE_WORLD = RandomiseConfig()

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
