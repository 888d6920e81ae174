"""A function request by request: what a rule sees in a tick is what happened in it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.play import make_play
from mamo_cli.domains.faas.simulation.environment import measure
from mamo_cli.domains.faas.simulation.numbers import GOLDEN, mixed
from mamo_cli.domains.faas.simulation.pool import Service, empty_pools, play
from mamo_cli.domains.faas.simulation.tally import BINS


class Simulated(NamedTuple):
    """One function of a node."""

    counts: IntArray  # (2,)
    until: FloatArray  # (N,)
    since: FloatArray  # (N,): of its pool
    service: Service
    state: NDArray[np.uint64]  # (1,) what the seeds of its stretches of time come from
    histogram: IntArray  # of the response times of a period


def simulated(service: Service, most: int, seed: int) -> Simulated:
    """A function without a replica; most: the largest cap it will be played with. seed: 0..2^64 - 1."""
    counts, until, since = empty_pools(1, most)
    state = np.array([seed], dtype=np.uint64)
    return Simulated(counts[0], until[0], since[0], service, state, np.zeros(BINS, dtype=np.int64))


@compiled
def _advance(node: Simulated, replicas: int, rate_rps: float, seconds: float, tally: FloatArray) -> None:
    node.state[0] += GOLDEN
    play(
        node.counts, node.until, node.since, replicas, rate_rps, seconds, node.service, mixed(node.state[0]), tally,
        node.histogram,
    )  # fmt: skip


@compiled
def _measure(node: Simulated, tally: FloatArray, step_seconds: float, measures: FloatArray) -> None:
    """What is measured wherever requests are simulated; the histogram is emptied for the next period."""
    measure(tally, node.histogram, 1.0, measures)
    node.histogram[:] = 0


play_simulated = make_play(_advance, _measure)
