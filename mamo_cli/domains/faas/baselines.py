"""What people run today, as rules for a node: from what is expected of a period to its replicas."""

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.domains.faas.node import Case
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
    training = known.case.training
    margins = np.full(len(limits), MARGINS[-1])
    settled = np.zeros(len(limits), dtype=np.bool_)
    for margin in MARGINS:  # the cost rises with it
        plan = _inverted(known.case, training.trace.expected_rate_rps * margin, limits, training.max_replicas)
        mean = np.take_along_axis(brought[..., 1], plan[..., None], 2)[..., 0].mean(0)
        margins[~settled & (mean <= limits)] = margin
        settled |= mean <= limits
    node = walked.case.evaluation
    return _inverted(known.case, node.trace.expected_rate_rps * margins, limits, node.max_replicas)


def _inverted(case: Case, rates_rps: FloatArray, limits: FloatArray, caps: IntArray) -> IntArray:
    """`(T, F)` one less than the fewest replicas within the caps `(T, F)` that keep each limit `(F,)`, or the cap's."""
    rejection = expected_rejection(case.models, rates_rps, 0.0, case.evaluation.replica_choices)
    enough = rejection <= limits[:, None]
    fewest = np.where(enough.any(-1), enough.argmax(-1), enough.shape[-1] - 1)
    return np.asarray(np.minimum(fewest, caps - 1))


RULES = {"erlang": erlang_inversion}
