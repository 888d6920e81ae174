"""The cheapest mixture of a perfect agent's plays where no single alpha of each agent finds it.

That is so with several limits, and where agents share a budget: what one may choose then depends on the others, so that
joint plays are mixed, at the same time for all agents.
"""

from collections.abc import Sequence

import numpy as np

from mamo_cli.analysis.perfect import ROUNDING, Mixture, UnreachableError, played
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Domain, Knowledge, Part, Spec
from mamo_cli.core.weights import joint_weights
from mamo_cli.solvers.columns import MOST_LIMITS, Mixed, cheapest


def cheapest_mixture(domain: Domain, part: Part, knowledge: Knowledge) -> Mixture:
    """The least mean cost within every agent's limits, by column generation.

    Raises:
        UnreachableError: no mixture keeps the limits.
        NothingExactError: nothing exact is known.
    """
    spec = domain.spec
    problems = 1 if spec.coupled else len(spec.agents)
    if spec.touching and spec.limits.size > MOST_LIMITS:  # of a shared budget the best plays are found far faster
        raise NothingExactError(
            f"the best joint plays within {spec.limits.size} limits are not sought: at most {MOST_LIMITS} are in time"
        )

    def oracle(weights: FloatArray) -> FloatArray:
        objectives = domain.answer(_of_agents(spec, weights), part, knowledge).objectives
        return np.r_[objectives[:, 0].mean(), objectives[:, 1:].ravel()][None] if spec.coupled else objectives

    found = cheapest(oracle, spec.limits.reshape(problems, -1))
    _require_reached(spec, found, part)
    prices = np.stack([each.multipliers for each in found]).reshape(spec.limits.shape)
    mixture = played(domain, *_plays(spec, found), part, knowledge)
    least = float(np.mean([each.objectives[0] - each.gap for each in found]))
    scale = len(spec.agents) if spec.coupled else 1
    return mixture._replace(prices=prices * scale, gap=max(mixture.cost - least, 0.0))


def _of_agents(spec: Spec, weights: FloatArray) -> FloatArray:
    """Weights `(A, M)` that stand for those of each problem, `(B, 1 + L)`."""
    return joint_weights(spec, weights[0, 0], weights[0, 1:].reshape(len(spec.agents), -1)) if spec.coupled else weights


def _plays(spec: Spec, found: Sequence[Mixed]) -> tuple[FloatArray, FloatArray]:
    """Weights `(A, J, M)` and shares `(A, J)` of the mixtures."""
    agents, most = len(spec.agents), max(len(each.shares) for each in found)
    weights, shares = np.zeros((agents, most, spec.objectives)), np.zeros((agents, most))
    for a in range(agents):
        each = found[0 if spec.coupled else a]
        own = [_of_agents(spec, row[None])[a] if spec.coupled else row for row in each.weights]
        weights[a, : len(own)], shares[a, : len(own)] = own, each.shares
    return weights, shares


def _require_reached(spec: Spec, found: Sequence[Mixed], part: Part) -> None:
    """See that mixtures keep all limits.

    Raises:
        UnreachableError: they do not, or none that does was found in time, which is then said.
    """
    excess, words = [each.excess for each in found], spec.words
    if max(excess) > ROUNDING:
        who = f"every {words.agent}" if spec.coupled else spec.agents[int(np.argmax(excess))]
        what = " and ".join(violation.spoken or violation.name for violation in words.violations)
        proven = max(each.excess - each.gap for each in found) > ROUNDING
        raise UnreachableError(
            f"no plays {'' if proven else 'that were tried '}of the {part} part keep the mean {what} of {who} "
            f"within the limits: in sum the least is {max(excess):.3g} beyond"
        )
