"""Reward constrained policy optimisation: the multiplier moves while the agents learn, on a slower time scale.

Tessler, Mankowitz, Mannor: Reward constrained policy optimization (2018), algorithm 1: from each iteration of a phase
to the next mu <- clamp(mu + eta_k (P - limit)), where P is that iteration's own mean violation, exploration included,
and eta_k = step / k^decay at the k-th step in all. The next phase begins where one ends. Where exploration begins anew
with every phase, the multiplier comes to hold the limit on average over phases, not where one ends: on the reference
instance it ends above the one that the last policies need.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.strategies.multipliers import CHOICE, COLUMNS, Multipliers, MultiplierSettings

__all__ = ["CHOICE", "COLUMNS", "OPTIONS", "PRESETS", "RCPO", "SECTIONS", "build", "tied"]


class RCPOSettings(MultiplierSettings):
    """The steps and their loop."""

    step: float = Field(
        default=2.0, gt=0.0, le=1e9, description="Growth of a multiplier at the first step, per unit of excess."
    )
    decay: Share = Field(default=0.25, description="Step k, counted from 1 over all phases, is over k to this power.")


SECTIONS = {"adaptation": RCPOSettings()}
OPTIONS = ("cycles", "initial_alpha", "step", "decay")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 20}}}


def tied(sections: Mapping[str, Any]) -> str | None:
    """A step depends on how many went before alone."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "RCPO":
    """Steps within the phases for every member, all violations of all agents."""
    return RCPO(settings["adaptation"], spec, len(seeds))


class RCPO(Multipliers):
    """Moves every multiplier by its own excess between iterations."""

    def __init__(self, settings: RCPOSettings, spec: Spec, members: int) -> None:
        """Args: settings: of the steps. spec: of the domain. members: K."""
        super().__init__(settings, spec, members)
        self._step, self._decay = settings.step, settings.decay
        self._steps = 0

    def within(self, weights: FloatArray, objectives: FloatArray, limits: FloatArray) -> FloatArray:
        """One step."""
        self._steps += 1
        step = self._step / self._steps**self._decay
        self._move_to(self._multipliers + step * (objectives[..., 1:] - limits))
        return self.propose(0)

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {**super().state_dict(), "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        super().load_state_dict(state)
        self._steps = int(state["steps"])
