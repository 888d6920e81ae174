"""Functions by the node's rejection model: what a rule sees in a tick is what that model expects of it."""

from typing import NamedTuple

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.play import make_play
from mamo_cli.domains.faas.rejection.table import interpolated
from mamo_cli.domains.faas.simulation.tally import ARRIVED, BUSY_S, REJECTED


class Modelled(NamedTuple):
    """F functions of a node."""

    values: FloatArray  # (F, N, L) of the node's table
    root_step: float
    service_s: FloatArray  # (F,) mean service times


@compiled
def _advance(node: Modelled, function: int, replicas: int, rate_rps: float, seconds: float, tally: FloatArray) -> None:
    """The requests served keep replicas busy for the mean service time each."""
    arrived = rate_rps * seconds
    rejected = arrived * interpolated(node.values, node.root_step, function, replicas, rate_rps)
    tally[ARRIVED] += arrived
    tally[REJECTED] += rejected
    tally[BUSY_S] += (arrived - rejected) * node.service_s[function]


@compiled
def _measure(node: Modelled, function: int, tally: FloatArray, measures: FloatArray) -> None:
    """A model has no more to measure than replicas."""


play_modelled = make_play(_advance, _measure)
