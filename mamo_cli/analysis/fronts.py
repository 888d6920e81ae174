"""How good a set of policies is to whoever has not yet said how much violation weighs: beside the exact front.

A policy is a point, its mean cost and its mean violation, both to be small. Definitions: Hayes et al., "A practical
guide to multi-objective reinforcement learning and planning", JAAMAS 2022; the expected utility is that of Zintgraf et
al., "Quality assessment of MORL algorithms: a utility-based approach", Benelearn 2015, and the maximum utility loss is
its worst case. Weights are (1 - alpha, alpha) with alpha uniform on [0, 1], the same for all agents.
"""

from typing import NamedTuple

import numpy as np

from mamo_cli.analysis.exact import everywhere
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Domain
from mamo_cli.core.weights import rewards, weights_of

INTERVALS = 200
"""Of [0, 1], at whose ends the exact front is known; utilities are integrated by trapezoids between them."""


class Front(NamedTuple):
    """The best there is at each alpha, on the evaluation part, for somebody who sees what agents see."""

    alphas: FloatArray  # (N,) from 0 to 1, evenly
    points: FloatArray  # (N, 2) mean cost and violation, means over agents

    @property
    def reference(self) -> FloatArray:
        """`(2,)` the worst that counts: all of the cost, and the violation of the cheapest play."""
        return np.array([1.0, self.points[0, 1]])


class Quality(NamedTuple):
    """Of a set of policies; what was evaluated once may by chance be better than what is expected of the best.

    Attributes:
        hypervolume: the area between the set and `Front.reference`: what is dominated by one of its policies.
        hypervolume_share: of that of the exact front.
        expected_utility_loss: by how much the best of the set is worse, on average over alpha, than the best there is.
        maximum_utility_loss: the same at the alpha where it is most.
    """

    hypervolume: float
    hypervolume_share: float | None
    expected_utility_loss: float
    maximum_utility_loss: float


def front_of(domain: Domain) -> Front:
    """The exact front of one violation.

    Raises:
        NothingExactError: nothing exact is known, or there are several violations: a front is then no curve over alpha.
    """
    if domain.spec.objectives > 2:
        raise NothingExactError("several violations have no front over one alpha")
    alphas, priorities = np.linspace(0.0, 1.0, INTERVALS + 1), domain.spec.priorities
    alike = 1.0 if priorities is None else 1.0 / (len(priorities) * priorities[:, None])  # points are means over agents
    points = [domain.answer(everywhere(domain, float(alpha)) * alike).objectives.mean(0) for alpha in alphas]
    return Front(alphas, np.stack(points))


def quality(policies: FloatArray, front: Front) -> Quality:
    """How good policies `(J, 2)`, of which there is at least one, are beside the exact front."""
    own, exact = (hypervolume(points, front.reference) for points in (policies, front.points))
    weights = weights_of(front.alphas)
    utility = rewards(policies[:, None], weights).max(0)  # (N,) of the best policy at each alpha
    loss = rewards(front.points, weights) - utility
    expected = float((loss[1:] + loss[:-1]).mean()) / 2
    return Quality(own, own / exact if exact else None, expected, float(loss.max()))


def hypervolume(points: FloatArray, reference: FloatArray) -> float:
    """The area that points `(J, 2)` dominate within a reference `(2,)`, all numbers to be small."""
    area, above = 0.0, float(reference[1])
    for cost, violation in points[np.lexsort((points[:, 1], points[:, 0]))].tolist():
        if cost < reference[0] and violation < above:
            area += (float(reference[0]) - cost) * (above - violation)
            above = violation
    return area
