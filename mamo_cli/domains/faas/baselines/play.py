"""One rule on one function's replicas, tick by tick: what it sees, what it wants, and what a control period brings.

A rule's ticks run on through the control periods. What it sees is the mean since its tick before; what it wants holds
from its tick on, cut to 1..N_t. It begins with one replica. Rules of no ticks are plans: a number for each period.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.knative import pod_autoscaler
from mamo_cli.domains.faas.baselines.kubernetes import horizontal_pod_autoscaler
from mamo_cli.domains.faas.baselines.openfaas import community_edition, pro
from mamo_cli.domains.faas.baselines.seen import ARRIVED_RPS, CONCURRENCY, MEMORY, SEEN, SERVED_RPS
from mamo_cli.domains.faas.simulation.tally import ARRIVED, BUSY_S, REJECTED, TALLY, share

PLANNED, OPENFAAS_CE, OPENFAAS_PRO, KNATIVE_KPA, KUBERNETES_HPA = range(5)
"""What decides."""

Play = Callable[..., None]


@compiled
def decided(rule: int, knobs: FloatArray, memory: FloatArray, seen: FloatArray, replicas: int) -> int:
    """The replicas that a rule of ticks wants."""
    if rule == OPENFAAS_CE:
        return int(community_edition(knobs, memory, seen, replicas))
    if rule == OPENFAAS_PRO:
        return int(pro(knobs, memory, seen, replicas))
    if rule == KNATIVE_KPA:
        return int(pod_autoscaler(knobs, memory, seen, replicas))
    return int(horizontal_pod_autoscaler(knobs, memory, seen, replicas))


def make_play(advance: Any, measure: Any) -> Play:
    """A compiled loop over control periods.

    Args:
        advance: compiled, `(node, replicas, rate_rps, seconds, tally)`: plays a node's function on and adds to `tally`,
            `(TALLY,)`, at least what arrived, was rejected and was busy.
        measure: compiled, `(node, tally, step_seconds, measures)`: fills what else a period has to measure, `(Q - 1,)`,
            from its tally, once it is over.

    Returns:
        `(node, rule, knobs, plan, rates_rps, caps, step_seconds, tick_s, brought)`: node is what `advance` takes; plan,
        rates and caps are `(T,)`, of which a plan is 0 where the rule decides; `brought` `(T, 1 + Q)` is filled with
        the share of the requests that was rejected, 0 of none, the replicas, a mean over time, and the other measures.
    """

    @compiled
    def play(
        node: Any,
        rule: int,
        knobs: FloatArray,
        plan: IntArray,
        rates_rps: FloatArray,
        caps: IntArray,
        step_seconds: float,
        tick_s: float,
        brought: FloatArray,
    ) -> None:
        memory, seen, replicas, elapsed = np.zeros(MEMORY), np.empty(SEEN), 1, 0.0
        tick, period = np.zeros(TALLY), np.zeros(TALLY)
        for t in range(len(rates_rps)):
            left, replica_s = step_seconds, 0.0
            period[:] = 0.0
            if rule == PLANNED:
                replicas = plan[t]
            replicas = min(max(replicas, 1), caps[t])
            while left > 0.0:
                due = tick_s - elapsed
                seconds = min(left, due)
                before = period.copy()
                advance(node, replicas, rates_rps[t], seconds, period)
                tick += period - before
                replica_s += replicas * seconds
                left -= seconds
                elapsed += seconds
                if seconds == due:
                    seen[ARRIVED_RPS] = tick[ARRIVED] / tick_s
                    seen[SERVED_RPS] = (tick[ARRIVED] - tick[REJECTED]) / tick_s
                    seen[CONCURRENCY] = tick[BUSY_S] / tick_s
                    if rule != PLANNED:
                        replicas = min(max(decided(rule, knobs, memory, seen, replicas), 1), caps[t])
                    tick[:], elapsed = 0.0, 0.0
            brought[t, 0] = share(period[REJECTED], period[ARRIVED])
            brought[t, 1] = replica_s / step_seconds
            measure(node, period, step_seconds, brought[t, 2:])

    return play
