"""`mamo plot`: figures from runs' CSVs."""

from pathlib import Path
from typing import Annotated

import typer

from mamo_cli.cli.console import OUTPUT, print_json
from mamo_cli.errors import UsageError


def plot(
    run: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Runs to draw. Default: the newest complete run of each kind."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Draw a run's figures (PNG, SVG, PDF) into its folder, each with the plotted numbers beside it."""
    from mamo_cli.cli.runs import find_run
    from mamo_cli.plots.draw import draw_runs

    folders = [find_run(name) for name in run] if run else _newest()
    if not folders:
        raise UsageError("no complete run under results/ to draw; next: mamo solve-offline")
    files = [str(path) for path in draw_runs(folders)]
    if as_json:
        print_json({"files": files})
        return
    for file in files:
        print(file)
    OUTPUT.note(f"{len(files)} files drawn")


def _newest() -> list[Path]:
    from mamo_cli.runs.folder import list_runs, read_manifest

    newest: dict[str, Path] = {}
    for path in list_runs(Path("results")):
        manifest = read_manifest(path)
        if manifest["status"] == "complete":
            newest.setdefault(manifest["command"], path)
    return list(newest.values())
