"""What a fleet's nodes reject under whatever they forward, step by step, and the joint play of least weighted cost.

Shares being few, what arrives at a node takes few values: one for each share that it forwards and each that its
neighbours may forward to it. Given all flows, each node's best number of replicas follows from its own rejection, which
counts for all whose requests it serves; which flows are best is found by elimination (`solvers/elimination.py`).

Where the rates deviate by noise, independent at each node, rejection is the mean over a sum of uniform terms, by the
Gauss rule of its law (`sums.py`) over the curve, which a cubic spline through `KNOTS` values of the model stands for.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.domains.faas.fleet.nodes import SHARES, Fleet
from mamo_cli.domains.faas.fleet.sums import Law, plus, rule
from mamo_cli.domains.faas.rejection.expectation import expected_rejection
from mamo_cli.domains.faas.rejection.models import RejectionModel
from mamo_cli.solvers.elimination import Term, least, require

KNOTS = 2049
"""Up to what most may arrive anywhere: 1e-5 off for a node far slower than another, 1e-4 with 1000 replicas."""

MOST_NUMBERS = 6_000_000
"""Of a node's table."""

FLOWS = np.array((0.0, *SHARES))


@dataclass(frozen=True, eq=False)
class Outlook:
    """A part of a fleet's workload as it looks to somebody before choosing.

    Attributes:
        fleet: with the loads of that part.
        rates: `(T, M)` requests/s on average.
        noise: what they deviate by, relative, at most.
        alone: `(T, M, N)` share that 1..N replicas reject of a node's own requests, all of which it keeps.
        curves: of each node, from the root of a rate to the shares `(..., N)`; none where nobody forwards.
    """

    fleet: Fleet
    rates: FloatArray
    noise: float
    alone: FloatArray
    curves: tuple[CubicSpline, ...]

    @functools.cached_property
    def rejection(self) -> tuple[FloatArray, ...]:
        """Of each node `(T, s, a, b, ..., N)`, the share of what arrives that 1..N replicas reject.

        The node forwards the s-th of `FLOWS` and its neighbours, in order, forward the a-th, b-th, ... to it.

        Raises:
            NothingExactError: a node has so many neighbours that there are too many flows to enumerate.
        """
        fleet = self.fleet
        for m, near in enumerate(fleet.neighbours):
            if len(self.rates) * len(FLOWS) ** (1 + len(near)) * fleet.node.replica_choices > MOST_NUMBERS:
                raise NothingExactError(
                    f"what may arrive at {fleet.node.trace.functions[m]}, which has {len(near)} neighbours, is too "
                    "much to be enumerated"
                )
        require(self.terms(), fleet.options.tolist())
        return tuple(self._table(m) if near else self.alone[:, m][:, None] for m, near in enumerate(fleet.neighbours))

    @functools.cached_property
    def _enumerable(self) -> bool:
        """Whether there is `rejection`: what fails is not kept, and is slow to fail."""
        try:
            return bool(self.rejection)
        except NothingExactError:
            return False

    def _table(self, m: int) -> FloatArray:
        near = self.fleet.neighbours[m]
        table = np.empty((len(self.rates), *(len(FLOWS),) * (1 + len(near)), self.fleet.node.replica_choices))
        for flows, law in _laws(self.rates[:, [m, *near]], self.noise).items():
            at: Any = (slice(None), *flows)
            table[at] = self.alone[:, m] if not any(flows) else self._mean(m, *law)
        return table

    def _mean(self, m: int, points: FloatArray, weights: FloatArray) -> FloatArray:
        """`(T, N)` shares that a node rejects of what arrives by laws `(T, n)`."""
        return np.asarray(np.einsum("tk,tkn->tn", weights, self.curves[m](np.sqrt(points))))

    def best(self, weights: FloatArray) -> IntArray:
        """The choices `(T, M)` of least sum of all nodes' objectives under weights `(M, 2)`, or `(T, M, 2)` by step.

        Raises:
            NothingExactError: too many nodes touch one another.
        """
        weights = np.broadcast_to(weights, (*self.rates.shape, 2))
        scores = [self._scores(m, weights) for m in range(self.fleet.nodes)]
        options, at = self.cheapest_flows([score.min(-1) for score in scores])
        steps = np.arange(len(options))
        replicas = [score[(steps, *flows)].argmin(-1) for score, flows in zip(scores, at, strict=True)]
        return np.asarray(options * self.fleet.node.replica_choices + np.stack(replicas, 1))

    def cheapest_flows(self, values: Sequence[FloatArray]) -> tuple[IntArray, list[tuple[IntArray, ...]]]:
        """The options `(T, M)` at which values add up to the least, and the flows `(T,)` at each node under them.

        Args:
            values: of each node `(T, s, a, b, ...)`, over its flows, as `rejection`.
        """
        options = least(self.terms(values), self.fleet.options.tolist())
        return options, self.flows(options)

    def terms(self, values: Sequence[FloatArray] | None = None) -> list[Term]:
        """Values over each node's flows as functions of what it and its neighbours choose to forward; None: which."""
        terms = []
        for m in range(self.fleet.nodes):
            around = (m, *self.fleet.neighbours[m])
            if values is None:
                terms.append(Term(tuple(sorted(around)), np.zeros(0)))
                continue
            options = dict(zip(around, np.indices([int(self.fleet.options[j]) for j in around]), strict=True))
            at: Any = (slice(None), *self._flows(m, options))
            terms.append(Term(*_by_scope(around, values[m][at])))
        return terms

    def objectives(self, plan: IntArray, steps: IntArray | None = None) -> FloatArray:
        """`(R, M, 2)` expected normalised cost and rejection of choices `(R, M)` at steps `(R,)`, or a row at each.

        Of any fleet: where there are too many flows to enumerate, from the laws of what arrives.
        """
        fleet, steps = self.fleet, np.arange(len(self.rates)) if steps is None else steps
        options, replicas = fleet.options_of(plan), fleet.replicas_of(plan, steps)
        own = (self.looked_up if self._enumerable else self.by_laws)(options, replicas, steps)
        shares, receivers = fleet.shares()[options], np.take_along_axis(fleet.receivers().T, options, 0)
        there = np.take_along_axis(own, np.maximum(receivers, 0), 1)
        lost = np.where(receivers >= 0, (1.0 - shares) * own + shares * there, own)
        paid = fleet.node.replica_cost * replicas + fleet.forward_cost * shares * self.rates[steps]
        return np.stack((paid / fleet.cost_scale, lost), -1)

    def looked_up(self, options: IntArray, replicas: IntArray, steps: IntArray) -> FloatArray:
        """`(R, M)` share that each node rejects of what arrives, under options and replicas `(R, M)` at steps `(R,)`.

        Raises:
            NothingExactError: see `rejection`.
        """
        own = [
            table[(steps, *flows, replicas[:, m] - 1)]
            for m, (table, flows) in enumerate(zip(self.rejection, self.flows(options), strict=True))
        ]
        return np.stack(own, 1)

    def by_laws(self, options: IntArray, replicas: IntArray, steps: IntArray) -> FloatArray:
        """The same from the laws of what arrives under these options alone."""
        own = np.take_along_axis(self.alone[steps], replicas[..., None] - 1, -1)[..., 0]
        for m, (flows, near) in enumerate(zip(self.flows(options), self.fleet.neighbours, strict=True)):
            touched = np.stack(flows).any(0)
            if touched.any():
                shares = np.stack([1.0 - FLOWS[flows[0]], *(FLOWS[sent] for sent in flows[1:])], 1)[touched]
                law = rule(shares * self.rates[steps[touched]][:, [m, *near]], self.noise)
                own[touched, m] = self._mean(m, *law)[np.arange(len(shares)), replicas[touched, m] - 1]
        return own

    def flows(self, options: IntArray) -> list[tuple[IntArray, ...]]:
        """At each node the places `(T,)` in `FLOWS` of what it and its neighbours forward under options `(T, M)`."""
        around = ((m, *near) for m, near in enumerate(self.fleet.neighbours))
        return [self._flows(each[0], {j: options[:, j] for j in each}) for each in around]

    def _flows(self, m: int, options: dict[int, IntArray]) -> tuple[IntArray, ...]:
        """Indices into the flows' axes of `rejection[m]`, where those around have taken options (arrays alike)."""
        shared = np.rint(self.fleet.shares() * 4).astype(np.int64)  # 0, 1, 2 quarters: the place in `FLOWS`
        receivers = self.fleet.receivers()
        sent = [np.where(receivers[j][options[j]] == m, shared[options[j]], 0) for j in self.fleet.neighbours[m]]
        return (shared[options[m]], *sent)

    def _scores(self, m: int, weights: FloatArray) -> FloatArray:
        """`(T, s, a, b, ..., N)`: what the replicas of a node weigh for all, by its flows.

        Its own cost, and its rejection for all whose requests it serves; infinite beyond the cap.
        """
        shape = self.rejection[m].shape[:-1]
        flows = list(np.indices((1, *shape[1:]))[1:])
        weigh = [weights[:, j].reshape(-1, *(1,) * (len(shape) - 1), 2) for j in (m, *self.fleet.neighbours[m])]
        counts = weigh[0][..., 1] * (1.0 - FLOWS[flows[0]])
        for weight, sent in zip(weigh[1:], flows[1:], strict=True):
            counts = counts + weight[..., 1] * FLOWS[sent]
        weight = np.maximum(weigh[0][..., :1], np.finfo(float).tiny)  # a cost of nothing is infinite beyond the cap
        paid = weight * self.paid(m) / self.fleet.cost_scale
        return np.asarray(paid + counts[..., None] * self.rejection[m])

    def paid(self, m: int) -> FloatArray:
        """`(T, s, 1, 1, ..., N)` what a node pays for 1..N replicas and what it forwards; infinite beyond the cap."""
        fleet, near = self.fleet, len(self.fleet.neighbours[m])
        replicas = np.arange(1, fleet.node.replica_choices + 1)
        paid = np.where(replicas > fleet.node.max_replicas[:, m, None], np.inf, fleet.node.replica_cost[m] * replicas)
        forwarded = fleet.forward_cost * np.multiply.outer(self.rates[:, m], FLOWS if near else FLOWS[:1])
        return np.asarray((forwarded[..., None] + paid[:, None]).reshape(*forwarded.shape, *(1,) * near, -1))


def _by_scope(around: tuple[int, ...], values: FloatArray) -> tuple[tuple[int, ...], FloatArray]:
    """A function of variables in rising order."""
    order = sorted(range(len(around)), key=around.__getitem__)
    return tuple(around[place] for place in order), values.transpose(0, *(1 + place for place in order))


def outlook(fleet: Fleet, models: tuple[RejectionModel, ...], rates: FloatArray, noise: float) -> Outlook:
    """A fleet at rates `(T, M)` that deviate by relative noise, uniform in +- this."""
    alone = expected_rejection(models, rates, noise, fleet.node.replica_choices)
    curves = {model: _curve(model, fleet) for model in set(models)} if fleet.forwards else {}
    return Outlook(fleet, rates, noise, alone, tuple(curves[model] for model in models if curves))


def _laws(rates: FloatArray, noise: float) -> dict[tuple[int, ...], Law]:
    """Every combination of flows at a node, as places in `FLOWS`, and the rule of what arrives under it.

    Args:
        rates: `(T, 1 + D)` of the node and its neighbours.
        noise: what they deviate by.
    """
    kept, *others = range(rates.shape[1])
    laws: dict[tuple[int, ...], Law] = {
        (place,): rule((1.0 - share) * rates[:, [kept]], noise) for place, share in enumerate(FLOWS)
    }
    for k in others:
        sent = [rule(share * rates[:, [k]], noise) for share in FLOWS]
        laws = {
            (*flows, place): plus(law, sent[place]) if place else law
            for flows, law in laws.items()
            for place in range(len(FLOWS))
        }
    return laws


def _curve(model: RejectionModel, fleet: Fleet) -> CubicSpline:
    """Rejection over the root of the rate, up to the most that may arrive."""
    roots = np.linspace(0.0, np.sqrt(fleet.node.table.max_rate_rps), KNOTS)
    return CubicSpline(roots, model.rejection_probability(np.square(roots), fleet.node.replica_choices))
