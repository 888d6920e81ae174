"""`mamo import`: real traces into the trace schema."""

import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamo_cli.cli.generate import Force, Out, report_trace
from mamo_cli.cli.options import AsJson
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from mamo_cli.workload.choices import ChoiceError
    from mamo_cli.workload.options import Options

_FORMATS = (
    "auto, azure-2019, azure-2021, azure-llm, huawei-2023, alibaba-msrtqps, burstgpt, mooncake, cloudwatch, "
    "prometheus, grafana, influxdb, access-log, k6, locust, jmeter, hey, requests, wide"
)


def import_command(
    file: Annotated[
        list[Path], typer.Argument(help="The log or table to import; several are one workload (days, windows).")
    ],
    *,
    format_name: Annotated[str, typer.Option("--format", help=f"What the file is: {_FORMATS}.")] = "auto",
    step_seconds: Annotated[
        float | None,
        typer.Option(help="Length of a control period, s.  [default: 300, or the rows' own spacing where wider]"),
    ] = None,
    function: Annotated[
        list[str] | None, typer.Option(help="Function to keep, by name or prefix; repeat for several.  [default: all]")
    ] = None,
    busiest: Annotated[int | None, typer.Option(help="Keep so many functions, those with most requests.")] = None,
    forecast: Annotated[
        str, typer.Option(help="What a controller expects: persistence (the period before) or perfect.")
    ] = "persistence",
    scale_to_peak: Annotated[
        float | None, typer.Option(help="Rescale so that the total rate peaks at this, requests/s.")
    ] = None,
    scale_to_mean: Annotated[
        float | None, typer.Option(help="Rescale so that the total rate has this mean, requests/s.")
    ] = None,
    time_column: Annotated[str | None, typer.Option(help="Column with the time of a row.")] = None,
    time_unit: Annotated[str | None, typer.Option(help="Unit of times that are numbers: s, ms, us or ns.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Form of dates, as %d/%m/%Y %H:%M.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of dates that have none, as Europe/Rome.")] = None,
    values: Annotated[
        str | None,
        typer.Option(
            help="What values are: rate (requests/s), count (a period), counter (since a start), requests (a row each)."
        ),
    ] = None,
    function_column: Annotated[
        list[str] | None, typer.Option(help="Column that tells functions apart; repeat for several.")
    ] = None,
    value_column: Annotated[
        str | None, typer.Option(help="Column of the values, where each row is of one function.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Keep only rows with COLUMN=VALUE; repeat for several, all must hold.")
    ] = None,
    fill: Annotated[
        str | None, typer.Option(help="What stands for missing values: zero, hold (the one before) or refuse.")
    ] = None,
    separator: Annotated[str | None, typer.Option(help="What separates cells: one character, or tab.")] = None,
    decimal: Annotated[str | None, typer.Option(help="Point of numbers: point or comma.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would come out; write nothing.")] = False,
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Import a real trace.

    What the file was taken for, and what came of it, is shown; how the trace was made is recorded in its comment lines.
    """
    from mamo_cli.workload.choices import ChoiceError
    from mamo_cli.workload.importers import import_trace
    from mamo_cli.workload.options import Options

    options = Options(
        format=format_name,
        step_seconds=step_seconds,
        function=tuple(function or ()),
        busiest=busiest,
        forecast=forecast,
        scale_to_peak=scale_to_peak,
        scale_to_mean=scale_to_mean,
        separator={"tab": "\t", r"\t": "\t"}.get(separator or "", separator),
        decimal={"comma": ",", "point": "."}.get(decimal or "", decimal),
        time_column=time_column,
        time_unit=time_unit,
        time_format=time_format,
        timezone=timezone,
        values=values,
        function_column=tuple(function_column or ()),
        value_column=value_column,
        where=tuple(_condition(text) for text in where or ()),
        fill=fill,
    )
    try:
        with _progress(file):
            trace, preview = import_trace(file, options)
    except ChoiceError as choice:
        raise _with_commands(choice, file, options) from choice
    for line in preview.lines():
        OUTPUT.note(line)
    target = None if dry_run else out or Path("traces") / f"{Path(file[0].name.removesuffix('.gz')).stem}.csv"
    report_trace(trace, target, force, as_json, {"preview": asdict(preview)} if as_json else {})


@contextmanager
def _progress(files: list[Path]) -> Iterator[None]:
    """Say that a long reading goes on: the first time after two seconds, then every ten."""
    done = threading.Event()

    def tell() -> None:
        start, wait = time.monotonic(), 2.0
        while not done.wait(wait):
            OUTPUT.note(f"reading {', '.join(one.name for one in files[:3])}: {time.monotonic() - start:.0f} s ...")
            wait = 10.0

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _condition(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--where takes COLUMN=VALUE, got {text!r}")
    return column, value


def _with_commands(choice: "ChoiceError", files: list[Path], options: "Options") -> DataError:
    """The question with whole commands for answers."""
    from mamo_cli.workload.options import AUTO

    answers = []
    for words, outcome in choice.answers:
        asked = replace(options, format=AUTO) if "--format" in words else options
        command = shlex.join(["mamo", "import", *map(str, files), *asked.words(), *words])
        answers.append(f"  {command}" + (f"   ({outcome})" if outcome else ""))
    question = choice.question if choice.question.endswith("?") else f"{choice.question}."
    return DataError([f"{question} Choose:", *answers])
