"""What each function of a node has: what its own table says, and for the rest what the instance says."""

import math

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection.measured import MeasuredModel, fit
from mamo_cli.domains.faas.rejection.models import RejectionModel, make_model
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace

PRIORITY_ROUNDING = 1e-6
"""What priorities that sum to 1 may be off by, written with a few digits."""
NO_CAP = np.iinfo(np.int64).max


def check_functions(settings: InstanceConfig, functions: tuple[str, ...]) -> None:
    """See that only functions which are there have settings of their own.

    Raises:
        UsageError: another is named.
    """
    for name in settings.own:
        if name not in functions:
            raise UsageError(f"function.{name}: the trace has no such function; there are {', '.join(functions)}")


def models_of(config: InstanceConfig, source: Trace) -> tuple[RejectionModel, ...]:
    """How each function rejects; functions alike share a model."""
    each = [config.of(name) for name in source.functions]
    made = {own: _model(own, source) for own in dict.fromkeys(each)}
    return tuple(made[own] for own in each)


def _model(config: InstanceConfig, source: Trace) -> RejectionModel:
    """How a function rejects."""
    if config.rejection_model == MeasuredModel.name:
        assert config.measurements is not None
        return fit(source.measured[config.measurements])
    return make_model(config.rejection_model, config.warm_service_time, config.cold_service_time, config.idle_timeout)


def replica_costs(config: InstanceConfig, functions: tuple[str, ...]) -> FloatArray:
    """`(F,)` cost of a replica of each function: its own, else the instance's.

    Raises:
        UsageError: there are neither one nor as many as functions.
    """
    costs = np.atleast_1d(np.array(config.replica_cost, dtype=np.float64))
    count = len(functions)
    if len(costs) not in (1, count):
        raise UsageError(f"--replica-cost: one for all or one for each of the {count} functions, got {len(costs)}")
    own = [getattr(config.own.get(name), "replica_cost", None) for name in functions]
    each = zip(np.broadcast_to(costs, count).tolist(), own, strict=True)
    return np.array([every if mine is None else mine for every, mine in each])


def caps_of(trace: Trace, config: InstanceConfig) -> IntArray:
    """`(T, F)` most replicas of each function: the trace's, at most its own; without a trace's, the instance's."""
    if trace.max_replicas is None:
        caps = np.array([config.of(name).max_replicas for name in trace.functions], dtype=np.int64)
        return np.broadcast_to(caps, trace.actual_rate_rps.shape).copy()
    own = [getattr(config.own.get(name), "max_replicas", None) for name in trace.functions]
    return np.minimum(trace.max_replicas, [NO_CAP if cap is None else cap for cap in own])


def priorities_of(settings: InstanceConfig, functions: tuple[str, ...]) -> FloatArray | None:
    """`(F,)` shares of the joint reward, which sum to 1; None where they are equal.

    Raises:
        UsageError: only some functions have one, or they do not sum to 1.
    """
    given = {name: getattr(settings.own.get(name), "priority", None) for name in functions}
    told = {name: priority for name, priority in given.items() if priority is not None}
    if not told:
        return None
    if len(told) < len(functions):
        without = next(name for name in functions if name not in told)
        raise UsageError(f"function.{without} has no priority, and others have: give all of them one, or none")
    total = math.fsum(told.values())
    if abs(total - 1.0) > PRIORITY_ROUNDING:
        raise UsageError(f"the priorities of all functions must sum to 1, got {total:g}; without any they are equal")
    shares = np.array(list(told.values())) / total
    return None if (shares == shares[0]).all() else shares
