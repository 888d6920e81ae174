"""What a stock is, and what it calls its things."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mamo_cli.core.settings import ADDED, Section
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import WorkloadSettings

WORDS = Words(
    agent="item",
    violations=(Quantity("unmet", "Unmet demand\n(share of the mean)", symbol="U", spoken="unmet demand"),),
    measures=(
        Quantity("level", "Level S (units)", symbol="S", whole=True),
        Quantity("on_hand", "On hand (units)"),  # an expectation in plan.csv, hence not whole
    ),
    conditions=(Quantity("expected_demand", "expected demand"), Quantity("demand", "demand")),
    control="Demand\n(units/period)",
    cost="Mean cost (share of the highest level's)",
)
# A level is paid for L periods later, in the noise of all demand between, and there are many: more copies at once, more
# of them in a batch and a nearer target than where a choice is paid for at once.
DEFAULTS: Mapping[str, Any] = {
    "learner": {"discount": 0.8, "batch_size": 64, "priority_exponent": 0.3, "target_interval": 25},
    "phase": {"environments": 256},
}

PERIODS = 288


class StockConfig(WorkloadSettings):
    """The stock, its demand and what is asked of it: one item of constant mean demand unless told otherwise."""

    tolerance: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.10, description="Most demand that stock may not meet at once, a share of all demand."
    )
    levels: int = Field(default=120, ge=1, le=1000, description="Highest order-up-to level, units.")
    lead_time: int = Field(default=3, ge=0, le=100, description="Periods from an order to its arrival.")
    holding_cost: float = Field(
        default=1.0, gt=0.0, le=1e9, description="Cost of a unit on hand at the end of a period."
    )
    proxy: Literal["slow-periods"] | None = Field(
        default=None,
        description="What training is told in place of the truth. slow-periods: unmet demand counts in periods of less "
        "than their mean demand alone, as a share of such demand.  [default: the truth]",
        json_schema_extra=ADDED,
    )
    periods: int = Field(
        default=PERIODS,
        ge=1,
        le=1_000_000,
        description="Periods of the domain's own trace: the longer, the better an evaluation tells.",
        json_schema_extra=ADDED,
    )

    @model_validator(mode="after")
    def _a_trace_has_its_own_periods(self) -> Self:
        if self.trace is not None and self.periods != PERIODS:
            raise ValueError(f"a trace has its own periods: leave periods out, got {self.periods}")
        return self


SETTINGS, PLANNING = StockConfig, Section
