"""What a perfect agent brings that plays at some weights, or a mixture of such plays."""

from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Domain, Knowledge, Part

ROUNDING = 1e-12
"""What the mean violation of a mixture that meets a limit of the order of 1 exactly may be wrong by."""

LEAST, MOST = 1e-12, 1e-6
"""Of a limit: what it may be wrong by at least, where limits are large, and at most, where they are tiny."""


class UnreachableError(NothingExactError):
    """No play of a part keeps an agent's limit, so that nothing bounds the cost of those that do."""


class Mixture(NamedTuple):
    """Weights of each agent, the shares of the time that a perfect agent plays at them, and what that brings.

    Of J weights; an agent that needs fewer has shares of 0. Agents that share a budget play together, all at their
    j-th weights.
    """

    weights: FloatArray  # (A, J, M)
    shares: FloatArray  # (A, J)
    objectives: FloatArray  # (A, M): mean normalised cost, then mean violations
    prices: FloatArray | None = None  # (A, M - 1) of violation, in an agent's cost: the limits' multipliers at a bound
    gap: float = 0.0  # by how much the least cost may be lower, at most

    @property
    def cost(self) -> float:
        """The normalised cost, a mean over agents."""
        return float(self.objectives[:, 0].mean())


def played(
    domain: Domain,
    weights: FloatArray,
    shares: FloatArray,
    part: Part = Part.EVALUATION,
    knowledge: Knowledge = Knowledge.CAUSAL,
) -> Mixture:
    """What a perfect agent brings that plays at weights `(A, J, M)` with shares `(A, J)` of the time.

    Raises:
        NothingExactError: nothing exact is known.
    """
    return Mixture(weights, shares, np.einsum("aj,ajm->am", shares, objectives_at(domain, weights, part, knowledge)))


def objectives_at(domain: Domain, weights: FloatArray, part: Part, knowledge: Knowledge) -> FloatArray:
    """`(A, J, M)` of a perfect agent's plays at weights `(A, J, M)`."""
    return np.stack([domain.answer(each, part, knowledge).objectives for each in weights.swapaxes(0, 1)], 1)


def exceeded(domain: Domain, objectives: FloatArray) -> BoolArray:
    """`(A,)` whose mean violations of objectives `(A, M)` are above their limits, by more than rounding."""
    return np.asarray((objectives[:, 1:] > reached(domain.spec.limits)).any(-1))


def reached(limits: FloatArray) -> FloatArray:
    """The most that a mean violation within limits is, rounding included; of limits of 0, `ROUNDING`."""
    slack = np.clip(ROUNDING, LEAST * limits, MOST * limits)
    return np.asarray(limits + np.where(limits > 0.0, slack, ROUNDING))
