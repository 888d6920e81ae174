"""A function's replicas on a node, request by request (SPEC section 8).

Requests arrive as a Poisson process. One is served by a free warm replica, the one last used; where none is free and
there are fewer replicas than the cap, by a replica that starts for it, in cold service time; else it is rejected.
Service times are exponential. A replica idle for `idle_timeout_s` ends. Where the cap falls below the replicas that
exist, idle ones end at once, the longest idle first; busy ones serve to the end, and then end.

All replicas being alike, a pool is when the busy ones will be free (a heap) and since when the idle ones are (in
order): a replica stands in one of the two, so that none serves two requests at once. Times are relative to now, and
arrivals have no memory: a period goes on exactly where the one before it ended, whatever its cap and rate.
"""

from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled, put_back
from mamo_cli.domains.faas.simulation.numbers import GOLDEN, exponential
from mamo_cli.domains.faas.simulation.tally import (
    ARRIVED,
    BUSY_S,
    COLD,
    REJECTED,
    RESPONSE_S,
    SLOW,
    WARM_S,
    bin_of,
)


class Service(NamedTuple):
    """How a function's requests are served; all in seconds."""

    warm_s: float  # mean service time on a warm replica, > 0
    cold_s: float  # mean service time on a replica that starts for the request, > 0
    idle_timeout_s: float  # idleness after which a replica ends, >= 0 or infinite
    slow_s: float = np.inf  # responses that take longer are counted as slow


class Pools(NamedTuple):
    """R pools of at most N replicas each."""

    counts: IntArray  # (R, 2): busy and idle replicas; together at most N
    until: FloatArray  # (R, N): seconds from now until the busy ones are free, a heap: the soonest first
    since: FloatArray  # (R, N): seconds from now (<= 0) since when the idle ones are free, the longest idle first


def empty_pools(rows: int, most: int) -> Pools:
    """Pools without a replica; most: N, the largest cap that they will be played with."""
    return Pools(np.zeros((rows, 2), dtype=np.int64), np.zeros((rows, most)), np.zeros((rows, most)))


def put_back_pools(place: Pools, saved: Any) -> None:
    """Copy saved pools, a mapping or `Pools._asdict()`, into their place.

    Raises:
        ValueError: they are not pools of this shape; compiled code would follow their counts anywhere.
    """
    counts, until, since = (np.asarray(saved[name]) for name in Pools._fields)
    most = place.until.shape[1]
    if counts.shape != place.counts.shape or counts.min(initial=0) < 0 or counts.sum(1).max(initial=0) > most:
        raise ValueError(f"pools of {len(place.counts)} rows hold 0..{most} replicas each")
    if not (np.isfinite(until).all() and np.isfinite(since).all()):
        raise ValueError("times of replicas must be finite")
    for array, values in zip(place, (counts, until, since), strict=True):
        put_back(array, values)


@compiled
def play(
    counts: IntArray,
    until: FloatArray,
    since: FloatArray,
    cap: int,
    rate_rps: float,
    seconds: float,
    service: Service,
    seed: np.uint64,
    tally: FloatArray,
    histogram: IntArray,
) -> None:
    """Play one pool for some seconds, and leave it as it is then.

    Args:
        counts, until, since: a row each of `Pools`.
        cap: replicas that may exist, 0..N; from now on.
        rate_rps: arrivals, requests/s, >= 0.
        seconds: how long, > 0.
        service: of the function.
        seed: all random numbers follow from it.
        tally: `(TALLY,)`, see `tally.py`; added to. A response counts when its request arrives, replica-seconds as
            they pass.
        histogram: `(BINS,)` of response times, added to.
    """
    busy, idle = counts[0], counts[1]
    idle = _end(since, idle, min(idle, max(busy + idle - cap, 0)))
    busy_s = idle_s = 0.0
    for i in range(busy):
        busy_s += min(until[i], seconds)
    state, now = seed, 0.0
    while rate_rps > 0.0:
        state += GOLDEN
        now += exponential(state) / rate_rps
        if now >= seconds:
            break
        busy, idle, passed = _pass(until, since, busy, idle, cap, now, service.idle_timeout_s)
        idle_s += passed
        tally[ARRIVED] += 1
        if idle == 0 and busy >= cap:
            tally[REJECTED] += 1
            continue
        state += GOLDEN
        if idle > 0:
            idle -= 1
            idle_s += now - max(since[idle], 0.0)
            response = service.warm_s * exponential(state)
        else:
            tally[COLD] += 1
            response = service.cold_s * exponential(state)
        _push(until, busy, now + response)
        busy += 1
        busy_s += min(now + response, seconds) - now
        tally[SLOW] += response > service.slow_s
        tally[RESPONSE_S] += response
        histogram[bin_of(response)] += 1
    busy, idle, passed = _pass(until, since, busy, idle, cap, seconds, service.idle_timeout_s)
    idle_s += passed
    for i in range(busy):
        until[i] -= seconds
    for i in range(idle):
        idle_s += seconds - max(since[i], 0.0)
        since[i] -= seconds
    counts[0], counts[1] = busy, idle
    tally[BUSY_S] += busy_s
    tally[WARM_S] += busy_s + idle_s


@compiled
def _pass(
    until: FloatArray, since: FloatArray, busy: int, idle: int, cap: int, now: float, idle_timeout_s: float
) -> tuple[int, int, float]:
    """Let time pass: replicas become free, and idle ones end.

    Where there are more replicas than the cap, all are busy: who becomes free then ends.

    Returns:
        Busy and idle replicas, and the idle replica-seconds from 0 on of those that ended.
    """
    while busy > 0 and until[0] <= now:
        free = until[0]
        if busy + idle <= cap:
            since[idle] = free
            idle += 1
        busy -= 1
        _pop(until, busy)
    ended, passed = 0, 0.0
    while ended < idle and since[ended] + idle_timeout_s <= now:
        passed += max(since[ended] + idle_timeout_s, 0.0) - max(since[ended], 0.0)
        ended += 1
    return busy, _end(since, idle, ended), passed


@compiled
def _end(since: FloatArray, idle: int, ended: int) -> int:
    """End the longest idle; returns how many stay."""
    if ended > 0:
        for i in range(ended, idle):
            since[i - ended] = since[i]
    return idle - ended


@compiled
def _push(heap: FloatArray, size: int, value: float) -> None:
    """Add a value to the heap's first `size`."""
    place = size
    while place > 0 and heap[(place - 1) // 2] > value:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = value


@compiled
def _pop(heap: FloatArray, size: int) -> None:
    """Remove the least of the heap's first `size + 1`."""
    value, place = heap[size], 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = value
