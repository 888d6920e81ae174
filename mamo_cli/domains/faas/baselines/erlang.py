"""Rules that choose once a control period: one number of replicas for all, or the node's model turned round."""

from collections.abc import Callable

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.domains.faas.node import Case, Node
from mamo_cli.domains.faas.rejection.expectation import expected_rejection

MARGINS = np.round(np.arange(0.5, 3.005, 0.01), 2)
"""Of the expected rate, among which the best is looked for."""


def erlang_inversion(known: FaasDomain, walked: FaasDomain) -> IntArray:
    """Choices `(T, F)`: the fewest replicas with P(margin x expected rate, n) within the limit, or else the cap.

    The margin is each function's own, tuned on the training part: the cheapest whose mean rejection is within the limit
    there, in expectation over the noise.

    Args:
        known: what the rule is made from: the node as it is believed to be, and the limit.
        walked: what is to be played; only the rates that are expected of it, and its cap, are seen.
    """
    limits = known.spec.limits[:, 0]
    brought = known.prospect(Part.TRAINING, Knowledge.CAUSAL).objectives

    def holds(places: IntArray) -> BoolArray:
        plan = inverted(known.case, known.case.training, MARGINS[places], limits)
        return np.asarray(np.take_along_axis(brought[..., 1], plan[..., None], 2)[..., 0].mean(0) <= limits)

    margins = MARGINS[first_holding(len(MARGINS), len(limits), holds)]
    return inverted(known.case, walked.case.evaluation, margins, limits)


def inverted(case: Case, node: Node, margins: FloatArray, limits: FloatArray) -> IntArray:
    """`(T, F)` one less than the fewest replicas within the node's caps that keep each limit `(F,)`, or the cap's.

    Args:
        case: whose models are turned round.
        node: the rates that are expected, and the caps.
        margins: `(F,)` that those rates are multiplied by.
        limits: of rejection.
    """
    rates = node.trace.expected_rate_rps * margins
    rejection = expected_rejection(case.models, rates, 0.0, case.evaluation.replica_choices)
    enough = rejection <= limits[:, None]
    fewest = np.where(enough.any(-1), enough.argmax(-1), enough.shape[-1] - 1)
    return np.asarray(np.minimum(fewest, node.max_replicas - 1))


def first_holding(candidates: int, functions: int, holds: Callable[[IntArray], BoolArray]) -> IntArray:
    """Each function's first of so many candidates that holds, where every later one does, too; the last where none.

    Args:
        candidates: how many.
        functions: F.
        holds: whether candidates `(F,)`, by number, hold `(F,)`.
    """
    low, high = np.zeros(functions, dtype=np.int64), np.full(functions, candidates - 1)
    while (low < high).any():
        middle = (low + high) // 2
        kept = holds(middle)
        low, high = np.where(kept, low, np.minimum(middle + 1, high)), np.where(kept, middle, high)
    return low
