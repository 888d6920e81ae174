"""The least cost within the limits that somebody could reach who may mix plays, knowing what comes or what agents see.

Both are values of a linear program over mixtures of plays. Where an agent has one limit, and its choices touch nobody
else, the dual has one multiplier, alpha / (1 - alpha), and is concave in it: the plays on the two sides of its maximum
bracket the limit, and their mixture that meets it is optimal. With several limits, or agents that share a budget and so
mix joint plays, the program is solved by column generation (`solvers/columns.py`), which says how far it may be off.

The cost is the mean over agents of the normalised cost, whatever their priorities: these say how agents that learn
trade with one another, not what anything costs.
"""

from typing import NamedTuple

import numpy as np

from mamo_cli.analysis.mixing import cheapest_mixture
from mamo_cli.analysis.perfect import Mixture, UnreachableError, exceeded, objectives_at, played
from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.mixtures import best, mixed
from mamo_cli.core.seam import Domain, Knowledge, Part
from mamo_cli.core.weights import weights_of

HALVINGS = 48
"""Of [0, 1] in the search for alpha: fine, yet 1 - alpha stays above rounding."""


class Bounds(NamedTuple):
    """Both of the evaluation part."""

    clairvoyant: Mixture
    causal: Mixture


class Grid(NamedTuple):
    """The weights that a strategy can choose; of one limit, laid anew so many times between the two that bracket it."""

    weights: FloatArray  # (G, M), alpha rising
    refinements: int = 0


def bounds_of(domain: Domain) -> Bounds:
    """What nobody within every agent's limit costs less than, who knows what comes, and who sees what agents see.

    Raises:
        NothingExactError: see `bound`.
    """
    return Bounds(*(bound(domain, knowledge=each) for each in (Knowledge.CLAIRVOYANT, Knowledge.CAUSAL)))


def bound(domain: Domain, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL) -> Mixture:
    """The least cost within every agent's limits: by bisection on alpha, all agents at once, or by column generation.

    Raises:
        UnreachableError: not even the play of least violation keeps a limit.
        NothingExactError: nothing exact is known.
    """
    if domain.spec.coupled or domain.spec.objectives > 2:
        return cheapest_mixture(domain, part, knowledge)
    low, high = _bracket(domain, part, knowledge)
    found = _chosen(domain, weights_of(np.stack((low, high), 1)), part, knowledge)
    alpha = (found.shares * found.weights[..., 1]).sum(1)  # all played are within rounding of one another
    alpha = np.minimum(alpha, 1.0 - 0.5**HALVINGS)
    return found._replace(prices=(alpha / (1.0 - alpha))[:, None])


def single(domain: Domain, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL) -> Mixture:
    """The same without mixing: each agent at the smallest alpha that keeps its limit.

    Not of agents that share a budget or have several limits, see `unsearched`.

    Raises:
        NothingExactError: see `bound`.
    """
    _, high = _bracket(domain, part, knowledge)
    return played(domain, weights_of(high[:, None]), np.ones((len(high), 1)), part, knowledge)


def on_grid(domain: Domain, grid: Grid, part: Part = Part.EVALUATION, mix: bool = True) -> Mixture:
    """The least cost of a perfect agent within every agent's limits, by the weights of a grid, mixed or a single one.

    Not of agents that share a budget, see `unsearched`.

    Raises:
        NothingExactError: see `bound`.
    """
    weights = np.repeat(np.asarray(grid.weights)[None], len(domain.spec.agents), 0)
    for _ in range(grid.refinements):
        weights = weights_of(_finer(domain, weights[..., 1], part))
    return _chosen(domain, weights, part, Knowledge.CAUSAL, mix)


def _bracket(domain: Domain, part: Part, knowledge: Knowledge) -> tuple[FloatArray, FloatArray]:
    """Neighbouring alphas `(A,)`, the largest that does not keep the limit and the smallest that does; 0 where all do.

    Raises:
        UnreachableError: even at alpha 1 an agent's limit is not kept.
    """
    agents = len(domain.spec.agents)
    low, high = np.zeros(agents), np.ones(agents)

    def kept(alphas: FloatArray) -> BoolArray:
        return ~exceeded(domain, domain.answer(weights_of(alphas), part, knowledge).objectives)

    _require(domain, domain.answer(weights_of(high), part, knowledge).objectives, part)
    high[kept(low)] = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        keeps = kept(middle)
        low, high = np.where(keeps, low, middle), np.where(keeps, middle, high)
    return low, high


def _finer(domain: Domain, alphas: FloatArray, part: Part) -> FloatArray:
    """As many alphas `(A, J)` between the two of each agent's that bracket its limit, where any do."""
    table = objectives_at(domain, weights_of(alphas), part, Knowledge.CAUSAL)
    keeps = np.stack([~exceeded(domain, plays) for plays in table.swapaxes(0, 1)], 1)
    finer = alphas.copy()
    for agent, first in enumerate(keeps.argmax(1)):
        if first > 0:
            finer[agent] = np.linspace(alphas[agent, first - 1], alphas[agent, first], alphas.shape[1])
    return finer


def _chosen(domain: Domain, weights: FloatArray, part: Part, knowledge: Knowledge, mix: bool = True) -> Mixture:
    """Of the plays at weights `(A, J, M)` each agent's cheapest mixture, or single play, within its limits."""
    table, limits = objectives_at(domain, weights, part, knowledge), domain.spec.limits
    choose = mixed if mix else best
    shares = np.stack([choose(plays, limit) for plays, limit in zip(table, limits, strict=True)])
    objectives = np.einsum("aj,ajm->am", shares, table)
    _require(domain, objectives, part)
    used = shares.any(0)
    return Mixture(weights[:, used], shares[:, used], objectives)


def _require(domain: Domain, objectives: FloatArray, part: Part) -> None:
    """See that objectives `(A, M)` of least violation keep every limit.

    Raises:
        UnreachableError: they do not.
    """
    for agent in np.flatnonzero(exceeded(domain, objectives))[:1]:
        limits, violations = domain.spec.limits[agent], objectives[agent, 1:]
        worst = int((violations - limits).argmax())
        violation = domain.spec.words.violations[worst]
        raise UnreachableError(
            f"no play of the {part} part keeps the mean {violation.spoken or violation.name} of "
            f"{domain.spec.agents[agent]} within {limits[worst]:g}: the least is {violations[worst]:.3g}"
        )


def unsearched(domain: Domain, grid: Grid | None, mix: bool) -> str | None:
    """Why the best weights of a grid, or of all those that are not mixed, are not known; None where they are."""
    spec = domain.spec
    if spec.coupled and (grid is not None or not mix):
        return f"{spec.words.agent}s play together here, whose best weights are known of mixtures alone"
    if spec.objectives > 2 and grid is None and not mix:
        return f"a {spec.words.agent} has several limits, within which the best weights are known of mixtures alone"
    return None
