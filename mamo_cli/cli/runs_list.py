"""`mamo runs list`: what is under results/, what came out, and how long it took."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mamo_cli.cli.commands import COMMANDS
from mamo_cli.cli.completing import among
from mamo_cli.cli.console import print_json, print_table
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import DataError, MamoError, UsageError
from mamo_cli.runs.listed import COLUMNS, Listed, line_of
from mamo_cli.runs.manifest import RESULTS, STATUSES, UnreadableError, list_runs, read_manifest
from mamo_cli.runs.outcomes import Outcome, outcomes_of, seconds_taken

SHOWN_STATUSES = (*STATUSES, "crashed", "damaged", "unreadable")
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
        print_table(COLUMNS, [line_of(*each) for each in zip(found, outcomes, strict=True)])
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
    return {
        **facts,
        "seconds": run.seconds,
        "all_seconds_known": run.whole,
        "energy": run.manifest.get("energy"),
        "outcomes": told,
    }
