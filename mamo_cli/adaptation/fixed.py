"""The strategy that never changes its mind: task-execution baselines at fixed alphas."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mamo_cli.adaptation.strategy import CycleReport, FloatArray


class FixedWeights:
    """Every member keeps the alpha it was given."""

    def __init__(self, alpha: FloatArray) -> None:
        """Args: alpha: `(K, F)`."""
        self._alpha = alpha

    def observe(self, report: CycleReport) -> FloatArray:
        """Nothing to learn: the reward is 0."""
        return np.zeros_like(report.alpha)

    def propose(self, cycle: int) -> FloatArray:
        """The given alphas."""
        return self._alpha

    def epsilon(self, cycle: int) -> float:
        """No exploration."""
        return 0.0

    def best(self) -> FloatArray:
        """The given alphas."""
        return self._alpha

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to put back."""
