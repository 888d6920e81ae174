"""Dual ascent: the multiplier of a violation grows while its limit is exceeded, and shrinks while it holds.

After each phase mu <- clamp(mu + eta_k (P - limit)), plain subgradient steps on the dual with eta_k = step / k^decay
after the k-th phase. A decay above .5 and at most 1 has the steps' sum diverge and that of their squares converge
(Bertsekas, Nonlinear Programming, section 6.3). The default step suits the reference instance and the gridworld; a
tighter limit, whose excesses are smaller, wants a larger one. The multipliers swing about the best one: what is worth
delivering is a mixture of the policies on both sides of the limit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.strategies.multipliers import CHOICE, COLUMNS, Multipliers, MultiplierSettings

__all__ = ["CHOICE", "COLUMNS", "OPTIONS", "PRESETS", "SECTIONS", "Dual", "build", "tied"]


class DualSettings(MultiplierSettings):
    """Dual ascent and its loop."""

    step: float = Field(
        default=15.0, gt=0.0, le=1e9, description="Growth of a multiplier after the first cycle, per unit of excess."
    )
    decay: Share = Field(default=0.5, description="After cycle k, counted from 1, the step is over k to this power.")


SECTIONS = {"adaptation": DualSettings()}
OPTIONS = ("cycles", "initial_alpha", "step", "decay")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 20}}}


def tied(sections: Mapping[str, Any]) -> str | None:
    """A step depends on how many went before alone."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "Dual":
    """Dual ascent for every member, all violations of all agents."""
    return Dual(settings["adaptation"], spec, len(seeds))


class Dual(Multipliers):
    """Moves every multiplier by its own excess after each cycle."""

    def __init__(self, settings: DualSettings, spec: Spec, members: int) -> None:
        """Args: settings: of the steps. spec: of the domain. members: K."""
        super().__init__(settings, spec, members)
        self._step, self._decay = settings.step, settings.decay

    def _move(self, cycle: int, excess: FloatArray) -> None:
        self._move_to(self._multipliers + self._step / (cycle + 1) ** self._decay * excess)
