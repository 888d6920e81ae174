"""OpenFaaS, whose Community Edition climbs while an alert lasts, and whose Pro autoscaler follows requests a second."""

import math

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.seen import ARRIVED_RPS, SERVED_RPS

CE_TICK_S, PRO_TICK_S = 10.0, 15.0
FACTOR_PERCENT = 20
REPEAT_TICKS = 3


@compiled
def community_edition(knobs: FloatArray, memory: FloatArray, seen: FloatArray, replicas: int) -> int:
    """Replicas wanted: a step more at every notification of an alert, the least when it is over.

    The alert APIHighInvocationRate is for more than 5 successful requests a second over 10 s, for 5 s. A notification
    adds scale.factor, 20 % of the largest number, rounded up; the resolved alert sets scale.min, here 1.

    Chosen by us: a tick is both the rate's 10 s and Alertmanager's group_interval. The first tick that sees the rate
    leaves the alert pending (for 5 s) and its group waiting (group_wait, 5 s); the next one steps, and every third
    after it (repeat_interval, 30 s).

    Source: OpenFaaS documentation, "Auto-scaling your functions", Legacy scaling for the Community Edition; chart
    openfaas/faas-netes, templates prometheus-cfg.yaml and alertmanager-cfg.yaml; openfaas/faas,
    gateway/handlers/alerthandler.go (CalculateReplicas). The edition's own ceiling of scale.max is 5.

    Args:
        knobs: requests a second above which the alert is on; the most replicas (scale.max).
        memory: [0] ticks since the rate rose above it.
        seen: of the last 10 s.
        replicas: that there are.
    """
    threshold, most = knobs[0], int(knobs[1])
    if not seen[SERVED_RPS] > threshold:
        memory[0] = 0.0
        return 1
    memory[0] += 1.0
    step = -(-most * FACTOR_PERCENT // 100)
    notified = memory[0] >= 2.0 and (int(memory[0]) - 2) % REPEAT_TICKS == 0
    return min(replicas + step, most) if notified else replicas


@compiled
def pro(knobs: FloatArray, memory: FloatArray, seen: FloatArray, replicas: int) -> int:
    """Replicas wanted: ceil(ready x mean load a replica / (target x proportion)), in mode rps.

    The mean load is the load over those that are ready, so that their number cancels out. The load is requests a second
    over 30 s whatever their answer: the rate counts gateway_function_invocation_total of every code, rejected ones too.

    Chosen by us: a tick of 15 s, how often the load is recorded (evaluation_interval); how often the autoscaler asks
    for it is not documented. scale.down.window is off, as it is by default.

    Source: OpenFaaS documentation, "Auto-scaling your functions", How auto-scaling works; chart openfaas/faas-netes,
    template prometheus-cfg.yaml, rule job:function_current_load:sum.

    Args:
        knobs: scale.target, requests a second and replica; scale.target-proportion.
        memory: [0] whether there was a tick before; [1] what arrived in it, requests/s.
        seen: of the last 15 s.
        replicas: that there are.
    """
    target, proportion = knobs[0], knobs[1]
    arrived = seen[ARRIVED_RPS]
    load = (memory[1] + arrived) / 2.0 if memory[0] > 0.0 else arrived
    memory[0], memory[1] = 1.0, arrived
    wanted: int = math.ceil(load / (target * proportion))
    return wanted
