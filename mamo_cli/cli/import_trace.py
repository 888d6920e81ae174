"""`mamo import`: real traces into the trace schema."""

from pathlib import Path
from typing import Annotated

import typer

from mamo_cli.cli.generate import Force, Out, report_trace
from mamo_cli.cli.options import AsJson
from mamo_cli.core.errors import UsageError


def import_command(
    file: Annotated[Path, typer.Argument(help="The log or table to import.")],
    *,
    format_name: Annotated[
        str,
        typer.Option("--format", help="azure-2019 (invocations a minute), requests (a timestamp a request) or wide."),
    ],
    step_seconds: Annotated[float, typer.Option(help="Length of a control period, s.")] = 300.0,
    function: Annotated[
        list[str] | None, typer.Option(help="Function to keep, by name or prefix; repeat for several.  [default: all]")
    ] = None,
    forecast: Annotated[
        str, typer.Option(help="What a controller expects: persistence (the period before) or perfect.")
    ] = "persistence",
    scale_to_peak: Annotated[
        float | None, typer.Option(help="Rescale so that the total rate peaks at this, requests/s.")
    ] = None,
    scale_to_mean: Annotated[
        float | None, typer.Option(help="Rescale so that the total rate has this mean, requests/s.")
    ] = None,
    time_column: Annotated[str | None, typer.Option(help="Column of the timestamps (requests) or rows' times.")] = None,
    where: Annotated[str | None, typer.Option(help="Keep only rows with COLUMN=VALUE (wide).")] = None,
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Import a real trace.

    How it was made is recorded in its comment lines.
    """
    from mamo_cli.workload.importers import import_trace

    column, equals, value = (where or "").partition("=")
    if where is not None and not equals:
        raise UsageError(f"--where takes COLUMN=VALUE, got {where!r}")
    trace = import_trace(
        file,
        format_name,
        step_seconds=step_seconds,
        functions=function,
        forecast=forecast,
        scale_to_peak=scale_to_peak,
        scale_to_mean=scale_to_mean,
        time_column=time_column,
        where=(column, value) if where else None,
    )
    report_trace(trace, out or Path("traces") / f"{file.stem}.csv", force, as_json)
