"""What a fleet's nodes reject under whatever they forward, step by step, and the joint play of least weighted cost.

Shares being few, what arrives at a node takes few values: one for each share that it forwards and each that its
neighbours may forward to it. Given all flows, each node's best number of replicas follows from its own rejection, which
counts for all whose requests it serves; which flows are best is found by elimination (`solvers/elimination.py`).

Where the rates deviate by noise, independent at each node, rejection is the mean over a sum of uniform terms, by a
product of Gauss-Legendre rules over the curve, which a cubic spline through `KNOTS` values of the model stands for.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.domains.faas.fleet.nodes import SHARES, Fleet
from mamo_cli.domains.faas.rejection.expectation import expected_rejection
from mamo_cli.domains.faas.rejection.models import RejectionModel
from mamo_cli.solvers.elimination import Term, least

KNOTS = 2049
RULES = (0, 32, 10, 6, 5)
"""Points of the rule for each of so many independent terms."""

MOST_NUMBERS = 60_000_000
"""Of a node's table."""

FLOWS = (0.0, *SHARES)


@dataclass(frozen=True, eq=False)
class Outlook:
    """A part of a fleet's workload as it looks to somebody before choosing.

    Attributes:
        fleet: with the loads of that part.
        rates: `(T, M)` requests/s on average.
        rejection: of each node `(T, s, a, b, ..., N)`: share of what arrives that 1..N replicas reject, where it
            forwards the s-th of `FLOWS` and its neighbours, in order, forward the a-th, b-th, ... to it.
    """

    fleet: Fleet
    rates: FloatArray
    rejection: tuple[FloatArray, ...]

    def best(self, weights: FloatArray) -> IntArray:
        """The choices `(T, M)` of least sum of all nodes' objectives under weights `(M, 2)`.

        Raises:
            NothingExactError: too many nodes touch one another.
        """
        nodes = range(self.fleet.nodes)
        scores = [self._scores(m, weights) for m in nodes]
        terms = [Term(*_by_scope(self._around(m), score.min(-1))) for m, score in zip(nodes, scores, strict=True)]
        options = least(terms, self.fleet.options.tolist())
        steps = np.arange(len(options))
        replicas = np.stack(
            [scores[m][(steps, *(options[:, j] for j in self._around(m)))].argmin(-1) for m in nodes], 1
        )
        return np.asarray(options * self.fleet.node.replica_choices + replicas)

    def objectives(self, plan: IntArray, steps: IntArray | None = None) -> FloatArray:
        """`(R, M, 2)` expected normalised cost and rejection of choices `(R, M)` at steps `(R,)`, or a row at each."""
        fleet, steps = self.fleet, np.arange(len(self.rates)) if steps is None else steps
        options, replicas = fleet.options_of(plan), fleet.replicas_of(plan, steps)
        shares, receivers = fleet.shares()[options], np.take_along_axis(fleet.receivers().T, options, 0)
        nodes = range(fleet.nodes)
        at = [self._flows(m, {j: options[:, j] for j in self._around(m)}) for m in nodes]
        own = np.stack([self.rejection[m][(steps, *at[m], replicas[:, m] - 1)] for m in nodes], 1)
        there = np.take_along_axis(own, np.maximum(receivers, 0), 1)
        lost = np.where(receivers >= 0, (1.0 - shares) * own + shares * there, own)
        paid = fleet.node.replica_cost * replicas + fleet.forward_cost * shares * self.rates[steps]
        return np.stack((paid / fleet.cost_scale, lost), -1)

    def _around(self, m: int) -> tuple[int, ...]:
        """A node and its neighbours."""
        return (m, *self.fleet.neighbours[m])

    def _flows(self, m: int, options: dict[int, IntArray]) -> tuple[IntArray, ...]:
        """Indices into the flows' axes of `rejection[m]`, where those around have taken options (arrays alike)."""
        shared = np.rint(self.fleet.shares() * 4).astype(np.int64)  # 0, 1, 2 quarters: the place in `FLOWS`
        receivers = self.fleet.receivers()
        sent = [np.where(receivers[j][options[j]] == m, shared[options[j]], 0) for j in self.fleet.neighbours[m]]
        return (shared[options[m]], *sent)

    def _scores(self, m: int, weights: FloatArray) -> FloatArray:
        """`(T, options of the node, of its first neighbour, ..., N)`: what the replicas of a node weigh for all.

        Its own cost, and its rejection for all whose requests it serves; infinite beyond the cap.
        """
        fleet, around = self.fleet, self._around(m)
        sizes = [int(fleet.options[j]) for j in around]
        options = dict(zip(around, np.indices(sizes), strict=True))
        flows = self._flows(m, options)
        counts = weights[m, 1] * (1.0 - np.array(FLOWS)[flows[0]])
        for j, sent in zip(fleet.neighbours[m], flows[1:], strict=True):
            counts = counts + weights[j, 1] * np.array(FLOWS)[sent]
        replicas = np.arange(1, fleet.node.replica_choices + 1)
        paid = fleet.node.replica_cost[m] * replicas / fleet.cost_scale
        forwarded = fleet.forward_cost * self.rates[:, m] / fleet.cost_scale
        at: Any = (slice(None), *flows)
        score = weights[m, 0] * paid + counts[..., None] * self.rejection[m][at]
        sent = np.array(FLOWS)[flows[0]]
        score = score + weights[m, 0] * np.multiply.outer(forwarded, sent)[..., None]
        beyond = replicas > fleet.node.max_replicas[:, m, None]
        return np.where(beyond.reshape(len(beyond), *(1,) * len(sizes), -1), np.inf, score)


def _by_scope(around: tuple[int, ...], values: FloatArray) -> tuple[tuple[int, ...], FloatArray]:
    """A function of variables in rising order."""
    order = sorted(range(len(around)), key=around.__getitem__)
    return tuple(around[place] for place in order), values.transpose(0, *(1 + place for place in order))


def outlook(fleet: Fleet, models: tuple[RejectionModel, ...], rates: FloatArray, noise: float) -> Outlook:
    """What a fleet rejects at rates `(T, M)` that deviate by relative noise, uniform in +- this.

    Raises:
        NothingExactError: a node has so many neighbours that there are too many flows to enumerate.
    """
    curves = {model: _curve(model, fleet) for model in set(models)} if fleet.forwards else {}
    tables = []
    for m, near in enumerate(fleet.neighbours):
        alone = expected_rejection(models[m : m + 1], rates[:, m : m + 1], noise, fleet.node.replica_choices)[:, 0]
        if not near:
            tables.append(alone[:, None])
            continue
        shape = (len(rates), *(len(FLOWS),) * (1 + len(near)), fleet.node.replica_choices)
        if np.prod(shape, dtype=object) > MOST_NUMBERS or (noise and len(near) + 1 >= len(RULES)):
            raise NothingExactError(f"what arrives where a node has {len(near)} neighbours is not enumerated")
        table = np.empty(shape)
        for flows, means in _arrivals(m, near, rates):
            at: Any = (slice(None), *flows)
            table[at] = alone if not any(flows) else _mean(curves[models[m]], means, noise)
        tables.append(table)
    return Outlook(fleet, rates, tuple(tables))


def _arrivals(m: int, near: tuple[int, ...], rates: FloatArray) -> Iterator[tuple[tuple[int, ...], FloatArray]]:
    """Every combination of flows at a node, as places in `FLOWS`, and the `(T, terms)` rates that arrive under it."""
    for flows in itertools.product(range(len(FLOWS)), repeat=1 + len(near)):
        own = (1.0 - FLOWS[flows[0]]) * rates[:, m]
        sent = [FLOWS[flow] * rates[:, j] for flow, j in zip(flows[1:], near, strict=True) if flow]
        yield flows, np.stack((own, *sent), 1)


def _curve(model: RejectionModel, fleet: Fleet) -> CubicSpline:
    """Rejection over the root of the rate, up to the most that may arrive."""
    roots = np.linspace(0.0, np.sqrt(fleet.node.table.max_rate_rps), KNOTS)
    return CubicSpline(roots, model.rejection_probability(np.square(roots), fleet.node.replica_choices))


def _mean(curve: CubicSpline, means: FloatArray, noise: float) -> FloatArray:
    """`(T, N)` mean rejection of a sum of rates `(T, terms)`, each times `1 + u` of its own."""
    terms = means.shape[1] if noise else 0
    if not terms:
        return np.asarray(curve(np.sqrt(means.sum(1))))
    points, shares = np.polynomial.legendre.leggauss(RULES[terms])
    deviations = np.array(list(itertools.product(noise * points, repeat=terms)))
    weights = np.array(list(itertools.product(shares / 2.0, repeat=terms))).prod(1)
    total = np.zeros((len(means), curve.c.shape[-1]))
    for deviation, weight in zip(deviations, weights, strict=True):
        total += weight * curve(np.sqrt(((1.0 + deviation) * means).sum(1)))
    return total
