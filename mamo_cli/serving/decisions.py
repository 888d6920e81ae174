"""What is decided, period after period, by a policy from what is measured; the log is all that it remembers.

A server is one loop of asyncio: a decision is taken from its beginning to its end before the next, so that nothing here
is locked. Whoever would call it from several threads must do that himself.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from pydantic_core import to_json

from mamo_cli.core.arrays import IntArray
from mamo_cli.core.errors import CheckpointError, DataError, DivergedError, StaleError
from mamo_cli.core.readings import Past, Reader, Reading
from mamo_cli.domains import registry as domains
from mamo_cli.policies.decide import Decider, Draws
from mamo_cli.policies.file import Policy
from mamo_cli.serving.log import DecisionLog

STALE_PERIODS = 2.0
ASKED = 32
"""Digits of the digest of a question that tells its time, by which it is known when it is asked again."""


class Decision(NamedTuple):
    """What was decided, in the domain's numbers, such as replicas."""

    number: int  # in the log
    time: float  # when, Unix time in s
    agents: dict[str, int]
    policy_alone: dict[str, int]  # before the shield's floor
    overridden: bool  # whether these differ
    beyond: list[str]  # agents whose reading training never met: no network is asked what it never learnt
    head: str  # digest (hex) of its line in the log


class Service:
    """A policy at work, on a log of what it decided."""

    def __init__(self, policy: Policy, log: DecisionLog, stale_after: float | None = None) -> None:
        """Go on from where the log stands.

        Args:
            policy: who decides; it may be another than before, of the same agents.
            log: open, of this process.
            stale_after: age in s from which nothing is acted on; None: `STALE_PERIODS` periods.

        Raises:
            UsageError: the policy's domain cannot be served.
            CheckpointError: the policy file lacks something that is needed, or the log is of other agents.
        """
        about = policy.about
        self.policy, self.about, self.log = policy, about, log
        self.stale_after = STALE_PERIODS * about.step_seconds if stale_after is None else stale_after
        self._digest, self._decider = policy.digest, Decider(policy)
        self.reader = reader_for(policy)
        self._draws = Draws(about)
        self._past = Past(np.zeros(len(about.agents), dtype=np.int64))
        self.last: Decision | None = None
        """The last decision, however old."""
        self._measured, self._drawn = -np.inf, 0
        self._asked: str | None = None
        if log.last is not None:
            self._go_on(log.last)
        if about.coupled:
            self._compile()

    def decide(self, body: Mapping[str, Any], now: float) -> Decision:
        """Decide for the coming period; each call is one.

        But what was asked last, asked again in the same words with the same `time`, is the same question of who never
        saw the answer: it gets that decision again, and nothing is written.

        Args:
            body: what was measured before it, see the domain's reader.
            now: Unix time in s.

        Raises:
            DataError: the body is not what was asked for.
            StaleError: it was measured too long ago, after now, or before the last one.
            DivergedError: what the policy makes of it is not finite.
            StorageError: the disk refuses the log.
            All of these leave the log and the current decision as they are.
        """
        with np.errstate(all="ignore"):  # what is not finite is refused by name
            return self._decided(body, now)

    def current(self, now: float) -> Decision:
        """The last decision.

        Raises:
            StaleError: there is none, or what it was made from is too old.
        """
        if self.last is None or self.is_stale(now):
            if self.last is None:
                raise StaleError("nothing was decided yet")
            raise StaleError(f"the last decision is {now - self._measured:.0f} s old, {self.stale_after:g} s at most")
        return self.last

    def is_stale(self, now: float) -> bool:
        """Whether there is no decision, or what it was made from is too old."""
        return not abs(now - self._measured) <= self.stale_after

    def _decided(self, body: Mapping[str, Any], now: float) -> Decision:
        reading = self.reader.read(body, self._past)
        measured = self._fresh(reading, now)
        asked = None if reading.time is None else hashlib.sha256(to_json(dict(body))).hexdigest()[:ASKED]
        if self.last is not None and asked is not None and asked == self._asked:
            return self.last
        try:
            draw = self._draws.at(self._drawn) if len(self.policy.parameters) > 1 else 0.0
            alone = self._decider.decide(reading.observed, reading.allowed, reading.budget, draw)
        except DataError as error:
            raise DivergedError(f"the policy is sick: {error}") from None
        played = self.reader.play(reading, alone)
        reading.told["time"] = measured
        wanted = self._named(alone)
        overridden = played is not alone and bool((played != alone).any())
        entry = {
            "time": now,
            "observation": reading.told,
            "policy": self._digest,
            "actions": self._named(played) if overridden else wanted,
            "policy_alone": wanted,
            "overridden": overridden,
            "beyond": reading.beyond,
            "drawn": self._drawn,
            "asked": asked,
        }
        self.log.append(entry)
        self._past, self._measured, self._drawn = Past(played, reading.told), measured, self._drawn + 1
        self._asked = asked
        self.last = self._decision(entry)
        return self.last

    def _fresh(self, reading: Reading, now: float) -> float:
        """When a reading was measured; by a clock that is ahead of this one, now, so that it holds up no other.

        Nothing comes too late after a decision that this clock, set back since, has still to come.
        """
        told = now if reading.time is None else reading.time
        if not abs(now - told) <= self.stale_after:
            away = f"{abs(now - told):.0f} s {'ago' if told < now else 'ahead'}"
            raise StaleError(f"time is {away}, {self.stale_after:g} s at most, got {told:.17g}")
        measured = min(told, now)
        if reading.time is not None and measured < self._measured <= now:
            raise StaleError(f"time is before that of the decision before, {self._measured:.17g}, got {measured:.17g}")
        return measured

    def _compile(self) -> None:
        """Have compiled what agents that share a budget need, so that no decision waits for it."""
        agents, about = len(self.about.agents), self.about
        observed = np.zeros((agents, about.observation), dtype=np.float32)
        allowed = np.ones((agents, max(about.choices)), dtype=np.bool_)
        with suppress(DataError), np.errstate(all="ignore"):  # a policy that is sick is told of where it decides
            self._decider.decide(observed, allowed, 0)

    def _named(self, choices: IntArray) -> dict[str, int]:
        return dict(zip(self.about.agents, (choices + self.reader.first).tolist(), strict=True))

    def _decision(self, entry: Mapping[str, Any]) -> Decision:
        return Decision(
            self.log.count,
            entry["time"],
            entry["actions"],
            entry["policy_alone"],
            entry["overridden"],
            entry["beyond"],
            self.log.head,
        )

    def _go_on(self, last: Mapping[str, Any]) -> None:
        """Take over what the last line of the log says."""
        try:
            current, told, drawn = self._decision(last), last["observation"], last["drawn"]
            measured = float(told["time"])
            choices = np.array([*current.agents.values()]) - self.reader.first
            if choices.dtype != np.int64 or type(drawn) is not int or min(drawn, choices.min()) < 0:
                raise ValueError("no choices, or no draw")
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            raise CheckpointError(
                f"{self.log.path}: its last line is no decision that can be gone on from; name another --log"
            ) from None
        if tuple(current.agents) != self.about.agents:
            raise CheckpointError(
                f"{self.log.path} is of {', '.join(current.agents)}, and the policy decides for "
                f"{', '.join(self.about.agents)}: name another --log"
            )
        self._past, self._measured, self.last = Past(choices, told), measured, current
        self._asked = last.get("asked")
        self._drawn = drawn + 1 if last.get("policy") == self._digest else 0


def reader_for(policy: Policy) -> Reader:
    """How what is measured is read for a policy; raises what `Service` raises of its file and its domain."""
    about = policy.about
    return domains.reader_of(about.domain, about.agents, about.choices, about.observation, policy.use, policy.scales)
