"""Rules driven by hand: decision after decision on what they are told."""

import numpy as np

from mamo_cli.domains.faas.baselines.seen import ARRIVED_RPS, CONCURRENCY, MEMORY, SEEN, SERVED_RPS


def decisions(rule, knobs, observations, replicas=1, most=1000):
    """The replicas after each observation, every one of which is granted within 1..most.

    Args:
        rule: of ticks.
        knobs: its numbers.
        observations: of each tick a number, which stands for all that a rule may look at, or a function of the replicas
            that gives it.
        replicas: at the beginning.
        most: that are granted; of each tick where they are several.
    """
    memory, told = np.zeros(MEMORY), []
    for tick, one in enumerate(observations):
        seen = np.full(SEEN, np.nan)
        seen[[ARRIVED_RPS, SERVED_RPS, CONCURRENCY]] = one(replicas) if callable(one) else one
        replicas = min(
            max(rule(np.array(knobs, dtype=float), memory, seen, replicas), 1),
            most[tick] if isinstance(most, list) else most,
        )
        told.append(replicas)
    return told
