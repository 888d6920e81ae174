"""The strategy that never changes its mind: task-execution baselines at fixed weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.strategies.protocol import CycleReport


class FixedWeights:
    """Every member keeps the weights it was given."""

    columns: tuple[str, ...] = ()

    def __init__(self, weights: FloatArray) -> None:
        """Args: weights: `(K, A, M)`."""
        self._weights = weights

    def propose(self, cycle: int) -> FloatArray:
        """The given weights."""
        return self._weights

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Nothing to learn."""
        return {}

    def settled(self) -> FloatArray:
        """The given weights."""
        return self._weights

    def diverged(self) -> BoolArray:
        """Nobody: nothing is computed."""
        return np.zeros(len(self._weights), dtype=np.bool_)

    def freeze(self, members: BoolArray) -> None:
        """Nothing to stop."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to put back."""
