"""The strategy that never changes its mind: baselines at fixed weights, and the control of all other strategies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.core.weights import GRID_ROUNDING, weights_beside
from mamo_cli.strategies.multipliers import initial_weights
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.settings import LoopSettings


class FixedSettings(LoopSettings):
    """The weights and their loop."""

    initial_alpha: Share | tuple[Share, ...] = Field(  # type: ignore[assignment]
        default=0.1,
        description="Alpha of all cycles; of several violations, what they weigh together, or repeat it: one for each.",
    )

    @field_validator("initial_alpha", mode="after")
    @classmethod
    def _one_is_a_number(cls, alpha: float | tuple[float, ...]) -> float | tuple[float, ...]:
        return alpha[0] if isinstance(alpha, tuple) and len(alpha) == 1 else alpha


SECTIONS = {"adaptation": FixedSettings()}
OPTIONS = ("cycles", "initial_alpha")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {}}
CHOICE = "choice"
COLUMNS = (CHOICE,)


def tied(sections: Mapping[str, Any]) -> str | None:
    """A cycle is what it is however many come after it."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "FixedWeights":
    """Every member at the initial alpha for all cycles.

    Raises:
        UsageError: there are neither one alpha nor as many as violations, or they sum to more than 1.
    """
    given, violations = np.atleast_1d(settings["adaptation"].initial_alpha), spec.objectives - 1
    if len(given) == 1:
        return FixedWeights(initial_weights(float(given[0]), spec, len(seeds)))
    if len(given) != violations or given.sum() > 1.0 + GRID_ROUNDING:
        told = ", ".join(f"{alpha:g}" for alpha in given)
        raise UsageError(
            f"--initial-alpha: one, or one for each of {violations} violations that together are at most 1, got {told}"
        )
    weights = np.maximum(weights_beside(given), 0.0)
    return FixedWeights(np.tile(weights, (len(seeds), len(spec.agents), 1)))


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
        return {CHOICE: self._weights[..., 1:].sum(-1)}

    def settled(self) -> FloatArray:
        """The given weights."""
        return self._weights

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to put back."""
