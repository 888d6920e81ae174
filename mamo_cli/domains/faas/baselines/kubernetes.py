"""Kubernetes' Horizontal Pod Autoscaler (HPA) on utilisation."""

import math

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.seen import CONCURRENCY

TICK_S = 15.0
WINDOW_TICKS = 20  # of stabilisation: 300 s
MORE_AT_ONCE, TIMES_AT_ONCE = 4, 2
_TICKS, _RING = 0, 1


@compiled
def horizontal_pod_autoscaler(knobs: FloatArray, memory: FloatArray, seen: FloatArray, replicas: int) -> int:
    """Replicas wanted: ceil(replicas x metric / target), or as many as there are where that ratio is within tolerance.

    Every 15 s. Up at once, within 15 s to at most the double or 4 more, whichever is more; down at once to the highest
    recommendation of the last 300 s, this one included.

    Chosen by us: the metric is the busy share of the replicas granted, over the last 15 s, and the target a share; all
    pods are ready, and none lacks metrics; the tolerance is |1 - ratio| <= .1, the older of the two forms in use.

    Source: Kubernetes documentation, "Horizontal Pod Autoscaling", Algorithm details and Default behavior;
    kubernetes/kubernetes, pkg/controller/podautoscaler/horizontal.go and replica_calculator.go.

    Args:
        knobs: target utilisation; tolerance.
        memory: [0] ticks so far; [1:21] recommendations by tick.
        seen: of the last 15 s.
        replicas: that there are.
    """
    target, tolerance = knobs[0], knobs[1]
    ratio = seen[CONCURRENCY] / replicas / target
    recommended = replicas if abs(1.0 - ratio) <= tolerance else math.ceil(ratio * replicas)
    tick = int(memory[_TICKS])
    memory[_TICKS] = tick + 1
    memory[_RING + tick % WINDOW_TICKS] = recommended
    if recommended > replicas:
        return min(recommended, max(TIMES_AT_ONCE * replicas, replicas + MORE_AT_ONCE))
    highest = int(memory[_RING : _RING + WINDOW_TICKS].max())
    return min(highest, replicas)
