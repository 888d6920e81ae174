"""`mamo runs list`: what is under results/, what came out, and how long it took."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from mamo_cli.cli.commands import COMMANDS
from mamo_cli.cli.completing import among
from mamo_cli.cli.console import print_json, print_table, shown
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import DataError, MamoError, UsageError
from mamo_cli.runs.manifest import RESULTS, STATUSES, UnreadableError, list_runs, read_manifest
from mamo_cli.runs.outcomes import Outcome, outcomes_of, seconds_taken

SHOWN_STATUSES = (*STATUSES, "crashed", "damaged", "unreadable")
COLUMNS = ("run", "status", "started", "took", "what", "over causal", "violation", "holds")
MOST_SHOWN = 3
DAYS = ("%Y-%m-%d", "%Y-%m-%d %H:%M")

Command = Annotated[
    list[str] | None,
    typer.Option("--command", autocompletion=among(COMMANDS), help="Only runs of this command; repeat for several."),
]
Status = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        autocompletion=among(SHOWN_STATUSES),
        help=f"Only runs that are {', '.join(SHOWN_STATUSES)}; repeat for several.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="DATE", help='Only runs started then or later (UTC): 2026-11-26 or "2026-11-26 14:05".'),
]
Until = Annotated[
    str | None, typer.Option(metavar="DATE", help="Only runs started then or earlier; a day is all of it.")
]


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


def list_command(
    *,
    command: Command = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """List the runs, newest first: what came out, and how long it took.

    Alpha and cost over the causal bound are medians over the members that did not diverge, violations their means. A
    run that is marked as running but that no process holds shows as crashed; one whose folder this user may not read
    shows as unreadable. Times are UTC; of a start that was killed nobody knows how long it took.
    """
    wanted = _wanted(command, status, since, until)
    found = [run for path in list_runs(results) if wanted(run := _listed(path))]
    outcomes = [_outcomes(run) for run in found]
    if as_json:
        print_json({"runs": [_facts(*each) for each in zip(found, outcomes, strict=True)]})
    elif found:
        print_table(COLUMNS, [_told(*each) for each in zip(found, outcomes, strict=True)])
    elif any(given is not None for given in (command, status, since, until)):
        OUTPUT.note(f"no such runs under {results}/")
    else:
        OUTPUT.note(f"no runs under {results}/ yet; next: mamo solve-offline")


def _wanted(
    commands: Sequence[str] | None, statuses: Sequence[str] | None, since: str | None, until: str | None
) -> Callable[[Listed], bool]:
    """Whether a run is asked for; one that does not say what a filter asks about is not.

    Raises:
        UsageError: there is no such command, status or date.
    """
    for option, given, known in (("--command", commands, tuple(COMMANDS)), ("--status", statuses, SHOWN_STATUSES)):
        for name in given or ():
            if name not in known:
                raise UsageError(f"{option} is one of {', '.join(known)}, got {name!r}")
    for option, day in (("--since", since), ("--until", until)):
        if day is not None and not _is_day(day):
            raise UsageError(f'{option} is a date such as 2026-11-26 or "2026-11-26 14:05", got {day!r}')

    def wanted(run: Listed) -> bool:
        started = run.minute or ""
        return (
            (not commands or run.command in commands)
            and (not statuses or run.status in statuses)
            and (since is None or started[: len(since)] >= since)
            and (until is None or "" < started[: len(until)] <= until)
        )

    return wanted


def _is_day(text: str) -> bool:
    for form in DAYS:
        try:
            if datetime.strptime(text, form).strftime(form) == text:
                return True
        except ValueError:
            continue
    return False


def _listed(path: Path) -> Listed:
    try:
        manifest = read_manifest(path)
        return Listed(path, manifest["status"], manifest, *seconds_taken(manifest))
    except DataError as error:
        OUTPUT.warn(str(error))
        return Listed(path, "unreadable" if isinstance(error, UnreadableError) else "damaged", {})


def _outcomes(run: Listed) -> list[Outcome]:
    """What came out of a run; nothing, with the reason told, where it cannot be read."""
    try:
        return outcomes_of(run.path, run.manifest) if run.manifest else []
    except MamoError as error:
        OUTPUT.warn(str(error))
        return []


def _facts(run: Listed, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    started, told = run.manifest.get("started"), [one._asdict() for one in outcomes]
    facts = {"run": run.path.name, "command": run.command, "status": run.status, "started": started}
    return {**facts, "seconds": run.seconds, "all_seconds_known": run.whole, "outcomes": told}


def _told(run: Listed, outcomes: Sequence[Outcome]) -> list[str | None]:
    """A run's line of the table."""
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
