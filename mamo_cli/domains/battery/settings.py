"""What a battery and its home are, and what they call their things."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mamo_cli.core.settings import ADDED, Section, Share
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import WorkloadSettings

TARIFF = (
    0.22, 0.20, 0.18, 0.16, 0.17, 0.19, 0.24, 0.30, 0.32, 0.29, 0.26, 0.24,
    0.23, 0.21, 0.22, 0.25, 0.28, 0.35, 0.40, 0.42, 0.38, 0.33, 0.28, 0.25,
)  # fmt: skip
"""What a kWh costs from each hour of the day on."""

LOAD = (
    0.45, 0.40, 0.38, 0.37, 0.38, 0.45, 0.70, 1.00, 0.90, 0.70, 0.65, 0.70,
    0.85, 0.75, 0.65, 0.70, 0.95, 1.50, 1.90, 2.00, 1.80, 1.40, 0.95, 0.60,
)  # fmt: skip
"""kWh that a home takes in each hour of the day: 21.13 in all."""

DAYS = 364
"""Of the home's own load, 52 weeks, of which one evaluation is made."""

WORDS = Words(
    agent="home",
    violations=(Quantity("excess", "Energy above the limit\n(share of the load)", symbol="X", spoken="excess energy"),),
    measures=(
        Quantity("charge", "Charge (kWh)"),
        Quantity("change", "Change of charge (kWh)"),
        Quantity("grid", "From the grid (kWh)", symbol="G"),
    ),
    conditions=(Quantity("expected_load", "expected load"), Quantity("load", "load")),
    control="Load\n(kWh/period)",
    cost="Mean bill (share of the largest)",
)
# What is charged at night is paid back in the evening: the learner must look a day ahead. All copies live through one
# hour at a time: the replay must hold many days. An iteration is a day, so that means are over whole days.
DEFAULTS: Mapping[str, Any] = {
    "learner": {
        "hidden": (64, 64),
        "discount": 0.99,
        "batch_size": 64,
        "priority_exponent": 0.0,
        "replay_capacity": 65_536,
    },
    "phase": {"environments": 64, "iteration_steps": 24},
}

WHOLE = 1e-9
"""A number of steps that is so near a whole one is whole."""

Positive = Annotated[float, Field(gt=0.0, le=1e6)]


class BatteryConfig(WorkloadSettings):
    """The battery, the tariff, the load and what is asked: one home of a stated day unless told otherwise."""

    tolerance: Share = Field(
        default=0.02, description="Most energy that may be taken above the peak limit, a share of the load."
    )
    peak_limit: Positive = Field(default=1.5, description="Energy from the grid in a period that is not excess, kWh.")
    capacity: Positive = Field(default=9.0, description="Energy that the battery holds, kWh.")
    most_change: Positive = Field(default=3.0, description="Most that the charge changes by in a period, kWh.")
    change_step: Positive = Field(default=0.75, description="Steps in which the charge changes, kWh.")
    efficiency: float = Field(
        default=0.95, gt=0.0, le=1.0, description="Of each way between the meter and the battery, a share."
    )
    tariff: Annotated[tuple[Annotated[float, Field(ge=0.0, le=1e6)], ...], Field(min_length=1, max_length=1440)] = (
        Field(default=TARIFF, description="Prices of a kWh, in equal parts of a day that begins with the trace.")
    )
    noise: Share = Field(default=0.3, description="Largest deviation of the load from the trace's, a share of it.")
    parts: int = Field(
        default=1,
        ge=1,
        le=60,
        description="Control periods that each period of the load is cut into; of what is said of a period, load, peak "
        "limit, most change and change step, each has an equal part.",
        json_schema_extra=ADDED,
    )
    proxy: Literal["first-part"] | None = Field(
        default=None,
        description="What training is told in place of the truth. first-part: excess is read in the first part of a "
        "period alone, and stands for all of it.  [default: the truth]",
        json_schema_extra=ADDED,
    )

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        parted = f" of a period, cut into parts {self.parts}" if self.parts > 1 else ""
        for name, whole in (("capacity", self.capacity * self.parts), ("most_change", self.most_change)):
            steps = whole / self.change_step
            if not (abs(steps - round(steps)) <= WHOLE * steps and 1 <= round(steps) <= 1000):
                raise ValueError(
                    f"{name} {getattr(self, name):g} must be 1 to 1000 times change_step {self.change_step:g}{parted}"
                )
        if not any(self.tariff):
            raise ValueError("tariff must have a price above 0")
        if self.proxy is not None and self.parts == 1:
            raise ValueError("proxy first-part needs parts of at least 2: a period of one part is read whole")
        return self

    @property
    def levels(self) -> int:
        """Highest charge, in steps."""
        return round(self.capacity * self.parts / self.change_step)

    @property
    def moves(self) -> int:
        """Most steps that the charge changes by in a period, either way."""
        return round(self.most_change / self.change_step)


SETTINGS, PLANNING = BatteryConfig, Section
