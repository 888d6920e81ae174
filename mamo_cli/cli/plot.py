"""`mamo plot`: figures from runs' CSVs."""

from typing import Annotated

import typer

from mamo_cli.cli.console import print_json, print_lines
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import UsageError
from mamo_cli.runs.manifest import RESULTS


def plot(
    run: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Runs to draw.  [default: the newest complete run of each kind]"),
    ] = None,
    *,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Draw a run's figures from its CSVs.

    They are written into its folder as PNG, SVG and PDF, each with the plotted numbers beside it.
    """
    from mamo_cli.cli.runs import find_run, newest_complete
    from mamo_cli.plots.draw import draw_runs

    folders = [find_run(name, results) for name in run] if run else list(newest_complete(results).values())
    if not folders:
        raise UsageError(f"no complete run under {results}/ to draw; next: mamo solve-offline")
    files = [str(path) for path in draw_runs(folders)]
    if as_json:
        print_json({"files": files})
        return
    print_lines(files)
    OUTPUT.note(f"{len(files)} files drawn")
