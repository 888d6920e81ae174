"""Functions request by request: what a rule sees in a tick is what happened in it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.play import make_play
from mamo_cli.domains.faas.simulation.environment import measure
from mamo_cli.domains.faas.simulation.numbers import GOLDEN, mixed
from mamo_cli.domains.faas.simulation.pool import Pools, Service, empty_pools, play
from mamo_cli.domains.faas.simulation.tally import BINS


class Simulated(NamedTuple):
    """F functions of a node."""

    pools: Pools  # of F rows
    services: FloatArray  # (F, 4) the numbers of a `Service` each
    state: NDArray[np.uint64]  # (F,) what the seeds of its stretches of time come from
    histograms: IntArray  # (F, BINS) of the response times of a period


def simulated(services: Sequence[Service], most: int, seeds: Sequence[int]) -> Simulated:
    """Functions without a replica; most: the largest cap they will be played with. seeds: 0..2^64 - 1 each."""
    functions = len(services)
    state = np.array(seeds, dtype=np.uint64)
    histograms = np.zeros((functions, BINS), dtype=np.int64)
    return Simulated(empty_pools(functions, most), np.array(services, dtype=np.float64), state, histograms)


@compiled
def _advance(node: Simulated, function: int, replicas: int, rate_rps: float, seconds: float, tally: FloatArray) -> None:
    node.state[function] += GOLDEN
    counts, until, since = node.pools.counts[function], node.pools.until[function], node.pools.since[function]
    own = node.services[function]
    service = Service(own[0], own[1], own[2], own[3])
    seed, histogram = mixed(node.state[function]), node.histograms[function]
    play(counts, until, since, replicas, rate_rps, seconds, service, seed, tally, histogram)


@compiled
def _measure(node: Simulated, function: int, tally: FloatArray, measures: FloatArray) -> None:
    """What is measured wherever requests are simulated; the histogram is emptied for the next period."""
    measure(tally, node.histograms[function], 1.0, measures)
    node.histograms[function] = 0


play_simulated = make_play(_advance, _measure)
