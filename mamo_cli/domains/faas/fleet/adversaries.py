"""What speaks against a fleet: the most load within the noise, sensors that are off, and nodes that lie.

Every rejection, and the cost of what is forwarded, is nondecreasing in every node's rate. Whatever the choices of a
period, no deviations within +-noise bring any node more cost or rejection in it than all at their upper end, even where
an adversary sees the choices first. So that end is exactly the worst load for a plan that is fixed beforehand. A policy
that reacts to what was rejected or arrived may be led to worse: calmed by low rates into few replicas, it meets the
upper end with those. Such loads are not searched for.

A node whose sensor is off observes its expected rate times a factor, and tells that of it. It is a reading that can be
turned back, so nothing exact changes: who knows the factor knows the rate.

Who lies tells an expected rate of 0 and its whole cap as replicas to spare, whatever is true, and plays like any other.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.domains.faas.node import Case, Node


class Faults(NamedTuple):
    """What is wrong with the nodes of a fleet, of each."""

    sensors: FloatArray  # (M,) what a node takes its expected rate for, over what it is
    liars: BoolArray  # (M,)


def faults_of(settings: FleetConfig, nodes: tuple[str, ...]) -> Faults:
    """Those of a configuration.

    Raises:
        UsageError: a node is to lie that nobody hears.
    """
    own = [settings.own.get(name) for name in nodes]
    sensors = [getattr(each, "sensor", None) for each in own]
    liars = np.array([bool(getattr(each, "lies", None)) for each in own])
    if settings.messages == "none" and liars.any():
        raise UsageError(f"node.{nodes[int(liars.argmax())]} lies in its messages, and messages is none")
    return Faults(np.array([1.0 if sensor is None else sensor for sensor in sensors]), liars)


def at_worst(case: Case, noise: float) -> Case:
    """The case in which every rate comes at the upper end of the noise, and all know it.

    Raises:
        UsageError: a trace carries deviations of its own, which no adversary picks.
    """
    if case.training.trace.carries_deviations or case.evaluation_noise != noise:
        raise UsageError("--load worst is within the noise, and the trace carries deviations of its own")

    def raised(node: Node, rates: FloatArray) -> Node:
        return replace(node, trace=replace(node.trace, actual_rate_rps=rates * (1.0 + noise)))

    known = case.known_rate_rps
    return replace(
        case,
        training=raised(case.training, case.training.trace.actual_rate_rps),
        evaluation=raised(case.evaluation, known),
        known_rate_rps=known * (1.0 + noise),
        evaluation_noise=0.0,
    )
