"""What Prometheus is asked for, as a command line says it, held against what a policy needs to be told."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from mamo_cli.core.errors import UsageError
from mamo_cli.core.readings import Keys

ROUNDING = 1e-9
"""By which a share that Prometheus computes may lie outside of [0, 1]."""


class Asked(NamedTuple):
    """An option that asks for a number."""

    option: str
    queries: Sequence[str] | None  # as they were given
    number: Callable[[float], float] = float  # of a sample
    shared: bool = False  # by all agents: one query, of no agent


class Source(NamedTuple):
    """Where to ask, and for what."""

    url: str
    queries: Mapping[str, Mapping[str, str]]  # by agent and what is measured of it, such as "rate_rps"
    shared: Mapping[str, str] = {}  # by what is measured of all agents together
    numbers: Mapping[str, Callable[[float], float]] = {}  # of a sample, by what it is of; left out: as it is


def share(value: float) -> float:
    """A share, which rounding alone may have put outside of [0, 1]."""
    clipped = min(max(value, 0.0), 1.0)
    return clipped if abs(value - clipped) <= ROUNDING else value


def whole(value: float) -> float:
    """A whole number, where it is one."""
    return int(value) if value.is_integer() else value


def source_of(url: str | None, asked: Mapping[str, Asked], agents: Sequence[str], keys: Keys) -> Source | None:
    """What is to be asked, as the command line says it.

    Args:
        url: of Prometheus; None: nothing is asked.
        asked: by what is measured: each query stands behind the name of an agent and a `=`, or as it is where there is
            one agent. The first must be there for each agent.
        agents: all there are.
        keys: what the policy needs, and what it has no use for.

    Raises:
        UsageError: that makes no sense, or nothing could ever be decided of it.
    """
    given = [(what, one, text) for what, one in asked.items() for text in one.queries or ()]
    if url is None:
        if given:
            raise UsageError(f"{given[0][1].option} is a query to Prometheus: say with --prometheus where it is")
        return None
    if not _is_url(url):
        raise UsageError(f"--prometheus must be a URL such as http://prometheus:9090, got {url!r}")
    queries: dict[str, dict[str, str]] = {name: {} for name in agents}
    shared: dict[str, str] = {}
    for what, one, text in given:
        if what in keys.useless:
            raise UsageError(f"{one.option} is of no use to this policy: {keys.useless[what]}")
        name, query = ("all", text) if one.shared else _named(one.option, text, agents)
        kept = shared if one.shared else queries[name]
        if not query.strip() or what in kept:
            raise UsageError(f"{one.option} must give one query for {name}, got {text!r}")
        kept[what] = query
    for what, one in asked.items():
        lacking = [name for name in agents if what not in queries[name]]
        if lacking and what in keys.needed:
            raise UsageError(f"--prometheus needs {one.option} for {', '.join(lacking)}: {keys.needed[what]}")
    return Source(url.rstrip("/"), queries, shared, {what: one.number for what, one in asked.items()})


def assumed(source: Source, asked: Mapping[str, Asked], keys: Keys) -> list[str]:
    """What is taken to be so at all times, as no query asks for it: a line for each such option."""
    found = []
    for what, by_agent in keys.assumed.items():
        left = {} if what in source.shared else {
            name: told for name, told in by_agent.items() if what not in source.queries.get(name, ())
        }  # fmt: skip
        if left:
            told = ", ".join(f"{value} ({name})" if name else value for name, value in left.items())
            found.append(f"no {asked[what].option}: {what} is taken to be {told} at all times")
    return found


def _named(option: str, text: str, agents: Sequence[str]) -> tuple[str, str]:
    """Of which agent a query is, and the query."""
    name, sign, query = text.partition("=")
    if sign and name in agents:
        return name, query
    if len(agents) > 1:
        raise UsageError(f"{option} must say for which of {', '.join(agents)}, as in {agents[0]}=QUERY: {text!r}")
    return agents[0], text


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:
        return False
