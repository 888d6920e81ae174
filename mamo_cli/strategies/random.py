"""The control without a rule: weights at random, uniform on the simplex, so that one alpha is uniform in [0, 1]."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import Share
from mamo_cli.strategies.multipliers import initial_weights
from mamo_cli.strategies.reports import FromReports
from mamo_cli.strategies.settings import LoopSettings


class RandomSettings(LoopSettings):
    """The loop."""

    initial_alpha: Share = Field(
        default=0.5, description="Alpha of the first cycle; of several violations, their weight together."
    )


SECTIONS = {"adaptation": RandomSettings()}
OPTIONS = ("cycles", "initial_alpha")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 20}}}
CHOICE = "choice"
COLUMNS = (CHOICE,)


def tied(sections: Mapping[str, Any]) -> str | None:
    """A cycle is what it is however many come after it."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "Random":
    """Weights at random for every agent of every member."""
    return Random(settings["adaptation"], spec, seeds)


class Random(FromReports):
    """Every cycle's weights come from a stream of the member's own."""

    def __init__(self, settings: RandomSettings, spec: Spec, seeds: Sequence[int]) -> None:
        """Args: settings: of the loop. spec: of the domain. seeds: one a member."""
        super().__init__(spec, initial_weights(settings.initial_alpha, spec, len(seeds)))
        self._seeds = list(seeds)

    def _next(self, cycle: int) -> FloatArray:
        agents, objectives = self._first.shape[1:]
        streams = [stream(seed, "random", str(cycle)) for seed in self._seeds]
        return np.stack([rng.dirichlet(np.ones(objectives), agents) for rng in streams])
