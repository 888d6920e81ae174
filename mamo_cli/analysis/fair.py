"""The fairest mixture of joint plays within a budget of mean cost: exact, by an oracle that knows the best play."""

from collections.abc import Sequence

import numpy as np

from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.fairness import Mean
from mamo_cli.core.seam import Domain, Knowledge, Part
from mamo_cli.core.weights import joint_weights
from mamo_cli.solvers.fair import Fairest, fairest


def fairest_mixture(
    domain: Domain,
    means: Sequence[Mean],
    budget: float | None = None,
    part: Part = Part.EVALUATION,
    knowledge: Knowledge = Knowledge.CAUSAL,
) -> Fairest:
    """The mixture of plays that makes the first mean of the agents' violations least, of those the second, and so on.

    Args:
        domain: whose agents have one violation each.
        means: see `core/fairness.py`.
        budget: of the normalised cost, a mean over agents; None: whatever it costs.
        part: of the workload.
        knowledge: of what comes.

    Raises:
        UnreachableError: no play is within the budget.
        NothingExactError: nothing exact is known.
    """
    spec = domain.spec

    def oracle(prices: FloatArray) -> FloatArray:
        brought = domain.answer(joint_weights(spec, prices[0], prices[1:, None]), part, knowledge).objectives
        return np.concatenate(([brought[:, 0].mean()], brought[:, 1]))

    first = oracle(np.r_[1.0, np.zeros(len(spec.agents))])
    if budget is not None and first[0] > budget:
        raise UnreachableError(
            f"no play of the {part} part has a mean cost of {budget:g} or less: the least is {first[0]:.4g}"
        )
    return fairest(means, first[None], budget, oracle)
