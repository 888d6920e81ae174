"""A service that decides by a rule that can be told by heart."""

import math
from types import SimpleNamespace

from mamo_cli.core.errors import DataError, StaleError
from mamo_cli.serving.decisions import Decision
from mamo_cli.serving.log import ORIGIN, Checked
from tests.policies.small import about

HEAD = "0123456789abcdef" * 4


class Clock:
    """Unix time, as the test sets it."""

    def __init__(self, now=1_700_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


class StandIn:
    """One replica for each 10 requests/s of each function; stale after 600 s."""

    def __init__(self, **others):
        self.policy = SimpleNamespace(about=about(**others), digest="d" * 64)
        self.log = SimpleNamespace(count=0, checked=Checked(0, ORIGIN))
        self.reader = SimpleNamespace(windows={})
        self.last = None
        self.bodies = []
        self.fault = None

    def decide(self, body, now):
        self.bodies.append(body)
        if self.fault is not None:
            raise self.fault
        rates = {name: each.get("rate_rps", math.nan) for name, each in body.get("functions", {}).items()}
        for name in self.policy.about.agents:
            if not math.isfinite(rates.get(name, math.nan)):
                raise DataError(f"rate_rps of {name} must be a finite number")
        agents = {name: math.ceil(rate / 10) for name, rate in rates.items()}
        self.log = SimpleNamespace(count=self.log.count + 1, checked=Checked(self.log.count + 1, HEAD))
        self.last = Decision(
            self.log.count, now, agents, agents, agents["f"] > 4, [n for n in agents if rates[n] > 100], HEAD
        )
        return self.last

    def is_stale(self, now):
        return self.last is None or now - self.last.time > 600

    def current(self, now):
        if self.is_stale(now):
            raise StaleError("there is no decision")
        return self.last


def loads(f=20.0, g=31.0):
    return {"functions": {"f": {"rate_rps": f}, "g": {"rate_rps": g}}}
