"""One rule on each function of a node, tick by tick: what it sees, what it wants, and what a control period brings.

A rule's ticks run on through the control periods. What it sees is the mean since its tick before; what it wants holds
from its tick on, cut to 1..N_t. It begins with one replica. Rules of no ticks are plans: a number for each period.

Functions may share memory, of which no rule knows. At every tick and at the beginning of a period each keeps one
replica; then, in the order of the functions, each what it has of what it wants, and then what more it wants, as far as
the memory goes. What is not granted is not waited for: the rule's next tick goes on from what there is.
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
from mamo_cli.domains.faas.simulation.tally import ARRIVED, BUSY_S, REJECTED, SLOW, TALLY, served, share

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


@compiled
def grant(wanted: IntArray, replicas: IntArray, caps: IntArray, use: IntArray, budget: int) -> None:
    """Give functions what they want, as far as caps and memory let them.

    Args:
        wanted: `(F,)`.
        replicas: `(F,)` that there are; filled with what there is from now on.
        caps: `(F,)`.
        use: `(F, N)` units of memory that 1..N replicas take; all 0 where memory is no limit.
        budget: units that there are.
    """
    before = replicas.copy()
    replicas[:] = 1
    left = budget - use[:, 0].sum()
    for kept in (True, False):
        for f in range(len(wanted)):
            goal = min(wanted[f], caps[f], before[f] if kept else caps[f])
            while replicas[f] < goal and use[f, replicas[f]] - use[f, replicas[f] - 1] <= left:
                left -= use[f, replicas[f]] - use[f, replicas[f] - 1]
                replicas[f] += 1


def make_play(advance: Any, measure: Any) -> Play:
    """A compiled loop over control periods.

    Args:
        advance: compiled, `(node, function, replicas, rate_rps, seconds, tally)`: plays a node's function on and adds
            to `tally`, `(TALLY,)`, at least what arrived, was rejected and was busy.
        measure: compiled, `(node, function, tally, measures)`: fills what else a period has to measure, `(Q - 1,)`,
            from its tally, once it is over.

    Returns:
        `(node, rule, knobs, plan, rates_rps, caps, use, budgets, step_seconds, tick_s, brought)`: node is what
        `advance` takes; knobs are `(F, ...)`; plan (0 where the rule decides), rates and caps `(T, F)`; use, and
        budgets `(T,)`, see `grant`; `brought` `(T, F, 2 + Q)` is filled with the shares of the requests that were
        rejected, and of the served that were slow, 0 of none, the replicas, a mean over time, and the other measures.
    """

    @compiled
    def play(
        node: Any,
        rule: int,
        knobs: FloatArray,
        plan: IntArray,
        rates_rps: FloatArray,
        caps: IntArray,
        use: IntArray,
        budgets: IntArray,
        step_seconds: float,
        tick_s: float,
        brought: FloatArray,
    ) -> None:
        steps, functions = rates_rps.shape
        memory, seen, elapsed = np.zeros((functions, MEMORY)), np.empty(SEEN), 0.0
        replicas, wanted = np.ones(functions, dtype=np.int64), np.ones(functions, dtype=np.int64)
        tick, period = np.zeros((functions, TALLY)), np.zeros((functions, TALLY))
        for t in range(steps):
            left, replica_s = step_seconds, np.zeros(functions)
            period[:] = 0.0
            if rule == PLANNED:
                wanted[:] = plan[t]
            grant(wanted, replicas, caps[t], use, budgets[t])
            while left > 0.0:
                due = tick_s - elapsed
                seconds = min(left, due)
                before = period.copy()
                for f in range(functions):
                    advance(node, f, replicas[f], rates_rps[t, f], seconds, period[f])
                    replica_s[f] += replicas[f] * seconds
                tick += period - before
                left -= seconds
                elapsed += seconds
                if seconds == due:
                    for f in range(functions if rule != PLANNED else 0):
                        seen[ARRIVED_RPS] = tick[f, ARRIVED] / tick_s
                        seen[SERVED_RPS] = (tick[f, ARRIVED] - tick[f, REJECTED]) / tick_s
                        seen[CONCURRENCY] = tick[f, BUSY_S] / tick_s
                        wanted[f] = decided(rule, knobs[f], memory[f], seen, replicas[f])
                    grant(wanted, replicas, caps[t], use, budgets[t])
                    tick[:], elapsed = 0.0, 0.0
            for f in range(functions):
                brought[t, f, 0] = share(period[f, REJECTED], period[f, ARRIVED])
                brought[t, f, 1] = share(period[f, SLOW], served(period[f]))
                brought[t, f, 2] = replica_s[f] / step_seconds
                measure(node, f, period[f], brought[t, f, 3:])

    return play
