"""Root finding on the logarithm of the multiplier: at which alpha does the mean violation cross its limit?

For a perfect agent the violation falls as the multiplier mu = alpha / (1 - alpha) grows. A step is taken once the
estimate at the present place tells on which side of the limit it lies: while it does not (the limit is within
`confidence` standard errors), the same alpha is asked again and the estimates are pooled, at most `repeats` times.

    no end known on one side    strides outwards, each twice the last, up to the multiplier's bounds
    both ends known             the secant's root, kept to the middle of the bracket
    ends closer than asked for  the two in turn: a mixture needs both policies, and agents that learn change their minds

An end is forgotten when a later report at it, or beyond it, says the opposite: the bracket opens again on that side,
with strides that begin as wide as it was.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.strategies.multipliers import multipliers_of, require_one_limit, weights_at
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.settings import LoopSettings


class BisectSettings(LoopSettings):
    """The root finder and its loop; lengths are in the logarithm of alpha / (1 - alpha)."""

    initial_alpha: Share = Field(default=0.5, description="Alpha of the first cycle, within the multiplier's bounds.")
    confidence: float = Field(
        default=1.0, ge=0.0, le=100.0, description="Standard errors by which an estimate must miss the limit."
    )
    repeats: int = Field(
        default=2, ge=1, le=1000, description="Cycles at one alpha after which its side is taken as it is."
    )
    resolution: float = Field(default=0.1, gt=0.0, le=10.0, description="Length of a bracket that is narrow enough.")
    stride: float = Field(default=1.5, gt=0.0, le=10.0, description="First stride while there is no bracket.")
    margin: float = Field(
        default=0.2, gt=0.0, le=0.5, description="Share of the bracket that a step keeps away from both ends."
    )
    multiplier_bound: float = Field(
        default=1000.0, gt=1.0, le=1e9, description="No multiplier goes beyond, or below one over it."
    )


SECTIONS = {"adaptation": BisectSettings()}
OPTIONS = ("cycles", "initial_alpha", "confidence", "repeats")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 6}}}
CHOICE = "choice"
COLUMNS = ("low", "high", CHOICE)


def tied(sections: Mapping[str, Any]) -> str | None:
    """A step depends on what went before alone."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "Bisection":
    """A root finder for every agent of every member.

    Raises:
        UsageError: an agent has several limits.
    """
    require_one_limit("bisect", spec)
    return Bisection(settings["adaptation"], len(spec.agents), len(seeds))


class Search(NamedTuple):
    """Where the search for one root stands; places are logarithms of the multiplier, NaN where there is none."""

    place: float  # that is asked
    total: float = 0.0  # excess over the limit there, summed over the reports since the last step
    variance: float = 0.0  # of that sum
    asked: float = 0.0  # how many reports
    low: float = math.nan  # the limit is exceeded here
    low_excess: float = math.nan
    high: float = math.nan  # and holds here
    high_excess: float = math.nan
    stride: float = math.nan  # of the next step outwards


def searched(search: Search, excess: float, error: float, settings: BisectSettings) -> Search:
    """The search after a report: `excess` over the limit at its place, with its standard error."""
    total, variance, asked = search.total + excess, search.variance + error**2, search.asked + 1
    unsure = abs(total) <= settings.confidence * math.sqrt(variance)  # of sums as of means
    if unsure and variance > 0.0 and asked < settings.repeats:
        return search._replace(total=total, variance=variance, asked=asked)
    search = _with_end(search, total / asked)
    search = search._replace(total=0.0, variance=0.0, asked=0.0)
    bound = math.log(settings.multiplier_bound)
    if not math.isnan(search.low + search.high):
        return search._replace(place=_between(search, settings), stride=search.high - search.low)
    outwards = search.stride if math.isnan(search.high) else -search.stride
    place = min(max(search.place + outwards, -bound), bound)
    return search._replace(place=place, stride=2.0 * search.stride)


def _with_end(search: Search, excess: float) -> Search:
    """The place becomes an end; the other end goes where the two contradict one another."""
    if excess > 0.0:
        search = search._replace(low=search.place, low_excess=excess)
        return search if search.high > search.place else search._replace(high=math.nan, high_excess=math.nan)
    search = search._replace(high=search.place, high_excess=excess)
    return search if search.low < search.place else search._replace(low=math.nan, low_excess=math.nan)


def _between(search: Search, settings: BisectSettings) -> float:
    width = search.high - search.low
    if width <= settings.resolution:
        return search.low if search.place == search.high else search.high
    share = search.low_excess / (search.low_excess - search.high_excess)
    return search.low + width * min(max(share, settings.margin), 1.0 - settings.margin)


class Bisection(Strategy):
    """A search for every agent of every member."""

    columns: tuple[str, ...] = COLUMNS

    def __init__(self, settings: BisectSettings, agents: int, members: int) -> None:
        """Args: settings: of the searches. agents: A. members: K."""
        self._settings = settings
        bound, alpha = settings.multiplier_bound, settings.initial_alpha
        first = max(float(multipliers_of(np.array([1.0 - alpha, alpha]), bound)[0]), 1.0 / bound)
        beginning = Search(math.log(first), stride=settings.stride)
        self._searches = np.tile(beginning, (members, agents, 1))  # (K, A, fields of a Search)

    def propose(self, cycle: int) -> FloatArray:
        """The weights at every search's place."""
        return _weights(self._column("place"))

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Every search goes on.

        Returns:
            The largest alpha at which the limit is exceeded and the least at which it holds, as far as known, and the
            alpha that would be settled on.
        """
        searches = self._searches.copy()
        for k, a in np.ndindex(searches.shape[:2]):
            excess = report.objectives[k, a, 1] - report.limits[a, 0]
            error = report.errors[k, a, 1]
            searches[k, a] = searched(Search(*searches[k, a].tolist()), float(excess), float(error), self._settings)
        self._searches = searches
        ends = (_weights(self._column(end))[..., 1] for end in ("low", "high"))
        return dict(zip(COLUMNS, (*ends, self.settled()[..., 1]), strict=True))

    def settled(self) -> FloatArray:
        """Where the limit holds; while it has not held yet, where that is tried next."""
        high = self._column("high")
        return _weights(np.where(np.isnan(high), self._column("place"), high))

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {"searches": self._searches.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._searches = self._searches.copy()
        put_back(self._searches, state["searches"])

    def _column(self, field: str) -> FloatArray:
        """`(K, A)` of a field of the searches."""
        return np.asarray(self._searches[..., Search._fields.index(field)])


def _weights(places: FloatArray) -> FloatArray:
    """`(K, A, 2)` at logarithms of multipliers `(K, A)`."""
    return weights_at(np.exp(places)[..., None])
