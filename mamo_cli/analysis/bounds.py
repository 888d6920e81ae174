"""The least cost within the limits that somebody could reach who may mix plays, knowing what comes or what agents see.

Both are values of a linear program over mixtures of plays. Its dual has one multiplier, alpha / (1 - alpha), and is
concave in it: the plays on the two sides of its maximum bracket the limit, and their mixture that meets it is optimal.
"""

from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.mixtures import best, mixed
from mamo_cli.core.seam import Domain, Knowledge, Part
from mamo_cli.core.weights import weights_of

HALVINGS = 48
"""Of [0, 1] in the search for alpha: fine, yet 1 - alpha stays above rounding."""


class Mixture(NamedTuple):
    """Alphas of each agent, the shares of the time that a perfect agent plays at them, and what that brings.

    Of J alphas; an agent that needs fewer has shares of 0.
    """

    alphas: FloatArray  # (A, J)
    shares: FloatArray  # (A, J)
    objectives: FloatArray  # (A, M): mean normalised cost, then mean violations

    @property
    def cost(self) -> float:
        """The normalised cost, a mean over agents."""
        return float(self.objectives[:, 0].mean())


class Bounds(NamedTuple):
    """Both of the evaluation part."""

    clairvoyant: Mixture
    causal: Mixture


class Grid(NamedTuple):
    """The alphas that a strategy can choose, laid anew so many times between the two that bracket a limit."""

    alphas: FloatArray  # (G,), rising
    refinements: int = 0


class UnreachableError(NothingExactError):
    """No play of a part keeps an agent's limit, so that nothing bounds the cost of those that do."""


ROUNDING = 1e-12
"""What the mean violation of a mixture that meets a limit exactly may be wrong by."""


def bounds_of(domain: Domain) -> Bounds:
    """What nobody within every agent's limit costs less than, who knows what comes, and who sees what agents see.

    Raises:
        NothingExactError: see `bound`.
    """
    return Bounds(*(bound(domain, knowledge=each) for each in (Knowledge.CLAIRVOYANT, Knowledge.CAUSAL)))


def bound(domain: Domain, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL) -> Mixture:
    """The least cost within every agent's limit, by bisection on alpha, all agents at once.

    Raises:
        UnreachableError: not even the play of least violation keeps a limit.
        NothingExactError: nothing exact is known.
    """
    low, high = _bracket(domain, part, knowledge)
    return _chosen(domain, np.stack((low, high), 1), part, knowledge)


def single(domain: Domain, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL) -> Mixture:
    """The same without mixing: each agent at the smallest alpha that keeps its limit.

    Raises:
        NothingExactError: see `bound`.
    """
    _, high = _bracket(domain, part, knowledge)
    return played(domain, high[:, None], np.ones((len(high), 1)), part, knowledge)


def on_grid(domain: Domain, grid: Grid, part: Part = Part.EVALUATION, mix: bool = True) -> Mixture:
    """The least cost of a perfect agent within every agent's limit, by the alphas of a grid, mixed or a single one.

    Raises:
        NothingExactError: see `bound`.
    """
    alphas = np.repeat(np.asarray(grid.alphas)[None], len(domain.spec.agents), 0)
    for _ in range(grid.refinements):
        alphas = _finer(domain, alphas, part)
    return _chosen(domain, alphas, part, Knowledge.CAUSAL, mix)


def played(
    domain: Domain,
    alphas: FloatArray,
    shares: FloatArray,
    part: Part = Part.EVALUATION,
    knowledge: Knowledge = Knowledge.CAUSAL,
) -> Mixture:
    """What a perfect agent brings that plays at alphas `(A, J)` with shares `(A, J)` of the time.

    Raises:
        NothingExactError: nothing exact is known.
    """
    return Mixture(alphas, shares, np.einsum("aj,ajm->am", shares, _objectives(domain, alphas, part, knowledge)))


def exceeded(domain: Domain, objectives: FloatArray) -> BoolArray:
    """`(A,)` whose mean violations of objectives `(A, M)` are above their limits, by more than rounding."""
    return np.asarray((objectives[:, 1:] > domain.spec.limits + ROUNDING).any(-1))


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
    table = _objectives(domain, alphas, part, Knowledge.CAUSAL)
    keeps = np.stack([~exceeded(domain, plays) for plays in table.swapaxes(0, 1)], 1)
    finer = alphas.copy()
    for agent, first in enumerate(keeps.argmax(1)):
        if first > 0:
            finer[agent] = np.linspace(alphas[agent, first - 1], alphas[agent, first], alphas.shape[1])
    return finer


def _chosen(domain: Domain, alphas: FloatArray, part: Part, knowledge: Knowledge, mix: bool = True) -> Mixture:
    """Of the plays at alphas `(A, J)` each agent's cheapest mixture, or single play, within its limit."""
    table, limits = _objectives(domain, alphas, part, knowledge), domain.spec.limits
    choose = mixed if mix else best
    shares = np.stack([choose(plays, limit) for plays, limit in zip(table, limits, strict=True)])
    objectives = np.einsum("aj,ajm->am", shares, table)
    _require(domain, objectives, part)
    used = shares.any(0)
    return Mixture(alphas[:, used], shares[:, used], objectives)


def _objectives(domain: Domain, alphas: FloatArray, part: Part, knowledge: Knowledge) -> FloatArray:
    """`(A, J, M)` of a perfect agent's plays at alphas `(A, J)`."""
    return np.stack([domain.answer(weights_of(column), part, knowledge).objectives for column in alphas.T], 1)


def _require(domain: Domain, objectives: FloatArray, part: Part) -> None:
    """See that objectives `(A, M)` of least violation keep every limit.

    Raises:
        UnreachableError: they do not.
    """
    for agent in np.flatnonzero(exceeded(domain, objectives))[:1]:
        violation = domain.spec.words.violations[0]
        raise UnreachableError(
            f"no play of the {part} part keeps the mean {violation.spoken or violation.name} of "
            f"{domain.spec.agents[agent]} within {domain.spec.limits[agent, 0]:g}: the least is "
            f"{objectives[agent, 1]:.3g}"
        )
