"""The node request by request, as a batch of environments: what `ScalingEnvironment` is, but for what a period brings.

A function's replicas go on from period to period (`pool.py`). The rejection of a period, which agents see and are
judged by, is the share of its requests that were rejected; 0 where none arrived. A mean over periods weighs each alike,
as everywhere else.

| measure of a period | meaning |
|---|---|
| `replicas` | the cap that was chosen; the cost is its |
| `cold_start_share` | of the requests served, those that a replica started for; 0 where none was served |
| `response_ms`, `response_p95_ms` | mean and 95th percentile of the served, ms; not a number where none was served |
| `warm_replica_seconds`, `busy_replica_seconds` | replicas that existed, and those that served, summed over its time |

In training the first seconds of each period may stand for all of it; replica-seconds are then multiplied to a whole
period's, and the next period begins with the replicas as they were left.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.core.seam import Copy, Part, Seen
from mamo_cli.core.seeding import MemberStreams, stream
from mamo_cli.domains.faas.environment import Brought, ScalingEnvironment
from mamo_cli.domains.faas.node import Node
from mamo_cli.domains.faas.settings import SIMULATED, InstanceConfig
from mamo_cli.domains.faas.simulation.numbers import mixed
from mamo_cli.domains.faas.simulation.pool import Pools, Service, empty_pools, play, put_back_pools
from mamo_cli.domains.faas.simulation.tally import (
    ARRIVED,
    BINS,
    BUSY_S,
    COLD,
    REJECTED,
    RESPONSE_S,
    SLOW,
    TALLY,
    WARM_S,
    percentile,
    served,
    share,
)

Seeds = NDArray[np.uint64]
SLOW_S = Service._fields.index("slow_s")
MS = 1000.0
TAIL = 0.95


class Requests(NamedTuple):
    """How requests are simulated."""

    services: FloatArray  # (F, 4) the numbers of a `Service` each
    seeds: Seeds  # (T, F) of each step, where none are drawn
    seconds: float  # simulated of a period
    window_s: float = 0.0  # of these the last, in which requests are counted


def requests_of(settings: InstanceConfig, node: Node, part: Part, first: int = 0, window_s: float = 0.0) -> Requests:
    """How the requests of a part are simulated: all of an evaluation's period, the first seconds of a training's.

    Args:
        settings: of the instance.
        node: of the part.
        part: which.
        first: steps of the part that are left out before the node's first; each has the requests that it has anyway.
        window_s: at the end of what is simulated of a period, in which requests are counted.
    """
    steps, functions = node.trace.actual_rate_rps.shape
    numbers = stream(settings.noise_seed, str(part), "requests")
    each = [settings.of(name) for name in node.trace.functions]
    slow_s = math.inf if settings.latency_limit is None else settings.latency_limit
    services = [Service(own.warm_service_time, own.cold_service_time, own.idle_timeout, slow_s) for own in each]
    return Requests(
        services=np.array(services),
        seeds=numbers.integers(0, 2**64, (first + steps, functions), dtype=np.uint64)[first:],
        seconds=settings.simulated_seconds if part is Part.TRAINING else node.trace.step_seconds,
        window_s=window_s,
    )


def mixing_block(settings: InstanceConfig, node: Node) -> int:
    """Periods for which a policy of a mixture plays on, as replicas that it leaves behind serve the next one, too.

    Ten times as long as it takes replicas to start, and those above a lower cap to end; at least two periods.
    """
    each = [settings.of(name) for name in node.trace.functions]
    longest = max(own.warm_service_time + own.cold_service_time for own in each)
    return 1 + math.ceil(10.0 * longest / node.trace.step_seconds)


class SimulatedEnvironment(ScalingEnvironment):
    """E environments for each of K members, advanced together; every function of each has a pool of its own."""

    measures = 1 + len(SIMULATED)
    counted: FloatArray

    def __init__(
        self, node: Node, requests: Requests, members: int, copies: int | Copy = 1, noise: float = 0.0
    ) -> None:
        """Args: requests: how they are simulated. The others: see `ScalingEnvironment`."""
        self._requests = requests
        self.objectives = 2 if np.isinf(requests.services[:, SLOW_S]).all() else 3
        super().__init__(node, members, copies, noise)

    def reset(self) -> Seen:
        """Start anew, without any replica."""
        self.counted = np.zeros(self._shape)
        self._pools = empty_pools(int(np.prod(self._shape)), self.node.replica_choices)
        return super().reset()

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> list[tuple[FloatArray, Seeds]]:
        """For each of the coming periods the workload's relative deviations `(K, E, F)`, and as many seeds."""
        deviations = super().draw(steps, streams)
        shape = (steps, *self._shape[1:])
        each = [member["environment"].integers(0, 2**64, shape, dtype=np.uint64) for member in streams]
        return list(zip(deviations, np.stack(each, 1), strict=True))

    def _advance(self, actions: IntArray, draw: tuple[FloatArray, Seeds] | None, brought: Brought) -> None:
        node, requests = self.node, self._requests
        deviations, seeds = (self._calm, self._own_seeds()) if draw is None else draw
        _play(
            node.trace.actual_rate_rps, node.max_replicas, node.replica_cost, node.cost_scale, node.trace.step_seconds,
            min(requests.seconds, node.trace.step_seconds), requests.window_s, requests.services, self._at, actions,
            deviations, seeds, self._pools, self._before, self.counted, brought,
        )  # fmt: skip

    def _own_seeds(self) -> Seeds:
        return np.ascontiguousarray(np.broadcast_to(self._requests.seeds[self._at], self._shape))

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands, and its replicas."""
        pools = {name: array.copy() for name, array in self._pools._asdict().items()}
        return {**super().state_dict(), "pools": pools}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments; compiled code would follow its indices anywhere.
        """
        super().load_state_dict(state)
        put_back_pools(self._pools, state["pools"])


@compiled
def _play(
    rates: FloatArray,
    caps: IntArray,
    replica_cost: FloatArray,
    cost_scale: float,
    step_seconds: float,
    seconds: float,
    window: float,
    services: FloatArray,
    at: IntArray,
    actions: IntArray,
    deviations: FloatArray,
    seeds: Seeds,
    pools: Pools,
    before: FloatArray,
    counted: FloatArray,
    brought: Brought,
) -> None:
    """Fill what a period brings, and move every copy on to its next step."""
    members, copies, functions = actions.shape
    most = pools.until.shape[1]
    tally, histogram = np.empty(TALLY), np.empty(BINS, dtype=np.int64)
    for k in range(members):
        for e in range(copies):
            for f in range(functions):
                chosen = min(actions[k, e, f] + 1, caps[at[e], f])
                rate = rates[at[e], f] * (1.0 + deviations[k, e, f])
                row, own = (k * copies + e) * functions + f, services[f]
                service = Service(own[0], own[1], own[2], own[3])
                tally[:], histogram[:] = 0.0, 0
                seed, rest = seeds[k, e, f], seconds
                if 0.0 < window < seconds:  # arrivals have no memory: the period may be played in two
                    play(
                        pools.counts[row], pools.until[row], pools.since[row], chosen, rate, seconds - window, service,
                        seed, tally, histogram,
                    )  # fmt: skip
                    seed, rest = mixed(seed), window
                earlier = tally[ARRIVED]
                play(
                    pools.counts[row], pools.until[row], pools.since[row], chosen, rate, rest, service, seed, tally,
                    histogram,
                )  # fmt: skip
                counted[k, e, f] = tally[ARRIVED] - earlier
                rejection = share(tally[REJECTED], tally[ARRIVED])
                paid = replica_cost[f] * chosen
                brought.paid[k, e, f] = paid
                brought.objectives[k, e, f, 0], brought.objectives[k, e, f, 1] = paid / cost_scale, rejection
                if brought.objectives.shape[3] > 2:
                    brought.objectives[k, e, f, 2] = share(tally[SLOW], served(tally))
                before[k, e, f, 0], before[k, e, f, 1] = chosen / most, rejection
                brought.measures[k, e, f, 0] = chosen
                measure(tally, histogram, step_seconds / seconds, brought.measures[k, e, f, 1:])
    for e in range(copies):
        at[e] = (at[e] + 1) % rates.shape[0]


@compiled
def measure(tally: FloatArray, histogram: IntArray, times: float, measures: FloatArray) -> None:
    """Fill what a period has to measure besides its replicas, in the order of `SIMULATED`; replica-seconds times that.

    Args:
        tally, histogram: of a period, or of its first seconds.
        times: how often these fit into the period.
        measures: `(5,)`.
    """
    count = served(tally)
    measures[0] = share(tally[COLD], count)
    measures[1] = MS * tally[RESPONSE_S] / count if count > 0.0 else np.nan
    measures[2] = MS * percentile(histogram, TAIL) if count > 0.0 else np.nan
    measures[3] = tally[WARM_S] * times
    measures[4] = tally[BUSY_S] * times
