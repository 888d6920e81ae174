"""Conditions that change while agents learn: schedules of what shifts, cycle by cycle or window by window."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from mamo_cli.core.seam import Shift
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

    def at(self, cycle: int) -> Shift:
        """What has shifted in a cycle; a cap on its way is rounded down."""
        found = {name: self._value(points, cycle) for name, points in self.schedules().items()}
        known = {name: value for name, value in found.items() if value is not None}
        if "cap" in known:
            known["cap"] = math.floor(known["cap"] + ROUNDING)
        return Shift(**known)  # type: ignore[arg-type]

    def changes(self, cycles: int) -> list[int]:
        """Cycles, of so many, in which something changes; of a ramp, those in which it begins to."""
        moved = [False, *(now != before for before, now in pairwise(self.at(cycle) for cycle in range(cycles)))]
        begins = [now and (self.shape == "step" or not before) for before, now in pairwise(moved)]
        return [cycle for cycle, begun in enumerate(begins, start=1) if begun]

    def _value(self, points: tuple[tuple[int, float], ...], cycle: int) -> float | None:
        if not points or cycle < points[0][0]:
            return None
        places, values = zip(*points, strict=True)
        if self.shape == "ramp":
            return float(np.interp(cycle, places, values))
        value: float = values[int(np.searchsorted(places, cycle, "right")) - 1]
        return value
