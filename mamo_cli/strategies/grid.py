"""The control without feedback: every alpha of a grid in turn, round after round; with several limits, all weights."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.core.weights import weights_beside, weights_grid
from mamo_cli.strategies.multipliers import initial_weights
from mamo_cli.strategies.reports import FromReports
from mamo_cli.strategies.settings import LoopSettings


class GridSettings(LoopSettings):
    """The grid and its loop."""

    initial_alpha: Share = Field(default=0.0, description="Alpha of the first cycle; the grid goes on from there.")
    alpha_step: Annotated[float, Field(gt=0.0, le=1.0)] = Field(default=0.1, description="Spacing of the alphas.")


SECTIONS = {"adaptation": GridSettings()}
OPTIONS = ("cycles", "initial_alpha", "alpha_step")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 22}}}
CHOICE = "choice"
COLUMNS = (CHOICE,)


def tied(sections: Mapping[str, Any]) -> str | None:
    """A cycle is what it is however many come after it."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "Grid":
    """The grid for every agent of every member."""
    return Grid(settings["adaptation"], spec, len(seeds))


class Grid(FromReports):
    """The grid's alphas and the initial one, upwards from that one on, and again from 0.

    With several violations all weights of the grid, those of a first violation before those of the next.
    """

    def __init__(self, settings: GridSettings, spec: Spec, members: int) -> None:
        """Args: settings: of the grid. spec: of the domain. members: K."""
        super().__init__(spec, initial_weights(settings.initial_alpha, spec, members))
        grid = np.vstack((weights_grid(settings.alpha_step, spec.objectives - 1), self._first[0, 0]))
        grid = np.unique(grid[:, 1:], axis=0)
        first = int((grid == self._first[0, 0, 1:]).all(1).argmax())
        self._alphas = np.roll(grid, -first, axis=0)  # (G, M - 1)

    def _next(self, cycle: int) -> FloatArray:
        weights = weights_beside(self._alphas[cycle % len(self._alphas)])
        return np.tile(np.maximum(weights, 0.0), (*self._first.shape[:2], 1))
