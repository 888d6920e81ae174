"""What a fleet of nodes is, and what it calls its things."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mamo_cli.core.settings import Section, Share
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.faas.fleet.topology import Topology
from mamo_cli.domains.faas.settings import Cost, InstanceConfig, NodeSettings

WORDS = Words(
    agent="node",
    violations=(Quantity("rejection", "Own requests rejected\nanywhere, share P", symbol="P"),),
    measures=(
        Quantity("replicas", "Replicas n", symbol="n", whole=True, total="replica_steps"),
        Quantity("forwarded", "Forwarded\n(share of requests)"),
        Quantity("to", "Forwarded to\n(number of the node)", whole=True, nominal=True),
        Quantity("arriving", "Arriving at its replicas\n(requests/s)"),
    ),
    conditions=(Quantity("expected_rate", "expected rate"), Quantity("actual_rate", "actual rate")),
    control="Arrival rate\n(requests/s)",
    cost="Mean cost (share of the most)",
)
ISOLATED = Quantity("isolated", "Neighbours that\nit has isolated", whole=True)
"""What is measured besides, and last, where a node may isolate others."""
DEFAULTS: Mapping[str, Any] = {}

NODES = 3
"""Of the fleet that no trace says."""


class FleetConfig(NodeSettings):
    """Nodes, each with a load of its own, and what they may do for one another."""

    max_replicas: int = Field(
        default=8, ge=1, le=1000, description="Cap on a node's replicas where the trace has none."
    )
    rejection_model: Literal["serverless", "erlang"] = Field(
        default="serverless", description="How P(rate, replicas) is computed."
    )
    nodes: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="How many nodes: the trace's first so many functions. Default: all; without a trace 3, whose loads "
        "are one sinusoid, each as much later than the one before.",
    )
    topology: Topology = Field(default="none", description="Who may forward to whom: none, ring, star, full or random.")
    degree: int = Field(default=2, ge=1, le=999, description="Neighbours of each node in a random graph.")
    messages: Topology = Field(
        default="none", description="Who hears whom before a period: none, ring, star, full or random."
    )
    loss: Share = Field(default=0.0, description="Share of the messages that are lost.")
    burst: Annotated[float, Field(ge=1.0, le=1e6)] | None = Field(
        default=None, description="Mean number of messages lost in a row. Default: each is lost or not by itself."
    )
    late: bool = Field(default=False, description="Messages arrive a period late.")
    dropout: Share = Field(
        default=0.0,
        description="Share of the messages that loss lets through which are dropped besides, each by itself, in "
        "training alone, what a readout measures there included.",
    )
    counted: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        default=None,
        description="A node does not know its expected rate, but counts its requests over so many seconds before a "
        "period, at the rate expected of it. Default: it knows.",
    )
    forward_cost: Annotated[float, Field(ge=0.0, le=1e9)] = Field(
        default=5e-5, description="Cost of a request that is forwarded."
    )

    load: Literal["drawn", "worst"] = Field(
        default="drawn",
        description="What comes within the noise: drawn by chance; worst: all at its upper end, in training and "
        "evaluation alike, which is the worst for every node in a period, whatever was chosen for it.",
    )
    isolate_after: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="Periods in which a neighbour claimed room and rejected, after which a node neither hears it nor "
        "forwards to it until the trace begins anew. Default: nobody is isolated.",
    )
    contradiction: Share = Field(
        default=0.1,
        description="Share of what it was forwarded that a neighbour which claimed room may reject.",
    )

    @model_validator(mode="after")
    def _only_what_is_sent_is_lost(self) -> Self:
        if self.messages == "none" and (self.loss, self.burst, self.late, self.dropout) != (0.0, None, False, 0.0):
            raise ValueError("loss, burst, late and dropout are of messages, and messages is none")
        if self.burst is not None and self.loss == 0.0:
            raise ValueError("burst is of messages that are lost, and loss is 0")
        if self.burst is not None and self.loss == 1.0:
            raise ValueError("burst is how many are lost in a row, and loss 1 loses all")
        if self.burst is not None and self.loss / (1.0 - self.loss) > self.burst:
            raise ValueError(f"a share of {self.loss:g} cannot be lost in bursts of {self.burst:g}: they are too short")
        return self

    @model_validator(mode="after")
    def _costs_and_loads_are_of_something(self) -> Self:
        if self.topology == "none" and self.forward_cost != type(self).model_fields["forward_cost"].default:
            raise ValueError("forward_cost is of what is forwarded, and topology is none")
        if self.load == "worst" and self.noise == 0.0:
            raise ValueError("load worst is the most within +- noise, and noise is 0")
        return self

    @model_validator(mode="after")
    def _degrees_are_of_random_graphs(self) -> Self:
        if "random" not in (self.topology, self.messages) and self.degree != type(self).model_fields["degree"].default:
            raise ValueError("degree is of a random graph, and neither topology nor messages is random")
        return self

    @model_validator(mode="after")
    def _only_who_hears_and_forwards_is_contradicted(self) -> Self:
        if self.isolate_after is None:
            if self.contradiction != type(self).model_fields["contradiction"].default:
                raise ValueError("contradiction is what isolates, and isolate_after says that nobody is isolated")
        elif "none" in (self.topology, self.messages):
            raise ValueError("isolate_after is of what neighbours claim and reject: it needs topology and messages")
        return self

    def node(self) -> InstanceConfig:
        """The same as functions of one node, which none of them shares with another."""
        given = {name: getattr(self, name) for name in InstanceConfig.model_fields if hasattr(self, name)}
        return InstanceConfig.model_validate(given).having(self.own)


class OwnConfig(Section):
    """A table `[node.NAME]`: what a node has of its own; the rest is as the instance says."""

    tolerance: Share | None = None
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    replica_cost: Cost | None = None
    warm_service_time: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    cold_service_time: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    idle_timeout: Annotated[float, Field(ge=0.0, le=1e9)] | None = None
    sensor: Annotated[float, Field(gt=0.0, le=1e3)] | None = Field(
        default=None, description="What a node takes its expected rate for, and tells of it, over what that is."
    )
    lies: bool | None = Field(
        default=None,
        description="It tells an expected rate of 0 and its whole cap as replicas to spare, whatever is true.",
    )


class Planning(Section):
    """What `mamo solve-offline` may be asked for beyond the scopes."""

    pooled: bool = Field(
        default=False,
        description="In scope alpha, weigh the share that is lost of all requests of the fleet, at the rates before "
        "any noise, in place of each node's own share. Under rejection model erlang it is certified for larger fleets.",
    )

    @model_validator(mode="after")
    def _all_requests_are_weighed_in_scope_alpha(self) -> Self:
        if self.pooled and getattr(self, "scope", "alpha") != "alpha":  # of the command that these are options of
            raise ValueError("pooled is of plans that weigh what is lost: by step and on average nothing is weighed")
        return self


SETTINGS, PLANNING, EACH = FleetConfig, Planning, OwnConfig
