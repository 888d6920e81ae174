"""What every choice brings, step by step, to whom a certain amount is known: what exact answers choose from."""

from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.domains.faas.counting import share_of_requests
from mamo_cli.domains.faas.node import Case, Node
from mamo_cli.domains.faas.rejection.expectation import expected_rejection
from mamo_cli.domains.faas.shield import Shield, raised


class Prospect(NamedTuple):
    """A part of the workload as it looks to somebody before choosing."""

    objectives: FloatArray  # (T, F, N, M): normalised cost and violations of 1..N replicas; beyond the cap, the cap's
    max_replicas: IntArray  # (T, F)
    expected: FloatArray | None  # (T, F) what choices must be a nondecreasing function of; None where by step


class Slow(NamedTuple):
    """The least share of a period's served requests that is slow, where there is a latency limit.

    Service is exponential, so of the requests on replicas that are always warm exp(-limit / mean service time) are
    slow, whatever the number of replicas: cold starts, slower on average, only add to it. Nothing is slow in a period
    without requests.
    """

    share: FloatArray  # (F,) of the served
    seconds: float  # of a period that are played at least

    def of(self, rates_rps: FloatArray) -> FloatArray:
        """`(T, F)` means over periods at rates `(T, F)`, with and without requests."""
        return np.asarray(-np.expm1(-rates_rps * self.seconds) * self.share)


class Prospects:
    """The four prospects of a case, each computed once."""

    def __init__(self, case: Case, noise: float, shield: Shield | None = None, slow: Slow | None = None) -> None:
        """Args: case: the node. noise: relative deviation of training's rate. shield: of the node. slow: as a limit."""
        self._case, self._noise, self._shield, self._slow = case, noise, shield, slow
        self._known: dict[tuple[Part, Knowledge], Prospect] = {}

    def __getitem__(self, of: tuple[Part, Knowledge]) -> Prospect:
        if of not in self._known:
            self._known[of] = self._prospect(*of)
        return self._known[of]

    def believed(self) -> Prospect:
        """The evaluation as it looks to who sees what agents see, and counts as training does."""
        return self._prospect(Part.EVALUATION, Knowledge.CAUSAL, self._case.training)

    def _prospect(self, part: Part, knowledge: Knowledge, wanted: Node | None = None) -> Prospect:
        """Who is clairvoyant knows the evaluation's rates that came; of the training's, the law of their noise.

        Who knows so much needs no shield; the others' choices are raised by it. Rejection is counted as on the part, or
        on what is `wanted`.
        """
        case, trained = self._case, part is Part.TRAINING
        node = case.training if trained else case.evaluation
        law = self._noise if trained else case.evaluation_noise
        came = not trained and knowledge is Knowledge.CLAIRVOYANT
        rates = node.trace.actual_rate_rps if trained or came else case.known_rate_rps
        by_requests = (node if wanted is None else wanted).mean_rate_rps is not None
        rejection = expected_rejection(case.models, rates, 0.0 if came else law, node.replica_choices, by_requests)
        if by_requests:
            rejection *= share_of_requests(rates)[..., None]
        guess = knowledge is Knowledge.CAUSAL and not np.array_equal(node.trace.expected_rate_rps, rates)
        objectives = _objectives(node, rejection)
        if knowledge is Knowledge.CAUSAL and self._shield is not None:
            below = self.below(part)
            objectives = np.stack([raised(objectives[..., m], below) for m in range(2)], -1)
        if self._slow is not None:
            slow = self._slow.of(rates * (1.0 - (0.0 if came else law)))[..., None, None]
            objectives = np.concatenate((objectives, np.broadcast_to(slow, (*objectives.shape[:3], 1))), -1)
        return Prospect(objectives, node.max_replicas, node.trace.expected_rate_rps if guess else None)

    def below(self, part: Part) -> FloatArray:
        """`(T, F, N)` the probability that the floor of the shield, which there is, is at most n = 1..N.

        In training, which goes on for ever, the trace's last period is before its first.
        """
        assert self._shield is not None
        case = self._case
        if part is Part.EVALUATION:
            return self._shield.below(case.evaluation.trace.expected_rate_rps, case.before_rps, case.evaluation_noise)
        trace = case.training.trace
        return self._shield.below(trace.expected_rate_rps, np.roll(trace.actual_rate_rps, 1, 0), self._noise)


def _objectives(node: Node, rejection: FloatArray) -> FloatArray:
    """`(T, F, N, 2)` of the choices, cut to the caps."""
    within = np.minimum(np.arange(node.replica_choices), node.max_replicas[..., None] - 1)
    cost = node.replica_cost[:, None] * (within + 1) / node.cost_scale
    return np.stack((cost, np.take_along_axis(rejection, within, 2)), -1)


@compiled
def nondecreasing(expected: FloatArray, score: FloatArray) -> IntArray:
    """Choices `(T,)` of least total score among the nondecreasing functions of what is expected, the least of equals.

    Exact, by dynamic programming over the steps in the order of what is expected; equals share a choice.

    Args:
        expected: `(T,)` what is known of each step.
        score: `(T, N)` of each choice.
    """
    steps, choices = score.shape
    order = np.argsort(expected, kind="mergesort")
    group = np.zeros(steps, dtype=np.int64)
    groups = 0
    for i in range(1, steps):
        groups += expected[order[i]] != expected[order[i - 1]]
        group[order[i]] = groups
    totals = np.zeros((groups + 1, choices))
    for step in range(steps):
        totals[group[step]] += score[step]
    best = np.zeros((groups + 1, choices), dtype=np.int64)  # of the groups up to this one, the last within 0..n
    for g in range(groups + 1):
        for n in range(choices):
            if g > 0:
                totals[g, n] += totals[g - 1, best[g - 1, n]]
            best[g, n] = n if n == 0 or totals[g, n] < totals[g, best[g, n - 1]] else best[g, n - 1]
    chosen = np.empty(groups + 1, dtype=np.int64)
    within = choices - 1
    for g in range(groups, -1, -1):
        within = best[g, within]
        chosen[g] = within
    return chosen[group]
