"""`mamo plot`: figures from runs' CSVs."""

from pathlib import Path
from typing import Annotated

import typer

from mamo_cli.cli.completing import run_names
from mamo_cli.cli.console import print_json, print_lines
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import StorageError
from mamo_cli.runs.manifest import RESULTS


def plot(
    run: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=run_names,
            help="Runs to draw.  [default: the newest complete run of each kind]",
        ),
    ] = None,
    *,
    results: Results = RESULTS,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to draw into.  [default: figures/ of each run]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw runs' figures from their CSVs, and what several have in common.

    They are written as PNG, SVG and PDF, each with the plotted numbers beside it. Runs that answer to the same exact
    optimum are also drawn over one another, in the folder of the one that learned most; of several, each has a folder
    of its name in DIR.
    """
    from mamo_cli.cli.runs import runs_to_show
    from mamo_cli.plots.draw import draw_runs

    folders = runs_to_show(run, results, "draw")
    try:
        files = [str(path) for path in draw_runs(folders, out)]
    except StorageError as error:
        raise error if out else StorageError(f"{error}, or draw elsewhere with --out") from error
    if as_json:
        print_json({"files": files})
        return
    print_lines(files)
    OUTPUT.note(f"{len(files)} files drawn")
