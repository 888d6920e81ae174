"""The memory of a node, which all its functions share: in whole units, so that what fits is exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.errors import SolverError, UsageError
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.faas.units import units_in, whole_units
from mamo_cli.solvers.knapsack import best_within
from mamo_cli.workload.trace import Trace

MOST_UNITS = 100_000
"""Of the memory that all functions may take together: the best joint choice takes time and room for each."""
MOST_NAMED = 8


@dataclass(frozen=True, eq=False)
class Memory:
    """What replicas take of a node's memory and what there is, in units of the largest common part.

    Attributes:
        use: `(F, N)` units that 1..N replicas take.
        budgets: `(T,)` units that there are, rounded down; at least one replica of each function.
        short: `(T,)` where not even one replica of each fits: one of each runs all the same.
        full: units that all functions take together at their largest caps.
        per_replica_mb: `(F,)`.
        node_mb: `(T,)` as configured or as the trace has it; at least one replica of each.
    """

    use: IntArray
    budgets: IntArray
    short: BoolArray
    full: int
    per_replica_mb: FloatArray
    node_mb: FloatArray

    @property
    def shares(self) -> FloatArray:
        """`(T,)` what there is over what all functions take together at their largest caps, at most 1."""
        return np.minimum(self.budgets / self.full, 1.0)

    def taken(self, choices: IntArray) -> IntArray:
        """Units `(...)` that choices `(..., F)` take together."""
        return np.asarray(self.use[np.arange(len(self.use)), choices].sum(-1))

    def best(self, scores: FloatArray, plan: IntArray, caps: IntArray) -> IntArray:
        """The plan `(T, F)` of least total score within the memory, which is that of each one's best where they fit.

        Args:
            scores: `(T, F, N)` of each choice.
            plan: `(T, F)` the best choices regardless of the memory.
            caps: `(T, F)` most replicas.
        """
        over = np.flatnonzero(self.taken(plan) > self.budgets)
        found = plan.copy()
        if over.size:
            allowed = np.arange(scores.shape[2]) < caps[over][..., None]
            chosen = np.empty((over.size, scores.shape[1]), dtype=np.int64)
            best_within(-scores[over], allowed, self.use, self.budgets[over], chosen)
            found[over] = chosen
        return found


def memory_of(settings: InstanceConfig, trace: Trace, caps: IntArray, choices: int) -> Memory | None:
    """The memory of a node under a trace; None where it is not said.

    Args:
        settings: of the node.
        trace: whose column node_memory stands before the settings'.
        caps: `(F,)` most replicas that each function ever has.
        choices: N.

    Raises:
        UsageError: it is said in part, or in too fine a unit.
        SolverError: it never holds one replica of each function.
    """
    each = {name: settings.of(name).memory_per_replica for name in trace.functions}
    node = settings.node_memory
    if node is None and trace.node_memory_mb is None and all(mb is None for mb in each.values()):
        return None
    per_replica = [mb for mb in each.values() if mb is not None]
    if len(per_replica) < len(each) or (node is None and trace.node_memory_mb is None):
        _refuse_in_part(settings, trace, each)
    if trace.node_memory_mb is None and node is not None:
        _require(per_replica, node, trace.functions)
    there = np.full(trace.steps, node, dtype=np.float64) if trace.node_memory_mb is None else trace.node_memory_mb
    unit, use = whole_units(per_replica)
    table = np.outer(use, np.arange(1, choices + 1))
    full = int((np.array(use) * caps).sum())
    if full > MOST_UNITS:
        raise UsageError(
            f"replicas take up to {full:,} units of {float(unit):g} MB, the largest that all memories are multiples "
            f"of: at most {MOST_UNITS:,} can be shared; round --memory-per-replica to multiples of a larger one"
        )
    values, where = np.unique(there, return_inverse=True)
    budgets = np.array([units_in(value, unit) for value in values.tolist()])[where]
    least, least_mb = sum(use), float(sum(Fraction(str(mb)) for mb in per_replica))
    return Memory(
        table, np.maximum(budgets, least), budgets < least, full, np.array(per_replica, dtype=np.float64),
        np.maximum(there, least_mb),
    )  # fmt: skip


def _refuse_in_part(settings: InstanceConfig, trace: Trace, each: dict[str, int | None]) -> None:
    without = [name for name, mb in each.items() if mb is None]
    if without and len(without) < len(each):
        raise UsageError(f"function.{without[0]}.memory_per_replica is missing, and others have one: say it for all")
    if without and trace.node_memory_mb is not None and settings.node_memory is None:
        raise UsageError("the trace has a column node_memory: say what a replica takes of it, --memory-per-replica")
    raise UsageError(
        "--memory-per-replica and --node-memory go together; a column node_memory of the trace may stand for the latter"
    )


def _require(per_replica_mb: Sequence[float], node_mb: float, functions: tuple[str, ...]) -> None:
    least = sum(Fraction(str(mb)) for mb in per_replica_mb)
    if least > Fraction(str(node_mb)):
        named = ", ".join(functions) if len(functions) <= MOST_NAMED else f"{len(functions)} functions"
        raise SolverError(
            f"one replica of each function ({named}) takes {float(least):g} MB, and --node-memory is {node_mb:g}: set "
            f"it to {float(least):g} or more, or leave functions out of the trace"
        )
