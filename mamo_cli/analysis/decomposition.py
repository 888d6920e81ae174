"""The cost of what was delivered, over the clairvoyant bound, in signed terms that add up: who is to blame for what.

From stage to stage one thing changes, all costs being those of the evaluation part: who knows what comes → who sees
what agents see (information) → who has the alphas of a grid alone (grid) → who may not mix (determinism) → who took the
weights that are best on the training part (transfer) → who took those that the strategy settled on (strategy) → the
learnt agent at them (te) → the same judged by simulation (model). All but the last two are played by a perfect agent.
A term is a difference of costs as a share of the first.

Of agents that share a budget, or have several limits, neither a grid nor single weights may be searched (see `bounds`).
Those stages are missing: their terms are blank, and what they would have told is part of the next that is there.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mamo_cli.analysis.bounds import Bounds, Grid, bound, on_grid, single, unsearched
from mamo_cli.analysis.perfect import Mixture, played, reached
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Domain, Part

FIRST = "clairvoyant"
TERMS = ("information", "grid", "determinism", "transfer", "strategy", "te", "model")
"""In this order; each names the stage that it leads to, too. The stage before them is `FIRST`."""


class Stage(NamedTuple):
    """One stage of a member's decomposition."""

    name: str
    term: float  # by how much it costs more than the last that is known, as a share of the clairvoyant bound
    objectives: FloatArray  # (A, M)
    bought: bool  # the term lowers cost by raising an agent's violation beyond its limit

    @property
    def missing(self) -> bool:
        """Whether nothing is known of it."""
        return bool(np.isnan(self.objectives).any())

    def holds(self, limits: FloatArray) -> bool:
        """Whether every agent's violations are within their limits `(A, M - 1)`."""
        return bool((self.objectives[:, 1:] <= reached(limits)).all())


def shared_stages(domain: Domain, bounds: Bounds, grid: Grid | None, mix: bool) -> FloatArray:
    """`(5, A, M)` objectives of the stages that no member has a share in, from the clairvoyant bound to transfer.

    NaN for those that are missing.

    Args:
        domain: what is controlled.
        bounds: of its evaluation part.
        grid: the weights that the strategy can choose, None where these are all.
        mix: whether what is delivered may be a mixture.

    Raises:
        UnreachableError: no play of the training part keeps an agent's limit.
        NothingExactError: the bound is no unit to measure in.
    """
    if bounds.clairvoyant.cost <= 0.0:
        raise NothingExactError("the clairvoyant bound costs nothing, and no cost is a share of it")
    known = unsearched(domain, grid, mix) is None
    unknown = np.full_like(bounds.causal.objectives, np.nan)
    stages = [each.objectives for each in bounds]
    stages.append(stages[-1] if grid is None else on_grid(domain, grid).objectives if known else unknown)
    stages.append(
        stages[-1] if mix else best_weights(domain, Part.EVALUATION, grid, mix).objectives if known else unknown
    )
    trained = best_weights(domain, Part.TRAINING, grid, mix) if known else bound(domain, Part.TRAINING)
    return np.stack([*stages, played(domain, trained.weights, trained.shares).objectives])


def best_weights(domain: Domain, part: Part, grid: Grid | None, mix: bool) -> Mixture:
    """The weights with which a perfect agent is cheapest on a part, within every agent's limit.

    Raises:
        NothingExactError: see `bounds.bound`.
    """
    if grid is not None:
        return on_grid(domain, grid, part, mix)
    return bound(domain, part) if mix else single(domain, part)


def decomposed(domain: Domain, shared: FloatArray, settled: FloatArray, learnt: FloatArray) -> list[Stage]:
    """A member's stages, whose terms add up to its cost over the clairvoyant bound, less 1.

    Args:
        domain: what was controlled.
        shared: `(5, A, M)`, see `shared_stages`.
        settled: `(A, M)` objectives of a perfect agent at the weights that the strategy settled on.
        learnt: `(A, M)` of what was delivered. Nothing simulates it so far: the last term is 0.
    """
    objectives = np.concatenate((shared, settled[None], learnt[None], learnt[None]))
    known = ~np.isnan(objectives).any((-2, -1))
    violations = objectives[known][..., 1:]
    beyond = (violations > reached(domain.spec.limits)) & (np.diff(violations, axis=0, prepend=violations[:1]) > 0)
    shares, bought = np.full(len(objectives), np.nan), np.zeros(len(objectives), dtype=np.bool_)
    shares[known] = np.r_[0.0, terms(objectives[known][..., 0].mean(-1))]
    bought[known] = (shares[known] < 0) & beyond.any((-2, -1))
    return [
        Stage(name, float(term), stage, bool(bad))
        for name, term, stage, bad in zip((FIRST, *TERMS), shares, objectives, bought, strict=True)
    ]


def terms(costs: Sequence[float] | FloatArray) -> FloatArray:
    """`(n,)` differences of n + 1 costs as shares of the first: they add up to the last over the first, less 1."""
    return np.asarray(np.diff(costs) / costs[0])
