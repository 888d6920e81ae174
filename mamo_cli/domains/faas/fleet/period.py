"""A period of a fleet, in compiled loops: what may be chosen, and what it brings."""

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.fleet.nodes import NOBODY
from mamo_cli.domains.faas.rejection.table import interpolated


@compiled
def allow(options: IntArray, alone: BoolArray, mask: BoolArray) -> None:
    """Fill `mask` `(K, E, M, C)` from what each node may choose alone, `(K, E, M, N)`."""
    members, copies, nodes, replicas = alone.shape
    for k in range(members):
        for e in range(copies):
            for m in range(nodes):
                for choice in range(mask.shape[3]):
                    known = choice // replicas < options[m]
                    mask[k, e, m, choice] = known and alone[k, e, m, choice % replicas]


@compiled
def play(
    values: FloatArray,
    root_step: float,
    rates: FloatArray,
    caps: IntArray,
    replica_cost: FloatArray,
    cost_scale: float,
    forward_cost: float,
    rate_scale: float,
    receivers: IntArray,
    shared: FloatArray,
    options: IntArray,
    at: IntArray,
    actions: IntArray,
    deviations: FloatArray,
    before: FloatArray,
    flows: FloatArray,
    objectives: FloatArray,
    paid: FloatArray,
    measures: FloatArray,
) -> None:
    """Fill what a period brings, and move every copy on to its next step."""
    members, copies, nodes = actions.shape
    limit = values.shape[1]
    option, rate = np.empty(nodes, dtype=np.int64), np.empty(nodes)
    arriving, rejection = np.empty(nodes), np.empty(nodes)
    for k in range(members):
        for e in range(copies):
            for m in range(nodes):
                option[m] = actions[k, e, m] // limit
                if option[m] >= options[m]:
                    option[m] = 0
                rate[m] = rates[at[e], m] * (1.0 + deviations[k, e, m])
                arriving[m] = rate[m] * (1.0 - shared[option[m]])
            for m in range(nodes):
                to = receivers[m, option[m]]
                if to != NOBODY:
                    arriving[to] += rate[m] * shared[option[m]]
            for m in range(nodes):
                chosen = min(actions[k, e, m] % limit + 1, caps[at[e], m])
                rejection[m] = interpolated(values, root_step, m, chosen, arriving[m])
                measures[k, e, m, 0] = chosen
            for m in range(nodes):
                share, to, chosen = shared[option[m]], receivers[m, option[m]], int(measures[k, e, m, 0])
                lost = rejection[m]
                if to != NOBODY:
                    lost = (1.0 - share) * rejection[m] + share * rejection[to]
                paid[k, e, m] = replica_cost[m] * chosen + forward_cost * share * rate[m]
                measures[k, e, m, 1], measures[k, e, m, 3] = share, arriving[m]
                measures[k, e, m, 2] = np.nan if to == NOBODY else to + 1
                objectives[k, e, m, 0], objectives[k, e, m, 1] = paid[k, e, m] / cost_scale, lost
                before[k, e, m, 0], before[k, e, m, 1] = chosen / limit, lost
                flows[k, e, m, 0], flows[k, e, m, 1] = share, arriving[m] / rate_scale
    for e in range(copies):
        at[e] = (at[e] + 1) % rates.shape[0]
