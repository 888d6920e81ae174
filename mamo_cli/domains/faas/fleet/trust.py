"""Whom a node believes: a neighbour that claims room and rejects all the same is isolated after k such contradictions.

Before a period, the last message that node i has of its neighbour j tells a rate and so many replicas to spare. It
claims room for the f requests/s that i then forwards where those spare replicas alone would serve, within the share c,
all that may come: `P_j((1 + noise) rate + D f, spare) <= c`, as if each of the D neighbours of j forwarded as much.
If j rejects more than c of what i forwarded, that contradicts the claim. After k contradictions i has isolated j: it
hears silence in its place and forwards nothing to it, until the trace begins anew.

A true neighbour that runs at least the replicas that it claimed, heard without delay or loss, is never contradicted,
whatever the noise, where its other neighbours forward no more than i does: no more arrives than the claim counted, on
no fewer replicas. Two things void that: a rate that deviates by more than `noise`, as a trace that carries deviations
of its own may have it, and a true neighbour whose sensor shows less than there is. Curves of rejection are taken to be
known to all.

Axes: K members, E copies, M nodes, H heard.
"""

from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.fleet.messages import Messages
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.domains.faas.rejection.table import RejectionTable, interpolated


class Trust(NamedTuple):
    """The rule, and who may contradict whom."""

    after: int  # k
    contradiction: float  # c
    noise: float  # relative deviation of the rates that a claim must hold for
    heard: IntArray  # (M, H) see `Messages`
    neighbours: IntArray  # (M,) how many each has, D

    def isolated(self, doubts: IntArray) -> BoolArray:
        """`(K, E, M, H)` whom each no longer hears, by contradictions so far, alike."""
        return doubts >= self.after

    def barred(self, doubts: IntArray, receivers: IntArray) -> BoolArray:
        """`(K, E, M, S)` which options forward to somebody isolated; `receivers` `(M, S)`, negative where to nobody."""
        to = (receivers[..., None] == self.heard[:, None]) & (receivers[..., None] >= 0)  # (M, S, H)
        return np.asarray((self.isolated(doubts)[..., None, :] & to).any(-1))

    def obeyed(self, actions: IntArray, doubts: IntArray, receivers: IntArray, replicas: int) -> IntArray:
        """`(K, E, M)` choices, each of `replicas` an option, that keep all requests where they are barred."""
        barred = np.take_along_axis(self.barred(doubts, receivers), (actions // replicas)[..., None], -1)[..., 0]
        return np.where(barred, actions % replicas, actions)


def trust_of(
    settings: FleetConfig, noise: float, neighbours: tuple[tuple[int, ...], ...], messages: Messages
) -> Trust | None:
    """That of a configuration; None where nobody is isolated."""
    if settings.isolate_after is None:
        return None
    near = np.array([len(each) for each in neighbours])
    return Trust(settings.isolate_after, settings.contradiction, noise, messages.heard, near)


def judge(
    trust: Trust,
    table: RejectionTable,
    heard: FloatArray,
    forwarded: FloatArray,
    measures: FloatArray,
    doubts: IntArray,
) -> None:
    """Count the contradictions of a period.

    Args:
        trust: the rule.
        table: of all nodes' rejection.
        heard: `(K, E, M, H, 2)` the rate, requests/s, and the spare replicas that each had been told.
        forwarded: `(K, E, M)` requests/s that each sent on.
        measures: `(K, E, M, Q)` of the period.
        doubts: `(K, E, M, H)` contradictions so far; moved on.
    """
    _judge(trust, table.values, table.root_step, table.max_rate_rps, heard, forwarded, measures, doubts)


@compiled
def _judge(
    trust: Trust,
    values: FloatArray,
    root_step: float,
    max_rate_rps: float,
    heard: FloatArray,
    forwarded: FloatArray,
    measures: FloatArray,
    doubts: IntArray,
) -> None:
    members, copies, nodes, most = doubts.shape
    for k in range(members):
        for e in range(copies):
            for i in range(nodes):
                if np.isnan(measures[k, e, i, 2]):
                    continue
                j = int(measures[k, e, i, 2]) - 1
                for h in range(most):
                    if trust.heard[i, h] != j:
                        continue
                    spare = min(round(heard[k, e, i, h, 1]), values.shape[1])
                    claimed = (1.0 + trust.noise) * heard[k, e, i, h, 0] + trust.neighbours[j] * forwarded[k, e, i]
                    if spare < 1 or claimed > max_rate_rps:
                        continue
                    rejected = interpolated(values, root_step, j, int(measures[k, e, j, 0]), measures[k, e, j, 3])
                    allowed = interpolated(values, root_step, j, spare, claimed)
                    doubts[k, e, i, h] += allowed <= trust.contradiction < rejected
