"""The strategy that never changes its mind: baselines at fixed weights, and the control of all other strategies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.core.weights import alpha_of, weights_of
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.settings import LoopSettings

SECTIONS = {"adaptation": LoopSettings()}
OPTIONS = ("cycles", "initial_alpha")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {}}
CHOICE = "choice"
COLUMNS = (CHOICE,)


def tied(sections: Mapping[str, Any]) -> str | None:
    """A cycle is what it is however many come after it."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "FixedWeights":
    """Every member at the initial alpha for all cycles."""
    return FixedWeights(weights_of(np.full((len(seeds), len(spec.agents)), settings["adaptation"].initial_alpha)))


class FixedWeights(Strategy):
    """Every member keeps the weights it was given."""

    columns: tuple[str, ...] = COLUMNS

    def __init__(self, weights: FloatArray) -> None:
        """Args: weights: `(K, A, M)`."""
        self._weights = weights

    def propose(self, cycle: int) -> FloatArray:
        """The given weights."""
        return self._weights

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Nothing to learn."""
        return {CHOICE: alpha_of(self._weights)}

    def settled(self) -> FloatArray:
        """The given weights."""
        return self._weights

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to put back."""
