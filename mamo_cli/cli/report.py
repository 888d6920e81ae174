"""`mamo report`: runs as one page."""

from pathlib import Path
from typing import Annotated

import typer

from mamo_cli.cli.completing import run_names
from mamo_cli.cli.console import print_json, print_lines
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.cli.runs import runs_to_show
from mamo_cli.runs.manifest import RESULTS


def report(
    run: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=run_names,
            help="Runs to report.  [default: the newest complete run of each kind]",
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Write runs as one page, to be handed round.

    It is one HTML file without scripts, and asks no network: what was asked, what came out beside the exact answer, the
    figures that `mamo plot` draws, with what is seen in words, and where all of it comes from. The same runs give the
    same bytes.
    """
    from mamo_cli.experiments.report import write_report

    folders = runs_to_show(run, results, "report")
    size = write_report(folders, out, force)
    if as_json:
        print_json({"report": str(out), "bytes": size, "runs": [str(folder) for folder in folders]})
        return
    print_lines([str(out)])
    OUTPUT.note(f"{len(folders)} run{'s' if len(folders) > 1 else ''}, {size / 1e6:.2f} MB: open it in any browser")
