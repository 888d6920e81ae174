"""What a function rejects in the long run at a constant rate and cap, by simulation, to a stated standard error.

One pool is played on and on. After a warm-up its time is cut into batches, whose means are all but independent where a
batch is long; their spread gives the standard error. While that is too large, as many batches again are played, and
batches are joined in pairs (method of batch means; Law, "Simulation Modeling and Analysis", chapter 9).
"""

from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.domains.faas.simulation.pool import Service, empty_pools, play
from mamo_cli.domains.faas.simulation.tally import (
    ARRIVED,
    BINS,
    COLD,
    REJECTED,
    RESPONSE_S,
    TALLY,
    served,
    share,
)

BATCHES = 32
LEAST_REQUESTS = 1000  # of a batch, at first
TIMEOUTS = 2.0  # that a batch lasts at least: who is idle and who is not is then another matter
MOST_REQUESTS_OF_A_TIMEOUT = 1e4  # where nothing ever expires, that is no measure of time
MOST_REQUESTS = 2e8


class Steady(NamedTuple):
    """What came out of a simulation of one rate and cap."""

    rejection: float
    standard_error: float  # of the rejection; at least that of one request more or less
    cold_share: float  # of the requests served
    mean_response_s: float  # of the requests served
    requests: int


def steady(rate_rps: float, replicas: int, service: Service, standard_error: float, rng: np.random.Generator) -> Steady:
    """Simulate until the rejection is known well enough, or after 200 million requests.

    Args:
        rate_rps: requests/s, > 0.
        replicas: the cap, >= 1.
        service: of the function.
        standard_error: that the rejection is to have.
        rng: where all seeds are drawn from.
    """
    counts, until, since = (array[0] for array in empty_pools(1, replicas))
    histogram = np.zeros(BINS, dtype=np.int64)

    def batches(count: int, seconds: float) -> FloatArray:
        tallies = np.zeros((count, TALLY))
        for tally in tallies:
            seed = rng.integers(0, 2**64, dtype=np.uint64)
            play(counts, until, since, replicas, rate_rps, seconds, service, seed, tally, histogram)
        return tallies

    timeout_s = min(service.idle_timeout_s, MOST_REQUESTS_OF_A_TIMEOUT / rate_rps)
    seconds = max(LEAST_REQUESTS / rate_rps, TIMEOUTS * timeout_s, TIMEOUTS * service.cold_s)
    batches(BATCHES // 4, seconds)  # until nothing tells of the empty pool at the start
    played = batches(BATCHES, seconds)
    while (error := _standard_error(played)) > standard_error and played[:, ARRIVED].sum() < MOST_REQUESTS:
        joined = played[0::2] + played[1::2]
        seconds *= 2.0
        played = np.concatenate((joined, batches(BATCHES // 2, seconds)))
    total = played.sum(0)
    return Steady(
        rejection=share(total[REJECTED], total[ARRIVED]),
        standard_error=error,
        cold_share=share(total[COLD], served(total)),
        mean_response_s=share(total[RESPONSE_S], served(total)),
        requests=int(total[ARRIVED]),
    )


def _standard_error(played: FloatArray) -> float:
    """Of the share of requests that were rejected, a ratio of two sums over batches."""
    arrived, rejected = played[:, ARRIVED], played[:, REJECTED]
    total = float(arrived.sum())
    beyond = rejected - arrived * (rejected.sum() / total)
    count = len(played)
    return max(float(np.sqrt((beyond**2).sum() * count / (count - 1))) / total, 1.0 / total)
