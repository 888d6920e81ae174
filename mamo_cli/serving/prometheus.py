"""Prometheus as the source of what is measured: one sample a query, at the start of each period.

Periods are counted in Unix time, number `time // step_seconds`, so that a restart decides none twice. What cannot be
taken for a measurement is a failure, which is counted by its reason; the current decision stands until it is stale. See
https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

import asyncio
import json
import math
import re
from typing import Any

import aiohttp

from mamo_cli.serving.front import LOGGER, Front, RefusedError
from mamo_cli.serving.queries import Source

MOST_BYTES = 1 << 20
MOST_STAMP = 1e12
REASONS = (
    *("timeout", "unreachable", "error", "warning", "too large", "not JSON"),
    *("no sample", "several samples", "not finite", "stale", "fault"),
)
"""Why a reading fails, the last for a bug of ours."""
_NUMBER = re.compile(r"NaN|[+-]Inf|-?[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?", re.IGNORECASE | re.ASCII)
PART = 0.1
"""Of a period, after which a try that failed is made again, and until which an answer is waited for; within"""
FEWEST_SECONDS, MOST_SECONDS = 0.05, 10.0


class UnansweredError(Exception):
    """No sample that can be believed; `reason` is one of few words, by which failures are counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        super().__init__(f"{reason}{detail and f': {detail}'}")


async def keep_asking(front: Front, source: Source) -> None:
    """Decide at the start of each period, until cancelled; at once where nothing is decided in the present one.

    A decision is of the period in which it was made, although its try began in the one before.
    """
    step = front.about.step_seconds
    pause = min(max(PART * step, FEWEST_SECONDS), MOST_SECONDS)
    front.counts.source_failures.update(dict.fromkeys(REASONS, 0))
    well = True
    async with asking(pause) as session:
        while True:
            period, last = front.clock() // step, front.service.last
            if last is None or last.time // step != period:
                failure = await _decided(front, source, session)
                if (failure is None) != well:
                    LOGGER.warning("prometheus: %s", failure or "answers again")
                well = failure is None
            now = front.clock()
            await asyncio.sleep(min(pause, (now // step + 1) * step - now))  # no longer: a clock may be set


def asking(patience_s: float) -> aiohttp.ClientSession:
    """What asks; an answer that is packed, and may be any size unpacked, is not taken."""
    plain = {"accept-encoding": "identity"}
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(patience_s), headers=plain, auto_decompress=False)


async def _decided(front: Front, source: Source, session: aiohttp.ClientSession) -> str | None:
    """Ask and decide once; returns what has failed, if it has, and counts it."""
    try:
        word = front.words.agent
        body = await measured(source, session, front.clock(), front.about.step_seconds, word)
        for each in body[f"{word}s"].values():  # the query must be over it: whoever wrote that was told
            each |= {f"{what}_seconds": s for what, s in front.service.reader.windows.items() if what in each}
        front.decide(body)
    except UnansweredError as error:
        front.counts.source_failures[error.reason] += 1
        return str(error)
    except RefusedError as error:
        front.refused(error)
        return str(error)
    except Exception as error:
        front.counts.source_failures["fault"] += 1
        LOGGER.debug("no reading", exc_info=error)
        return f"a bug of ours: {type(error).__name__}: {error}"
    return None


async def measured(
    source: Source, session: aiohttp.ClientSession, now: float, step_seconds: float, word: str
) -> dict[str, Any]:
    """The body of a decision, of one sample for each query.

    Args:
        source: where to ask.
        session: by which.
        now: Unix time in s.
        step_seconds: how old a sample may be, in s.
        word: the domain's, for an agent.

    Raises:
        UnansweredError: one of the queries has no such sample.
    """
    asked = [(name, what, query) for name, queries in source.queries.items() for what, query in queries.items()]
    asked += [("", what, query) for what, query in source.shared.items()]
    samples = await asyncio.gather(*(_sample(source.url, query, session) for *_, query in asked))
    body: dict[str, dict[str, float]] = {name: {} for name in ("", *source.queries)}
    for (name, what, _), (stamp, value) in zip(asked, samples, strict=True):
        place = f"{what} of {name}" if name else what
        if not math.isfinite(value):
            raise UnansweredError("not finite", f"{place} is {value}")
        if not abs(now - stamp) <= step_seconds:
            raise UnansweredError("stale", f"{place} is {now - stamp:.0f} s old")
        body[name][what] = source.numbers.get(what, float)(value)
    return {**body.pop(""), f"{word}s": body}


async def _sample(url: str, query: str, session: aiohttp.ClientSession) -> tuple[float, float]:
    """When a query's only sample is of, and what it is."""
    data = b""
    try:
        async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
            async for part in response.content.iter_any():
                data += part
                if len(data) > MOST_BYTES:
                    break
    except TimeoutError:
        raise UnansweredError("timeout") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise UnansweredError("unreachable", str(error) or type(error).__name__) from None
    if len(data) > MOST_BYTES:
        raise UnansweredError("too large")
    content = _content(data)
    if response.status != 200 or content.get("status") != "success":
        raise UnansweredError("error", f"status {response.status}, {str(content.get('error', ''))[:200]}")
    if content.get("warnings"):  # such as that a part of what is stored could not be read
        raise UnansweredError("warning", str(content["warnings"])[:200])
    return _only(content.get("data"))


def _content(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise UnansweredError("not JSON") from None
    if not isinstance(content, dict):
        raise UnansweredError("not JSON")
    return content


def _only(data: Any) -> tuple[float, float]:
    """The one sample of an instant vector, or a scalar."""
    kind: Any = data.get("resultType") if isinstance(data, dict) else None
    result: Any = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list) or kind not in ("vector", "scalar"):
        raise UnansweredError("no sample", "the answer is neither a vector nor a scalar")
    if kind == "vector":
        if len(result) != 1:
            raise UnansweredError("several samples" if result else "no sample")
        result = result[0].get("value") if isinstance(result[0], dict) else None
    match result:
        case [int() | float() as stamp, str() as value] if _NUMBER.fullmatch(value) and abs(stamp) < MOST_STAMP:
            return float(stamp), float(value)
    raise UnansweredError("no sample", "it has no value")
