"""A run's line in a table of runs: its status, how long it took and what came out, as a person reads it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.core.told import shown
from mamo_cli.runs.outcomes import Outcome

COLUMNS = ("run", "status", "started", "took", "what", "over causal", "violation", "holds")
MOST_SHOWN = 3


class Listed(NamedTuple):
    """A run folder as its manifest tells of it; there is none where it cannot be read."""

    path: Path
    status: str
    manifest: Mapping[str, Any]
    seconds: float | None = None  # that its starts have taken, as far as is known
    whole: bool = False  # whether that is all

    @property
    def command(self) -> str | None:
        """The command that made it."""
        return self.manifest.get("command")

    @property
    def minute(self) -> str | None:
        """When it was first started, UTC."""
        started = self.manifest.get("started")
        return None if started is None else str(started)[:16].replace("T", " ")


def line_of(run: Listed, outcomes: Sequence[Outcome]) -> list[str | None]:
    """What stands under `COLUMNS`."""
    held = ["-" if one.holds_of is None else f"{one.holds} of {one.holds_of}" for one in outcomes]
    return [
        run.path.name,
        run.status,
        run.minute,
        None if run.seconds is None else duration(run.seconds, run.whole),
        _what(outcomes),
        _some([shown(one.cost_over_causal_bound) for one in outcomes]),
        violations_told(outcomes),
        _some(held),
    ]


def _what(outcomes: Sequence[Outcome]) -> str | None:
    """What a run tried, and how many members were lost on the way."""
    titles = [one.title for one in outcomes]
    if len({one.label for one in outcomes}) == 1 < len(outcomes):
        titles = [outcomes[0].title, *(one.alpha for one in outcomes[1:])]
    fallen = sum(one.diverged or 0 for one in outcomes)
    return " ".join(filter(None, [_some(titles), f"({fallen} diverged)" if fallen else None])) or None


def violations_told(outcomes: Sequence[Outcome]) -> str | None:
    """Each violation with its name, and its limit where all have the same."""
    told = []
    for name in outcomes[0].violations if outcomes else ():
        limits = {one.limits[name] for one in outcomes}
        allowed = limits.pop() if len(limits) == 1 else None
        values = _some([shown(one.violations[name]) for one in outcomes])
        told.append(f"{name} {values}" + ("" if allowed is None else f" of {allowed:g}"))
    return "; ".join(told) or None


def duration(seconds: float, whole: bool = True) -> str:
    """So many s as hours, minutes and seconds; as the least that it can be, where that is not all."""
    return ("" if whole else "> ") + str(timedelta(seconds=round(seconds)))


def _some(texts: Sequence[str]) -> str | None:
    """The first of some texts, none of which is to be shown where nothing is known."""
    if set(texts) <= {"-"}:
        return None
    return ", ".join([*texts[:MOST_SHOWN], *(["..."] if len(texts) > MOST_SHOWN else [])])
