"""What a policy file keeps of a node, looked at before it is trusted: numbers, the shared memory and the model."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import CheckpointError
from mamo_cli.domains.faas.units import units_in, whole_units

ANEW = "make the policy file anew with mamo export"


class Kept:
    """Scales as a file keeps them, looked at before they are trusted."""

    def __init__(self, scales: Mapping[str, NDArray[Any]], functions: int, most: int) -> None:
        """Args: scales: by name. functions: F. most: N."""
        self._scales, self.functions, self.most = scales, functions, most

    def array(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Numbers of this shape."""
        values = self._scales.get(name)
        if values is None or values.shape != shape:
            raise CheckpointError(f"the policy file's scale {name} is missing or of another shape: {ANEW}")
        return np.asarray(values, dtype=np.float64)

    def above_zero(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """Numbers of this shape, all above 0."""
        values = self.array(name, shape)
        if values.min() <= 0.0:
            raise CheckpointError(f"the policy file's scale {name} must be above 0, got {values.min():g}: {ANEW}")
        return values

    def number(self, name: str) -> float:
        """One number above 0."""
        return float(self.above_zero(name, ()))

    def replicas(self, name: str) -> IntArray:
        """Numbers of replicas `(F,)`."""
        values = self.array(name, (self.functions,)).astype(np.int64)
        if values.min() < 1 or values.max() > self.most:
            raise CheckpointError(f"the policy file's scale {name} must be within 1 to {self.most}: {ANEW}")
        return values

    def table(self, name: str) -> NDArray[Any]:
        """Numbers `(F, N, L)`, two or more of each."""
        values = self._scales[name]
        if values.ndim != 3 or values.shape[:2] != (self.functions, self.most) or values.shape[2] < 2:
            raise CheckpointError(f"the policy file's scale {name} is of another shape: {ANEW}")
        return values


class Budget:
    """The memory that functions share, in the units of `Memory`."""

    def __init__(self, kept: Kept, use: IntArray) -> None:
        self.use, self.most_mb = use, kept.number("node_mb")
        self._full = kept.number("full_units")
        self._unit, each = whole_units(kept.above_zero("replica_mb", (kept.functions,)).tolist())
        if use[:, 0].tolist() != each:
            raise CheckpointError(f"the memory of a replica in the policy file is not what its choices take: {ANEW}")
        self._least = sum(each)
        self._trained = kept.above_zero("trained_share", (2,)).tolist()

    def units(self, memory_mb: float) -> tuple[int, float]:
        """Units that there are, at least one replica of each, and their share of what all take at their largest."""
        units = max(units_in(memory_mb, self._unit), self._least)
        return units, min(units / self._full, 1.0)

    def met(self, share: float) -> float:
        """The nearest share that training met."""
        least, most = self._trained
        return float(min(max(share, least), most))


class Model:
    """What a node of a policy file rejects: as `RejectionTable`, of fewer points."""

    def __init__(self, kept: Kept) -> None:
        self._values, self._step = kept.table("rejection"), kept.number("rejection_root_step")

    def rejection(self, f: int, replicas: int, rate_rps: float) -> float:
        """P of so many replicas; beyond the table's last rate as many are served as there, and no more."""
        position, last = sqrt(rate_rps) / self._step, self._values.shape[2] - 1
        cell = min(int(position), last - 1)
        low, high = self._values[f, replicas - 1, cell : cell + 2].tolist()
        if position <= last:
            return float(low + (high - low) * (position - cell))
        return float(1.0 - (1.0 - high) * (last / position) ** 2)
