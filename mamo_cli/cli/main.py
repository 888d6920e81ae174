"""The `mamo` command: its sub-commands, and one place where errors become exit codes."""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from mamo_cli import __version__
from mamo_cli.cli import doctor, evaluate, generate, import_trace, plot, run_mamo, runs, solve_offline, train
from mamo_cli.cli.console import OUTPUT
from mamo_cli.errors import MamoError

app = typer.Typer(
    name="mamo",
    help="Constrained reinforcement learning by weight adaptation, beside the exact optimum.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(generate.app, name="generate", help="Make synthetic workload traces.")
app.command("import")(import_trace.import_command)
app.command("solve-offline")(solve_offline.solve_offline)
app.command("train")(train.train)
app.command("run-mamo")(run_mamo.run_mamo)
app.command("evaluate")(evaluate.evaluate)
app.command("plot")(plot.plot)
app.add_typer(runs.app, name="runs", help="What is under results/.")
app.command("doctor")(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        print(f"mamo {__version__}")
        raise typer.Exit


@app.callback()
def options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave stderr empty on success.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks and debug messages.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command's name."""
    OUTPUT.quiet, OUTPUT.verbose = quiet, verbose


def main() -> None:
    """Run the command line; every expected error is one line on stderr and its exit code."""
    try:
        app()
    except MamoError as error:
        print(f"mamo: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        _report_bug(error)
        sys.exit(1)


def _report_bug(error: Exception) -> None:
    """Keep the traceback in results/log.txt and say so in one line; with -v, show it."""
    log = Path("results") / "log.txt"
    try:
        log.parent.mkdir(exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        OUTPUT.verbose = True  # nowhere else to keep it
    if OUTPUT.verbose:
        traceback.print_exception(error)
    print(f"mamo: a bug of ours: {type(error).__name__}: {error} (traceback in {log})", file=sys.stderr)
