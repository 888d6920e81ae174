"""What every face of the server asks: the service at the clock's time, its refusals by kind, and when it has news."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mamo_cli.core.errors import DataError, DivergedError, MamoError, StaleError, StorageError
from mamo_cli.domains import registry as domains
from mamo_cli.serving.counts import Counts
from mamo_cli.serving.decisions import Decision, Service

LOGGER = logging.getLogger(__name__)


class Kind(NamedTuple):
    """How a refusal is said: in HTTP and in gRPC."""

    http: int
    grpc: str


KINDS = {
    "input": Kind(400, "INVALID_ARGUMENT"),
    "unauthorised": Kind(401, "UNAUTHENTICATED"),
    "unknown": Kind(404, "UNIMPLEMENTED"),
    "method": Kind(405, "UNIMPLEMENTED"),
    "size": Kind(413, "RESOURCE_EXHAUSTED"),
    "encoding": Kind(415, "UNIMPLEMENTED"),
    "busy": Kind(503, "RESOURCE_EXHAUSTED"),
    "stale": Kind(503, "UNAVAILABLE"),
    "sick": Kind(503, "UNAVAILABLE"),
    "unwritten": Kind(503, "UNAVAILABLE"),
    "fault": Kind(500, "UNAVAILABLE"),
}
"""Why a question is not answered. An autoscaler takes neither NaN nor 0 for "unknown": what is not known is refused."""


_REASONS = {DataError: "input", StaleError: "stale", DivergedError: "sick", StorageError: "unwritten"}


class RefusedError(Exception):
    """A question that is not answered; `kind` is one of `KINDS`, the message is for who asked."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class Front:
    """A service and the clock it is asked by; one for all faces, in one event loop."""

    def __init__(self, service: Service, clock: Callable[[], float] = time.time) -> None:
        """Args:
        service: that decides.
        clock: Unix time in s.
        """
        self.service, self.clock, self.counts = service, clock, Counts()
        self.about = service.policy.about
        self.words = domains.about(self.about.domain).WORDS
        self.counts.refusals.update(dict.fromkeys(KINDS, 0))  # Prometheus sees no increase of what was not there
        self.counts.beyond.update(dict.fromkeys(self.about.agents, 0))
        self.closing, self.changes = False, 0
        self._news = asyncio.Event()

    def decide(self, body: Mapping[str, Any]) -> Decision:
        """What is decided of what was measured, for the coming period.

        Raises:
            RefusedError: nothing is decided; the current decision stands until it is stale.
        """
        last = self.service.last
        decision = self._asked(lambda now: self.service.decide(body, now))
        if decision is last:  # the same question again
            return decision
        self.counts.decisions += 1
        self.counts.overrides += decision.overridden
        self.counts.beyond.update(decision.beyond)
        self.wake()
        return decision

    def current(self) -> Decision:
        """The last decision.

        Raises:
            RefusedError: there is none, or it is stale.
        """
        return self._asked(self.service.current)

    def agent(self, metadata: Mapping[str, str]) -> str:
        """Which agent is meant by who asks for one, by the domain's word for it.

        Raises:
            RefusedError: none of those there are, or none of several.
        """
        word, agents = self.words.agent, self.about.agents
        name = metadata.get(word, agents[0] if len(agents) == 1 else None)
        if name not in agents:
            told = f"no {word} is named" if name is None else f"there is no {word} {name[:64]!r}"
            raise RefusedError("input", f"{told}: {word} must be one of {', '.join(agents)[:400]}")
        return name

    def refused(self, error: RefusedError) -> Kind:
        """Count a refusal; returns how it is said."""
        self.counts.refusals[error.kind] += 1
        return KINDS[error.kind]

    async def news(self, seen: int, patience: float) -> None:
        """Wait for a decision, the end of the server, or so many s.

        Args:
            seen: `changes` when it was last looked at what there is: what came since is not waited for.
            patience: in s.
        """
        if seen != self.changes:
            return
        try:
            async with asyncio.timeout(patience):
                await self._news.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """Let all who wait for news go."""
        self.closing = True
        self.wake()

    def wake(self) -> None:
        """Tell all who wait that there is something new."""
        self.changes += 1
        self._news.set()
        self._news = asyncio.Event()

    def _asked(self, question: Callable[[float], Decision]) -> Decision:
        try:
            return question(self.clock())
        except MamoError as error:
            raise RefusedError(_REASONS.get(type(error), "sick"), str(error)) from None
        except Exception as error:
            LOGGER.error("a bug of ours: %s: %s", type(error).__name__, error)
            LOGGER.debug("no decision", exc_info=error)
            raise RefusedError("fault", f"a bug of ours: {type(error).__name__}") from None
