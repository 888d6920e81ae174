"""PID control of the multiplier: dual ascent is its integral alone, which swings; the other two terms damp it.

Stooke, Achiam, Abbeel: Responsive safety in reinforcement learning by PID Lagrangian methods (2020), algorithm 2: with
the excess D = P - limit of a phase,

    I <- (I + D)+,   d <- (P - P before)+,   mu <- (K_P D + K_I I + K_D d)+

so that the derivative answers a growing violation alone. As there, the cost weighs 1 / (1 + mu). The default gains suit
the reference instance and the gridworld; a tighter limit, whose excesses are smaller, wants larger ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Spec
from mamo_cli.strategies.multipliers import CHOICE, COLUMNS, Multipliers, MultiplierSettings

__all__ = ["CHOICE", "COLUMNS", "OPTIONS", "PID", "PRESETS", "SECTIONS", "build", "tied"]


class PIDSettings(MultiplierSettings):
    """The controller and its loop."""

    proportional: float = Field(
        default=2.0, ge=0.0, le=1e9, description="K_P, of a multiplier per unit of the present excess."
    )
    integral: float = Field(default=10.0, ge=0.0, le=1e9, description="K_I, the same of the excesses' sum.")
    derivative: float = Field(
        default=1.0, ge=0.0, le=1e9, description="K_D, the same of the violation's growth since the cycle before."
    )


SECTIONS = {"adaptation": PIDSettings()}
OPTIONS = ("cycles", "initial_alpha", "proportional", "integral", "derivative")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 10}}}


def tied(sections: Mapping[str, Any]) -> str | None:
    """A step depends on what went before alone."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "PID":
    """A controller for every member, all violations of all agents."""
    return PID(settings["adaptation"], spec, len(seeds))


class PID(Multipliers):
    """Controls every multiplier by its own excess after each cycle; the integral begins at the first multiplier."""

    def __init__(self, settings: PIDSettings, spec: Spec, members: int) -> None:
        """Args: settings: of the controllers. spec: of the domain. members: K."""
        super().__init__(settings, spec, members)
        self._gains = settings
        self._integral = self._multipliers  # (K, A, M - 1), K_I times the sum
        self._before = np.full_like(self._multipliers, np.nan)  # excess of the cycle before

    def _move(self, cycle: int, excess: FloatArray) -> None:
        gains, known = self._gains, np.where(np.isfinite(excess), excess, 0.0)
        self._integral = np.clip(self._integral + gains.integral * known, 0.0, self._largest)
        growth = np.fmax(known - self._before, 0.0)  # 0 where there is nothing before
        self._before = known
        self._move_to(self._integral + gains.proportional * known + gains.derivative * growth)

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        own = {"integral": self._integral.copy(), "before": self._before.copy()}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        super().load_state_dict(state)
        self._integral, self._before = self._integral.copy(), self._before.copy()
        put_back(self._integral, state["integral"])
        put_back(self._before, state["before"])
