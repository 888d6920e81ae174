"""Instances for the tests: the reference instance, and small random ones on coarse grids so that ties are exact."""

import numpy as np
from hypothesis import strategies as st

from mamo_cli.domains.faas.offline.problem import ReplicaProblem


def erlang_table(rates, service_time=0.065, cap=10):
    """(T, cap) blocking of 1..cap servers, by the Erlang-B recursion."""
    load = np.asarray(rates) * service_time
    blocking, columns = np.ones_like(load), []
    for n in range(1, cap + 1):
        blocking = load * blocking / (n + load * blocking)
        columns.append(blocking)
    return np.stack(columns, axis=-1)


def reference(**changes):
    rates = 50 + 40 * np.sin(2 * np.pi * np.arange(288) / 288)
    table = erlang_table(rates)[:, None, :]
    return ReplicaProblem(replica_cost=1.0, rejection=table, max_replicas=10, tolerance=0.05, **changes)


def hard():
    """Scaling up and an average tie all steps together: no solver proves this in a second."""
    rates = np.stack([40 + 30 * np.sin(2 * np.pi * np.arange(288) / 288 + phase) for phase in (0, 1, 2)], axis=1)
    table = erlang_table(rates)
    return ReplicaProblem(np.array([1.0, 1.3, 0.7]), table, 10, 0.05, scale_up_cost=0.5)


@st.composite
def problems(draw, *, steps=4, functions=2, cap=3, memory=False, scale_up=False):
    """Random instances, infeasible and non-monotone ones included; probabilities are multiples of 1/64."""
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, steps)), draw(st.integers(1, functions)), cap)
    rejection = seed.integers(0, 65, shape) / 64
    if draw(st.booleans()):
        rejection = -np.sort(-rejection, axis=2)
    per_replica = seed.integers(1, 4, shape[1]) if memory else None
    return ReplicaProblem(
        replica_cost=seed.integers(1, 5, shape[1]) / 2,
        rejection=rejection,
        max_replicas=seed.integers(1, cap + 1, shape[:2]),
        tolerance=draw(st.sampled_from([0.0, 0.125, 0.25, 0.5])),
        alpha=seed.integers(0, 9, shape[1]) / 8,
        expected_rejection=seed.integers(0, 65, shape) / 64,
        memory_per_replica=per_replica,
        memory_capacity=None if per_replica is None else per_replica.sum() + seed.integers(0, 8, shape[0]),
        scale_up_cost=seed.integers(0, 5, shape[1]) / 4 if scale_up else None,
    )
