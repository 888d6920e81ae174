"""The replica problem as arrays: what it costs to run replicas and how much each choice rejects.

T steps, F functions, and a choice of n = 1..N replicas for each of them; N is the static cap. Rejection enters as data,
so nothing here knows how a node rejects.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from mamo_cli.core.errors import DataError
from mamo_cli.solvers.program import Booleans, Floats, Integers


@dataclass(frozen=True, eq=False)
class ReplicaProblem:
    """One instance, validated and read-only; the (F,) fields also take a scalar for all functions.

    Attributes:
        replica_cost: (F,) cost of one replica for one period, above 0.
        rejection: (T, F, N) probability in [0, 1] that n replicas reject a request, at index n - 1.
        max_replicas: (T, F) caps N_t, integers in 1..N.
        tolerance: (F,) the most rejection allowed, in [0, 1].
        alpha: (F,) weight of rejection in scope alpha, in [0, 1].
        expected_rejection: (T, F, N) expectation of rejection over the noise, for scope alpha; without noise it is
            `rejection` itself, which is what None stands for.
        memory_per_replica: (F,) memory of one replica, in the unit of `memory_capacity`; both are given or neither.
        memory_capacity: (T,) memory of the node at each step.
        scale_up_cost: (F,) cost of each replica added since the step before; the first step adds none.
        priority: (F,) share of each function in the weighted cost of scope alpha, summing to 1; None for equal ones.
        cost_scale: cost that the normalised cost of scope alpha is measured in; None stands for the mean over functions
            of the cost of N replicas.

    Raises:
        DataError: an array has the wrong shape or a value out of range.
    """

    replica_cost: Floats
    rejection: Floats
    max_replicas: Integers
    tolerance: Floats
    alpha: Floats | float | None = None
    expected_rejection: Floats | None = None
    memory_per_replica: Floats | None = None
    memory_capacity: Floats | None = None
    scale_up_cost: Floats | None = None
    priority: Floats | None = None
    cost_scale: float | None = None

    def __post_init__(self) -> None:
        rejection = np.asarray(self.rejection, dtype=float)
        if rejection.ndim != 3 or 0 in rejection.shape:
            raise DataError(f"rejection must have the shape (steps, functions, replicas), got {rejection.shape}")
        for name, (shape, lowest, highest) in _rules(*rejection.shape).items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked(name, value, shape, lowest, highest))
        if np.any(self.replica_cost == 0):
            raise DataError("replica_cost must be above 0")
        if np.any(self.max_replicas % 1):
            raise DataError("max_replicas must be whole numbers")
        caps = self.max_replicas.astype(np.int64)
        caps.flags.writeable = False
        object.__setattr__(self, "max_replicas", caps)
        if (self.memory_per_replica is None) != (self.memory_capacity is None):
            raise DataError("memory_per_replica and memory_capacity must be given together")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, F, N): steps, functions, and the static cap."""
        steps, functions, cap = self.rejection.shape
        return steps, functions, cap

    @property
    def permitted(self) -> Booleans:
        """(T, F, N) whether the cap leaves n replicas."""
        permitted: Booleans = np.arange(1, self.shape[2] + 1) <= self.max_replicas[..., None]
        return permitted

    @property
    def separable(self) -> bool:
        """Whether neither memory nor scaling up ties functions or steps together."""
        return self.memory_capacity is None and self.scale_up_cost is None

    def only(self, function: int) -> "ReplicaProblem":
        """The same problem with one function alone, arrays (T, 1, ...)."""
        chosen = [function]
        axes = {"rejection": 1, "expected_rejection": 1, "max_replicas": 1, "memory_capacity": None, "cost_scale": None}
        changes: dict[str, Any] = {}
        for item in fields(self):
            value, axis = getattr(self, item.name), axes.get(item.name, 0)
            if value is not None and axis is not None:
                changes[item.name] = np.take(value, chosen, axis=axis)
        return replace(self, **changes)


def at_plan(table: Floats, replicas: Integers) -> Floats:
    """The (T, F) entries of a (T, F, N) table that the plan (T, F) chooses."""
    return np.take_along_axis(table, replicas[..., None] - 1, axis=2)[..., 0]


def _rules(steps: int, functions: int, cap: int) -> dict[str, tuple[tuple[int, ...], float, float]]:
    """Shape, lowest and highest value of every field."""
    per_function, per_choice = (functions,), (steps, functions, cap)
    return {
        "replica_cost": (per_function, 0, np.inf),
        "rejection": (per_choice, 0, 1),
        "max_replicas": ((steps, functions), 1, cap),
        "tolerance": (per_function, 0, 1),
        "alpha": (per_function, 0, 1),
        "expected_rejection": (per_choice, 0, 1),
        "memory_per_replica": (per_function, 0, np.inf),
        "memory_capacity": ((steps,), 0, np.inf),
        "scale_up_cost": (per_function, 0, np.inf),
        "priority": (per_function, 0, 1),
    }


def _checked(name: str, value: Any, shape: tuple[int, ...], lowest: float, highest: float) -> Floats:
    """The value as a read-only array of that shape; a scalar stands for every entry."""
    array = np.asarray(value, dtype=float)
    if array.shape not in ((), shape):
        raise DataError(f"{name} must have the shape {shape}, got {array.shape}")
    wrong = ~(np.isfinite(array) & (array >= lowest) & (array <= highest))
    if wrong.any():
        raise DataError(f"{name} must be finite and in [{lowest:g}, {highest:g}], got {array[wrong][0]:g}")
    result = np.broadcast_to(array, shape).copy()
    result.flags.writeable = False
    return result
