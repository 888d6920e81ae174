"""Knative's Pod Autoscaler (KPA): concurrency over a stable window, and over a short one in panic."""

import math

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.seen import CONCURRENCY

TICK_S = 2.0
STABLE_TICKS, PANIC_TICKS = 30, 3  # windows of 60 s and of a tenth of it
PANIC_THRESHOLD = 2.0
MAX_UP, MAX_DOWN = 1000.0, 2.0
_TICKS, _PANIC, _MOST, _RING = 0, 1, 2, 3


@compiled
def pod_autoscaler(knobs: FloatArray, memory: FloatArray, seen: FloatArray, replicas: int) -> int:
    """Replicas wanted: ceil(concurrency / (target x utilisation)) over 60 s; in panic the most that 6 s ask for.

    Panic begins where the short window asks for twice the replicas there are or more. In it nothing is scaled down, and
    it ends once the stable window has passed without another reason. A tick, every 2 s, goes at most to 1000 times the
    replicas there are, and down to half of them. A window not yet full averages what there is.

    Chosen by us: ready pods are the replicas that are granted; a request that is rejected waits nowhere, and so does
    not count as concurrent; the least scale is 1.

    Source: Knative documentation, "Additional autoscaling configuration for Knative Pod Autoscaler"; knative/serving,
    pkg/autoscaler/scaling/autoscaler.go (Scale) and config/core/configmaps/autoscaler.yaml.

    Args:
        knobs: target, requests at once in a replica (1 here, as a replica serves one at a time; 100 by default there);
            target utilisation.
        memory: [0] ticks so far; [1] the last one with a reason for panic, 0 where there is none; [2] the most wanted
            in this panic; [3:33] concurrency by tick.
        seen: of the last 2 s.
        replicas: that there are.
    """
    tick = int(memory[_TICKS])
    memory[_RING + tick % STABLE_TICKS] = seen[CONCURRENCY]
    tick += 1
    memory[_TICKS] = tick
    value = knobs[0] * knobs[1]
    in_panic = math.ceil(_mean(memory, tick, PANIC_TICKS) / value)
    most, least = math.ceil(MAX_UP * replicas), math.floor(replicas / MAX_DOWN)
    wanted = min(max(math.ceil(_mean(memory, tick, STABLE_TICKS) / value), least), most)
    if in_panic / replicas >= PANIC_THRESHOLD:
        memory[_PANIC] = tick
    elif memory[_PANIC] > 0.0 and tick - memory[_PANIC] > STABLE_TICKS:
        memory[_PANIC] = memory[_MOST] = 0.0
    if memory[_PANIC] > 0.0:
        memory[_MOST] = max(memory[_MOST], wanted, min(max(in_panic, least), most))
        wanted = memory[_MOST]
    return int(wanted)


@compiled
def _mean(memory: FloatArray, ticks: int, window: int) -> float:
    """Concurrency over the last ticks of a window."""
    total, count = 0.0, min(ticks, window)
    for i in range(ticks - count, ticks):
        total += memory[_RING + i % STABLE_TICKS]
    return total / count
