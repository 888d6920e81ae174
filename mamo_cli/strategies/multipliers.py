"""The multiplier's scale: min (1 - alpha) c + alpha P is min c + mu P with mu = alpha / (1 - alpha).

With several violations each has a multiplier of its own; weights are (1, mu) over their sum.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.core.weights import shared_alpha
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.settings import LoopSettings

CHOICE = "choice"
COLUMNS = ("multiplier", "at_largest", CHOICE)


def weights_at(multipliers: FloatArray) -> FloatArray:
    """Weights `(..., M)` of multipliers `(..., M - 1)`."""
    each = np.concatenate((np.ones((*multipliers.shape[:-1], 1)), multipliers), -1)
    total = each[..., :1].copy()
    for m in range(1, each.shape[-1]):  # in one order whatever the layout
        total += each[..., m : m + 1]
    return np.asarray(each / total)


def multipliers_of(weights: FloatArray, largest: float) -> FloatArray:
    """Multipliers `(..., M - 1)` of weights `(..., M)`, which are at most the largest where the cost weighs nothing."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        ratios = weights[..., 1:] / weights[..., :1]
    return np.where(weights[..., 1:] > 0.0, np.minimum(ratios, largest), 0.0)


def initial_weights(alpha: float, spec: Spec, members: int) -> FloatArray:
    """Weights `(K, A, M)` at which all violations together weigh alpha, each as much as another."""
    return shared_alpha(np.full((members, len(spec.agents)), alpha), spec.objectives - 1)


def require_one_limit(strategy: str, spec: Spec) -> None:
    """Raises UsageError where a strategy that picks one alpha an agent would have to pick several."""
    if spec.objectives != 2:
        raise UsageError(
            f"--strategy {strategy} picks one alpha an agent, and here each has {spec.objectives - 1} limits: take "
            "--strategy dual, pid, rcpo, bayes, grid, random or fixed"
        )


class MultiplierSettings(LoopSettings):
    """The loop of a strategy that moves multipliers."""

    initial_alpha: Share = Field(
        default=0.5, description="Alpha of the first cycle; of several violations, their weight together."
    )
    largest_multiplier: float = Field(
        default=1000.0, gt=0.0, le=1e9, description="No multiplier alpha / (1 - alpha) goes beyond."
    )


class Multipliers(Strategy):
    """K members' multipliers of every agent's violations; how they move, each strategy says itself."""

    columns: tuple[str, ...] = COLUMNS

    def __init__(self, settings: MultiplierSettings, spec: Spec, members: int) -> None:
        """Args: settings: of the loop. spec: of the domain. members: K."""
        self._largest = settings.largest_multiplier
        first = initial_weights(settings.initial_alpha, spec, members)
        self._multipliers = multipliers_of(first, self._largest)  # (K, A, M - 1)

    def propose(self, cycle: int) -> FloatArray:
        """The weights of the present multipliers."""
        return weights_at(self._multipliers)

    def settled(self) -> FloatArray:
        """The weights of the present multipliers: nothing explores."""
        return weights_at(self._multipliers)

    def _move_to(self, multipliers: FloatArray) -> None:
        """Take multipliers, as far as they are within their bounds; a number that is not finite moves nothing."""
        moved = np.where(np.isfinite(multipliers), multipliers, self._multipliers)
        self._multipliers = np.clip(moved, 0.0, self._largest)

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Move on.

        Returns:
            The multipliers' sum; whether one stood at the largest and its limit was exceeded all the same; and what
            all violations weigh together, alpha where there is one.
        """
        excess = report.objectives[..., 1:] - report.limits
        stuck = ((self._multipliers >= self._largest) & (excess > 0.0)).any(-1)
        self._move(report.cycle, excess)
        told = (self._multipliers.sum(-1), stuck.astype(np.float64), self.settled()[..., 1:].sum(-1))
        return dict(zip(COLUMNS, told, strict=True))

    def _move(self, cycle: int, excess: FloatArray) -> None:
        """To the next cycle's multipliers, after one that exceeded the limits by so much, `(K, A, M - 1)`."""

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {"multipliers": self._multipliers.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._multipliers = self._multipliers.copy()
        put_back(self._multipliers, state["multipliers"])
