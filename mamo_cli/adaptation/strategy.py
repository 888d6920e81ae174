"""The face of whoever picks alpha: the loop reports a cycle, the strategy proposes the next weights."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class CycleReport(NamedTuple):
    """What a strategy may know of a finished cycle: the training window's means, never the evaluation's.

    What is evaluated is never trained on, and choosing alpha is training.
    """

    cycle: int
    alpha: FloatArray  # (K, F) that the cycle ran under
    cost: FloatArray  # (K, F) normalised
    rejection: FloatArray  # (K, F)


class WeightStrategy(Protocol):
    """Picks every member's alpha for every function, cycle after cycle."""

    def observe(self, report: CycleReport) -> FloatArray:
        """Learn from a cycle and return the reward `(K, F)` it was worth."""
        ...

    def propose(self, cycle: int) -> FloatArray:
        """Alphas `(K, F)` for a coming cycle, exploration included; `epsilon(cycle)` says how much."""
        ...

    def epsilon(self, cycle: int) -> float:
        """Probability with which `propose(cycle)` explores."""
        ...

    def best(self) -> FloatArray:
        """Alphas `(K, F)` the strategy would settle on now, without exploration."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...
