"""Optimistic linear support: the next alpha is where a policy that is not known yet could improve the most.

Roijers, Multi-objective decision-theoretic planning (2016), chapter 3. The weighted sum V(alpha) of the best policy is
concave in alpha, at most the least of the known policies' lines, and at the alphas that were tried exactly that. The
least of the lines is highest at its corners, where two policies are worth the same; there V is at least the chord
between the neighbouring alphas that were tried. The difference is the optimistic improvement: the corner where it is
largest is tried next, the extremes 0 and 1 first. Where no corner improves, the policies are the convex hull, and the
corner between the two that bracket the limit is tried again and again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.core.weights import weights_of
from mamo_cli.strategies.multipliers import initial_weights, require_one_limit
from mamo_cli.strategies.protocol import CycleReport
from mamo_cli.strategies.reports import FromReports
from mamo_cli.strategies.settings import LoopSettings


class OLSSettings(LoopSettings):
    """The search and its loop."""

    initial_alpha: Share = Field(default=0.0, description="Alpha of the first cycle; 0 and 1 are next.")
    least_improvement: float = Field(
        default=1e-3, ge=0.0, le=1.0, description="Of the weighted sum, below which a corner does not improve."
    )


SECTIONS = {"adaptation": OLSSettings()}
OPTIONS = ("cycles", "initial_alpha", "least_improvement")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 20}}}
CHOICE = "choice"
COLUMNS = ("improvement", CHOICE)


def tied(sections: Mapping[str, Any]) -> str | None:
    """A step depends on what went before alone."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "LinearSupport":
    """A search for every agent of every member.

    Raises:
        UsageError: an agent has several limits.
    """
    require_one_limit("ols", spec)
    return LinearSupport(settings["adaptation"], spec, len(seeds))


class Corner(NamedTuple):
    """What is tried next, and by how much it could improve; 0 where nothing could."""

    alpha: float
    improvement: float


def convex_hull(points: FloatArray) -> FloatArray:
    """Of points `(J, 2)` of cost and violation those `(H, 2)` that are best at some alpha, from the cheapest on."""
    hull: list[FloatArray] = []
    for point in points[np.lexsort((points[:, 1], points[:, 0]))]:
        if hull and point[1] >= hull[-1][1]:
            continue
        while len(hull) > 1 and _turns_up(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return np.array(hull)


def _turns_up(first: FloatArray, second: FloatArray, third: FloatArray) -> bool:
    """Whether the second lies on or above the line from the first to the third."""
    (run, fall), (whole_run, whole_fall) = second - first, third - first
    return bool(fall * whole_run >= whole_fall * run)


def best_corner(tried: FloatArray, points: FloatArray, limit: float, least: float) -> Corner:
    """Where a policy that is not known could improve the most.

    Args:
        tried: `(C,)` alphas.
        points: `(C, 2)` mean cost and violation that each brought.
        limit: of the violation, around which to stay once nothing improves.
        least: improvements below this are none.
    """
    for extreme in (0.0, 1.0):
        if extreme not in tried:
            return Corner(extreme, 1.0)
    hull = convex_hull(points)
    if len(hull) == 1:
        return Corner(float(tried[-1]), 0.0)
    run, fall = np.diff(hull, axis=0).T
    corners = run / (run - fall)
    known = np.unique(tried)
    worth = weights_of(corners) @ hull.T
    chord = np.interp(corners, known, (weights_of(known) @ hull.T).min(1))
    improvements = worth.min(1) - chord
    best = int(improvements.argmax())
    if improvements[best] > least:
        return Corner(float(corners[best]), float(improvements[best]))
    around = np.clip(np.searchsorted(-hull[:, 1], -limit) - 1, 0, len(corners) - 1)
    return Corner(float(corners[around]), 0.0)


class LinearSupport(FromReports):
    """A search for every agent of every member; settles on the cheapest alpha within the limit."""

    columns = COLUMNS

    def __init__(self, settings: OLSSettings, spec: Spec, members: int) -> None:
        """Args: settings: of the searches. spec: of the domain. members: K."""
        super().__init__(spec, initial_weights(settings.initial_alpha, spec, members))
        self._least = settings.least_improvement

    def _next(self, cycle: int) -> FloatArray:
        return weights_of(self._corners()[..., 0])

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Keep it; returns by how much the weighted sum could improve at the next corner, and the alpha to settle on.

        Before both extremes are known it could improve by anything: 1.
        """
        told = super().observe(report)
        return {COLUMNS[0]: self._corners()[..., 1], **told}

    def _corners(self) -> FloatArray:
        """`(K, A, 2)` alpha of the next corner and its improvement."""
        tried, points = self._reports.weights[..., 1], self._reports.objectives
        corners = np.empty((*tried.shape[1:], 2))
        for k, a in np.ndindex(tried.shape[1:]):
            corners[k, a] = best_corner(tried[:, k, a], points[:, k, a], float(self._reports.limits[a, 0]), self._least)
        return corners
