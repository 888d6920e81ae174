"""The models of how a node rejects, behind one interface.

A model knows its function's service times; the rate and the number of replicas are what changes. Everything above
this layer asks a `RejectionModel`, or a table made from one, and does not know which it is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection.erlang import FloatArray, erlang_b, non_negative
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.serverless import serverless_rejection


class RejectionModel(Protocol):
    """P(lambda, n) of one function: in [0, 1], 0 at rate 0, never rising with n, never falling with lambda."""

    name: ClassVar[str]

    def rejection_probability(self, arrival_rate_rps: ArrayLike, max_replicas: int) -> FloatArray:
        """Rejection probability at rates of shape (...) for n = 1..N replicas, shape (..., N)."""
        ...


@dataclass(frozen=True)
class ErlangModel:
    """A loss system whose replicas are all warm, all the time: exact for any service-time distribution."""

    name: ClassVar[str] = "erlang"
    warm_service_time_s: float

    def __post_init__(self) -> None:
        _require_positive("warm_service_time_s", self.warm_service_time_s)

    def rejection_probability(self, arrival_rate_rps: ArrayLike, max_replicas: int) -> FloatArray:
        """Rejection probability at rates of shape (...) for n = 1..N replicas, shape (..., N)."""
        rate = non_negative(arrival_rate_rps, "arrival_rate_rps")
        with np.errstate(over="ignore"):  # an infinite load is rejected with probability 1
            return erlang_b(rate * self.warm_service_time_s, max_replicas)


@dataclass(frozen=True)
class SimulationModel(ErlangModel):
    """What is exactly known of a node that is simulated: replicas that are always warm reject no more in the long run.

    The service time is the shorter of the warm and the cold one.
    """

    name: ClassVar[str] = "simulation"


@dataclass(frozen=True)
class ServerlessModel:
    """Replicas start cold and expire after `idle_timeout_s` of idleness; an infinite timeout gives Erlang-B."""

    name: ClassVar[str] = "serverless"
    warm_service_time_s: float
    cold_service_time_s: float
    idle_timeout_s: float

    def __post_init__(self) -> None:
        _require_positive("warm_service_time_s", self.warm_service_time_s)
        _require_positive("cold_service_time_s", self.cold_service_time_s)
        if not self.idle_timeout_s >= 0.0:
            raise UsageError(f"idle_timeout_s must be a number >= 0 (inf: never expire), got {self.idle_timeout_s}")

    def rejection_probability(self, arrival_rate_rps: ArrayLike, max_replicas: int) -> FloatArray:
        """Rejection probability at rates of shape (...) for n = 1..N replicas, shape (..., N)."""
        return serverless_rejection(
            arrival_rate_rps, max_replicas, self.warm_service_time_s, self.cold_service_time_s, self.idle_timeout_s
        )


_BUILDERS: dict[str, Callable[[float, float, float], RejectionModel]] = {
    ErlangModel.name: lambda warm, cold, idle: ErlangModel(warm),
    ServerlessModel.name: ServerlessModel,
    SimulationModel.name: lambda warm, cold, idle: SimulationModel(min(warm, cold)),
}
TIMED_NAMES = tuple(_BUILDERS)
"""Models that are made of service times: a formula's, and what is known of a node that is simulated."""
MODEL_NAMES = (*TIMED_NAMES, MeasuredModel.name)


def make_model(
    name: str, warm_service_time_s: float, cold_service_time_s: float, idle_timeout_s: float
) -> RejectionModel:
    """The rejection model of that name for one function, made of its service times.

    Args:
        name: One of `TIMED_NAMES`.
        warm_service_time_s: Mean seconds of a request on a warm replica, finite, > 0.
        cold_service_time_s: Mean seconds of a request on a replica that starts for it, finite, > 0.
        idle_timeout_s: Seconds of idleness after which a replica ends, >= 0 or infinite.

    Raises:
        UsageError: The name is unknown, or a parameter that the model uses makes no sense.
    """
    if name not in _BUILDERS:
        raise UsageError(f"unknown rejection model '{name}'; known: {', '.join(TIMED_NAMES)}")
    return _BUILDERS[name](warm_service_time_s, cold_service_time_s, idle_timeout_s)


def _require_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise UsageError(f"{name} must be a finite number > 0, got {value}")
