"""`mamo runs`: what is under results/."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mamo_cli.cli.console import print_facts, print_json, print_table
from mamo_cli.cli.options import AsJson
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import DataError, UsageError

RESULTS = Path("results")
COLUMNS = ("run", "command", "status", "started")

Run = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run under results/, or its folder.")]
Newest = Annotated[str | None, typer.Argument(metavar="[RUN]", help="Name or folder of a run.  [default: the newest]")]


def list_command(*, as_json: AsJson = False) -> None:
    """List the runs, newest first.

    A run that is marked as running but that no process holds shows as crashed.
    """
    from mamo_cli.runs.manifest import list_runs, read_manifest

    rows = []
    for path in list_runs(RESULTS):
        try:
            manifest = read_manifest(path)
            rows.append([path.name, manifest["command"], manifest["status"], manifest.get("started")])
        except DataError as error:
            OUTPUT.warn(str(error))
            rows.append([path.name, None, "damaged", None])
    if as_json:
        print_json({"runs": [dict(zip(COLUMNS, row, strict=True)) for row in rows]})
    elif rows:
        print_table(("run", "status", "started"), [[run, status, _minute(started)] for run, _, status, started in rows])
    else:
        OUTPUT.note("no runs under results/ yet; next: mamo solve-offline")


def show(run: Newest = None, *, as_json: AsJson = False) -> None:
    """Show a run's status, command line and files."""
    from mamo_cli.runs.manifest import list_runs, read_manifest

    newest = list_runs(RESULTS)[:1]
    if run is None and not newest:
        raise UsageError("no run under results/ to show; next: mamo solve-offline")
    path = newest[0] if run is None else find_run(run)
    manifest = read_manifest(path)
    files = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    if as_json:
        print_json({"run": str(path), **manifest, "files": files})
        return
    shown = ("command", "status", "started", "ended", "config_digest")
    facts: dict[str, Any] = {"run": str(path), **{str(key): manifest.get(key) for key in shown}}
    typed = shlex.join(["mamo", *map(str, manifest.get("argv", []))])
    print_facts({**facts, "command line": typed, "files": ", ".join(files)})


def rm(
    run: Run, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: AsJson = False
) -> None:
    """Delete a run folder under results/."""
    from mamo_cli.runs.folder import remove_run

    path = find_run(run)
    if path.parent.resolve() != RESULTS.resolve():
        raise UsageError(f"{path} is not under results/: only runs there are deleted")
    if not (yes or _agreed(path)):
        raise UsageError(f"{path} was not deleted: answer y, or pass --yes")
    remove_run(path)
    if as_json:
        print_json({"deleted": str(path)})
    OUTPUT.note(f"deleted {path}")


COMMANDS = {"list": list_command, "show": show, "rm": rm}


def find_run(run: str) -> Path:
    """The folder of a run given by name under results/ or by path.

    Raises:
        UsageError: there is no such run.
    """
    from mamo_cli.runs.folder import RUN_NAME
    from mamo_cli.runs.manifest import NAME

    named = RESULTS / run
    if RUN_NAME.fullmatch(run) and (named / NAME).is_file():
        return named
    if (Path(run) / NAME).is_file():
        return Path(run)
    raise UsageError(f"no run {run!r} under results/: see mamo runs list")


def newest_complete() -> dict[str, Path]:
    """The newest complete run of each command."""
    from mamo_cli.runs.manifest import list_runs, read_manifest

    newest: dict[str, Path] = {}
    for path in list_runs(RESULTS):
        try:
            manifest = read_manifest(path)
        except DataError as error:
            OUTPUT.warn(str(error))
            continue
        if manifest["status"] == "complete":
            newest.setdefault(manifest["command"], path)
    return newest


def _agreed(path: Path) -> bool:
    print(f"delete {path}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _minute(started: str | None) -> str | None:
    return None if started is None else started[:16].replace("T", " ")
