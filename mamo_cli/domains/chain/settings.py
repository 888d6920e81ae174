"""What a chain of stock points is, and what it calls its things."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from mamo_cli.core.settings import Section
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import ProcessSettings

WORDS = Words(
    agent="point",
    violations=(Quantity("wait", "Wait of demand\n(share of the way)", symbol="W", spoken="wait of demand"),),
    measures=(
        Quantity("position", "Echelon position\n(units)", symbol="S", whole=True),
        Quantity("on_hand", "On hand (units)", whole=True),
    ),
    conditions=(Quantity("expected_demand", "expected demand"), Quantity("demand", "demand")),
    control="Demand\n(units/period)",
    cost="Mean cost (share of the highest level's)",
)
# What a point orders is paid for by all of them, up to the sum of all lead times later, in the noise of all demand
# between: long phases, large batches, and a replay of most of a phase. Costs add up over echelons, and so do values. A
# copy to the target network is a step of value iteration, of which a phase must hold many.
DEFAULTS: Mapping[str, Any] = {
    "learner": {
        "hidden": (64, 64),
        "mixer": "sum",
        "discount": 0.9,
        "batch_size": 128,
        "priority_exponent": 0.0,
        "replay_capacity": 65_536,
        "target_interval": 20,
    },
    "phase": {
        "iterations": 60,
        "environments": 128,
        "window": 15,
        "learning_rate": ((0.0, 2e-3), (0.3, 2e-3), (0.7, 1e-4), (1.0, 1e-5)),
    },
}
MOST_POINTS = 5

Level = Annotated[int, Field(ge=1, le=1000)]
LeadTime = Annotated[int, Field(ge=1, le=20)]
HoldingCost = Annotated[float, Field(gt=0.0, le=1e6)]


class ChainConfig(ProcessSettings):
    """The chain, its demand and what is asked of it; what each point has of its own begins with the customers' one."""

    tolerance: float = Field(
        default=0.02,
        ge=0.0,
        le=1e6,
        description="Longest mean wait of demand for stock, a share of the way: of all lead times and a period.",
    )
    mean_demand: float = Field(default=5.0, gt=0.0, le=200.0, description="Mean demand, units a period.")
    lead_time: Annotated[tuple[LeadTime, ...], Field(min_length=1, max_length=MOST_POINTS)] = Field(
        default=(1, 1, 2), description="Periods on the way to each point, the customers' one first."
    )
    holding_cost: Annotated[tuple[HoldingCost, ...], Field(min_length=1, max_length=MOST_POINTS)] = Field(
        default=(3.0, 2.0, 1.0), description="Cost of a unit on hand at each point at the end of a period."
    )
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=MOST_POINTS)] = Field(
        default=(25, 30, 45), description="Highest order-up-to level of each point's echelon, units."
    )

    @model_validator(mode="after")
    def _of_one_chain(self) -> Self:
        points = len(self.lead_time)
        for name in ("holding_cost", "levels"):
            if len(getattr(self, name)) != points:
                raise ValueError(f"{name} has {len(getattr(self, name))} numbers, and lead_time says {points} points")
        if any(down < up for down, up in zip(self.holding_cost, self.holding_cost[1:], strict=False)):
            raise ValueError("holding_cost must not fall on the way to the customers, whose point comes first")
        return self


SETTINGS, PLANNING = ChainConfig, Section
