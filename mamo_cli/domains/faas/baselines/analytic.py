"""A function by the node's rejection model: what a rule sees in a tick is what that model expects of it."""

from typing import NamedTuple

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.play import make_play
from mamo_cli.domains.faas.rejection.table import interpolated
from mamo_cli.domains.faas.simulation.tally import ARRIVED, BUSY_S, REJECTED


class Modelled(NamedTuple):
    """One function of a node."""

    values: FloatArray  # (1, N, L) of the node's table
    root_step: float
    service_s: float  # mean service time


@compiled
def _advance(node: Modelled, replicas: int, rate_rps: float, seconds: float, tally: FloatArray) -> None:
    """The requests served keep replicas busy for the mean service time each."""
    arrived = rate_rps * seconds
    rejected = arrived * interpolated(node.values, node.root_step, 0, replicas, rate_rps)
    tally[ARRIVED] += arrived
    tally[REJECTED] += rejected
    tally[BUSY_S] += (arrived - rejected) * node.service_s


@compiled
def _measure(node: Modelled, tally: FloatArray, step_seconds: float, measures: FloatArray) -> None:
    """A model has no more to measure than replicas."""


play_modelled = make_play(_advance, _measure)
