"""`mamo runs`: what is under results/."""

from pathlib import Path
from typing import Annotated

import typer

from mamo_cli.cli.console import OUTPUT, print_json, print_table
from mamo_cli.errors import UsageError

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="Name or folder of a run.")]


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the runs, newest first, with their status; a crashed one shows as such."""
    from mamo_cli.runs.folder import list_runs, read_manifest

    rows = []
    for path in list_runs(Path("results")):
        manifest = read_manifest(path)
        rows.append([path.name, manifest["command"], manifest["status"], manifest.get("started", "")])
    columns = ("run", "command", "status", "started")
    if as_json:
        print_json({"runs": [dict(zip(columns, row, strict=True)) for row in rows]})
    elif rows:
        print_table(columns, rows)
    else:
        OUTPUT.note("no runs under results/ yet; next: mamo solve-offline")


@app.command()
def show(run: Run, as_json: AsJson = False) -> None:
    """Show a run's status, its command line, and its files."""
    from mamo_cli.runs.folder import read_manifest

    path = find_run(run)
    manifest = read_manifest(path)
    files = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    if as_json:
        print_json({"run": str(path), **manifest, "files": files})
        return
    facts = [(key, manifest[key]) for key in ("command", "status", "started", "ended", "config_digest") if key in manifest]
    facts += [("command line", " ".join(["mamo", *manifest.get("argv", [])])), ("files", ", ".join(files))]
    print_table(("", "value"), facts)


@app.command()
def rm(
    run: Run, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete a run folder."""
    from mamo_cli.runs.folder import remove_run

    path = find_run(run)
    if not yes:
        typer.confirm(f"delete {path}?", abort=True, err=True)
    remove_run(path)
    OUTPUT.note(f"deleted {path}")


def find_run(run: str) -> Path:
    """The folder of a run given by name under results/ or by path.

    Raises:
        UsageError: there is no such run.
    """
    from mamo_cli.runs.folder import NAME

    named = Path("results") / run
    if NAME.fullmatch(run) and (named / "run.json").is_file():
        return named
    if (Path(run) / "run.json").is_file():
        return Path(run)
    raise UsageError(f"no run {run!r} under results/: see mamo runs list")
