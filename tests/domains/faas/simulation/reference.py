"""The simulator again, slow and from its words alone: replicas with a name each, looked through one by one."""

from dataclasses import dataclass, field

import numpy as np

from mamo_cli.domains.faas.simulation.numbers import exponential
from mamo_cli.domains.faas.simulation.pool import Service

MASK = 2**64 - 1
STEP = 0x9E3779B97F4A7C15


@dataclass
class Replica:
    busy: bool
    time: float  # free at, or free since


@dataclass
class Node:
    """One pool; `first` is which of the free replicas serves first."""

    service: Service
    latest_first: bool = True
    replicas: list[Replica] = field(default_factory=list)
    arrived: int = 0
    rejected: int = 0
    cold: int = 0
    slow: int = 0
    responses: list[float] = field(default_factory=list)
    busy_s: float = 0.0
    warm_s: float = 0.0

    def play(self, cap: int, rate_rps: float, seconds: float, seed: int) -> None:
        numbers = self._numbers(seed)
        self._cut(cap)
        now, clock = 0.0, 0.0
        while rate_rps > 0.0:
            now += next(numbers) / rate_rps
            if now >= seconds:
                break
            clock = self._advance(clock, now, cap)
            self._arrive(now, cap, numbers)
        self._advance(clock, seconds, cap)
        for replica in self.replicas:
            replica.time -= seconds

    @staticmethod
    def _numbers(seed: int):
        state = seed
        while True:
            state = (state + STEP) & MASK
            yield exponential(np.uint64(state))

    def _cut(self, cap: int) -> None:
        for replica in sorted((r for r in self.replicas if not r.busy), key=lambda r: r.time):
            if len(self.replicas) > cap:
                self.replicas.remove(replica)

    def _advance(self, clock: float, to: float, cap: int) -> float:
        """Every event up to a time, the earliest first."""
        while True:
            events = [(r.time if r.busy else r.time + self.service.idle_timeout_s, r) for r in self.replicas]
            due = min(events, key=lambda event: event[0], default=(np.inf, None))
            self._account(clock, max(min(due[0], to), clock))
            clock = max(min(due[0], to), clock)
            if due[0] > to:
                return clock
            if due[1].busy and len(self.replicas) <= cap:
                due[1].busy = False
            else:
                self.replicas.remove(due[1])

    def _account(self, since: float, to: float) -> None:
        self.busy_s += (to - since) * sum(r.busy for r in self.replicas)
        self.warm_s += (to - since) * len(self.replicas)

    def _arrive(self, now: float, cap: int, numbers) -> None:
        self.arrived += 1
        free = sorted((r for r in self.replicas if not r.busy), key=lambda r: r.time, reverse=self.latest_first)
        if free:
            response, replica = self.service.warm_s * next(numbers), free[0]
        elif len(self.replicas) < cap:
            self.cold += 1
            response, replica = self.service.cold_s * next(numbers), Replica(True, 0.0)
            self.replicas.append(replica)
        else:
            self.rejected += 1
            return
        assert free or all(r.busy for r in self.replicas)
        replica.busy, replica.time = True, now + response
        self.slow += response > self.service.slow_s
        self.responses.append(response)
