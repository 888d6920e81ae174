"""What a FaaS node is, and what it calls its things."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mamo_cli.core.settings import ADDED, CONTENT, FileName, Section
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import WorkloadSettings

WORDS = Words(
    agent="function",
    violations=(Quantity("rejection", "Rejection\nprobability P", symbol="P"),),
    measures=(Quantity("replicas", "Replicas n", symbol="n", whole=True, total="replica_steps"),),
    conditions=(Quantity("expected_rate", "expected rate"), Quantity("actual_rate", "actual rate")),
    control="Arrival rate\n(requests/s)",
    cost="Mean cost (share of the cap's)",
    powered="replicas",
)
"""Those of every instance."""
COUNTED = Quantity("rejected", "Rejected requests\n(share of a period's mean)", spoken="rejected requests")
"""The violation where requests are counted: of a busy period it may be above 1; its mean is a share of all requests."""
SLOW = Quantity("slow", "Served later than\nthe latency limit", spoken="share of slow responses")
"""A second violation, where there is a latency limit."""
SIMULATED = (
    Quantity("cold_start_share", "Served by a replica\nthat started"),
    Quantity("response_ms", "Mean response (ms)"),
    Quantity("response_p95_ms", "95th percentile\nof responses (ms)"),
    Quantity("warm_replica_seconds", "Replica-seconds in a period"),
    Quantity("busy_replica_seconds", "Replica-seconds serving"),
)
"""What is measured besides where requests are simulated one by one, each of a period."""
SHIELDED = (
    Quantity("overrides", "Periods that the\nshield raised", whole=True),
    Quantity("replicas_added", "Replicas added\nby the shield", whole=True),
)
"""What is measured besides, and last, where there is a shield: whether it raised a choice, and by how much."""
DEFAULTS: Mapping[str, Any] = {}


Cost = Annotated[float, Field(gt=0.0, le=1e9)]
Megabytes = Annotated[int, Field(ge=1, le=10**9)]


BY_REQUESTS = "requests"


class NodeSettings(WorkloadSettings):
    """What every node has: replicas that take their time, at a cost, and a limit on what they reject."""

    tolerance: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.05, description="Most rejection allowed, a probability."
    )
    noise: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.2, description="Relative deviation of the actual rate, uniform in +- this."
    )
    max_replicas: int = Field(
        default=10, ge=1, le=1000, description="Cap on a function's replicas where the trace has none."
    )
    replica_cost: Cost | tuple[Cost, ...] = Field(
        default=1.0, description="Cost of one replica for one period; repeat it, one for each function."
    )
    warm_service_time: float = Field(
        default=0.065, gt=0.0, le=1e6, description="Mean service time on a warm replica, s."
    )
    cold_service_time: float = Field(
        default=0.25, gt=0.0, le=1e6, description="Mean service time on a starting replica, s."
    )
    idle_timeout: float = Field(default=60.0, ge=0.0, le=1e9, description="Idleness after which a replica ends, s.")

    @field_validator("replica_cost", mode="after")
    @classmethod
    def _one_for_all_is_a_number(cls, cost: float | tuple[float, ...]) -> float | tuple[float, ...]:
        return cost[0] if isinstance(cost, tuple) and len(cost) == 1 else cost


class InstanceConfig(NodeSettings):
    """The node, its workload and what is asked of it: the reference instance unless told otherwise."""

    rejection_model: Literal["serverless", "erlang", "simulation", "measured"] = Field(
        default="serverless",
        description="How P(rate, replicas) is computed; simulation: request by request, replicas go on from period to "
        "period.",
    )
    simulated_seconds: float = Field(
        default=60.0,
        gt=0.0,
        le=1e9,
        description="Simulated of each period in training, s, or all of a shorter one; evaluation is whole.",
        json_schema_extra=ADDED,
    )
    measurements: FileName | None = Field(
        default=None,
        description="CSV of what the node was measured to reject, one for all functions: arrival_rate_rps in "
        "requests/s, replicas, rejection_fraction from 0 to 1.",
        json_schema_extra={**ADDED, **CONTENT},
    )

    latency_limit: float | None = Field(
        default=None,
        gt=0.0,
        le=1e6,
        description="What a response may take, s: a second limit, on the share of the served requests that take "
        "longer, which a simulation alone knows. Default: no such limit.",
        json_schema_extra=ADDED,
    )
    latency_tolerance: float = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        description="Most slow responses allowed, a share of the served requests.",
        json_schema_extra=ADDED,
    )
    memory_per_replica: int | None = Field(
        default=None, ge=1, le=10**9, description="Memory of one replica, whole MB.", json_schema_extra=ADDED
    )
    node_memory: int | None = Field(
        default=None,
        ge=1,
        le=10**9,
        description="Memory of the node that all replicas share, whole MB, where the trace has none.",
        json_schema_extra=ADDED,
    )

    counting: Literal["periods", "requests"] = Field(
        default="periods",
        description="What the mean rejection is a mean of; requests: of all of them, so that busy periods weigh more; "
        "what a period adds to it is the column rejected.",
        json_schema_extra=ADDED,
    )
    proxy: Literal["periods"] | None = Field(
        default=None,
        description="What training is told in place of the truth. periods: rejection is counted by the period, where "
        "counting is by requests.  [default: the truth]",
        json_schema_extra=ADDED,
    )

    @model_validator(mode="after")
    def _what_is_measured_is_given(self) -> Self:
        if self.rejection_model == "measured" and self.measurements is None:
            raise ValueError("rejection_model measured needs measurements, a table of what the node rejects")
        return self

    shield: float | None = Field(
        default=None,
        ge=0.0,
        lt=1.0,
        description="Floor under the replicas, whatever is chosen: at a fixed rate, the same in window and period, "
        "rejection exceeds the tolerance with at most this probability over what is counted, where the cap allows. "
        "Nothing is promised for a rate that moves in between. 0: never within the noise, for traces without "
        "deviations of their own. Default: no floor.",
        json_schema_extra=ADDED,
    )
    shield_window: float | None = Field(
        default=None,
        gt=0.0,
        le=1e9,
        description="What the shield counts requests in, s at the end of the period before. Default: 30, or the "
        "period where that is shorter.",
        json_schema_extra=ADDED,
    )

    @model_validator(mode="after")
    def _responses_are_known_where_they_are_simulated(self) -> Self:
        if self.latency_limit is not None and self.rejection_model != "simulation":
            raise ValueError("latency_limit is of responses, which no model knows: it needs rejection_model simulation")
        if (
            self.latency_limit is None
            and self.latency_tolerance != type(self).model_fields["latency_tolerance"].default
        ):
            raise ValueError("latency_tolerance is how many may be slower than latency_limit: it needs one")
        return self

    @model_validator(mode="after")
    def _only_a_shield_has_a_window(self) -> Self:
        if self.shield_window is not None and not self.shield:
            raise ValueError("shield_window is what the shield counts in: it needs a shield above 0")
        return self


class FunctionConfig(Section):
    """A table `[function.NAME]`: what a function has of its own; the rest is as the instance says.

    `priority` is its weight in the joint reward: all functions have one or none has, and they sum to 1. `trace` is a
    file of one function, or one of several of which this one's is taken.
    """

    trace: FileName | None = Field(default=None, json_schema_extra=CONTENT)
    tolerance: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    replica_cost: Cost | None = None
    warm_service_time: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    cold_service_time: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    idle_timeout: Annotated[float, Field(ge=0.0, le=1e9)] | None = None
    memory_per_replica: Megabytes | None = None
    priority: Annotated[float, Field(gt=0.0, le=1.0)] | None = None


class Planning(Section):
    """What `mamo solve-offline` may be asked for beyond the scopes."""

    memory_per_replica: float | None = Field(default=None, gt=0.0, description="Memory of one replica, MB.")
    node_memory: float | None = Field(default=None, gt=0.0, description="Memory of the node, MB.")
    scale_up_cost: float | None = Field(
        default=None, ge=0.0, description="Cost of each replica added from a period to the next."
    )


SETTINGS, PLANNING, EACH = InstanceConfig, Planning, FunctionConfig
