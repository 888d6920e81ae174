"""The `mamo` command: its sub-commands, and one place where errors become exit codes."""

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from mamo_cli import __version__
from mamo_cli.cli.commands import Commands
from mamo_cli.cli.completing import VARIABLE
from mamo_cli.cli.messages import Quiet, Verbose
from mamo_cli.cli.output import LOGGER, OUTPUT
from mamo_cli.cli.stdout import STDOUT
from mamo_cli.core.errors import MamoError
from mamo_cli.core.faults import fault
from mamo_cli.core.storage import reason
from mamo_cli.runs import logs
from mamo_cli.runs.manifest import RESULTS
from mamo_cli.runs.stopping import STOP, Stopped

COMPLETION = ("--show-completion", "--install-completion")
NO_DETECTION = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"
"""In the environment where these two are to take a shell's name, which Typer otherwise leaves unread."""

INTERRUPTED = 128 + signal.SIGINT
DISK = 8

app = typer.Typer(
    name="mamo",
    cls=Commands,
    help="Constrained reinforcement learning by weight adaptation, beside the exact optimum.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"mamo {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    quiet: Quiet = False,
    verbose: Verbose = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take in the options before the command's name."""
    OUTPUT.want(quiet=quiet, verbose=verbose)


def main() -> None:
    """Run the command line; every expected error is one line on stderr and its exit code."""
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if any(word in COMPLETION for word in sys.argv[1:-1]):
        os.environ[NO_DETECTION] = "1"
    with OUTPUT.speaking():
        try:
            with STOP.listening():
                code = _outcome()
        except Stopped as stopped:
            OUTPUT.alert(_farewell(stopped))
            raise
        finally:
            _let_go_of_stdout()
    sys.exit(code)


def _outcome() -> int:
    """Run the command line; returns the exit code."""
    try:
        code = app(standalone_mode=False)
        with STDOUT.data():  # what the command line's own parser wrote, such as a help page
            return code if isinstance(code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # who reads our output has seen enough
        return 0
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # what typer and rich make of it
            return 0
        raise
    except Exception as error:
        if STOP.number is not None:  # what a signal cut short may end in any error
            raise Stopped(STOP.number) from error
        if VARIABLE in os.environ:  # a line that makes no sense yet has no completions
            return 0
        return _explained(error)


def _farewell(stopped: Stopped) -> str:
    """What is said where a signal stopped the command, and how it goes on: a folder made by --fresh must be named."""
    if stopped.run is None:
        return f"mamo: stopped by {stopped.signal_name}"
    words = sys.argv[1:]
    if "--fresh" in words:
        words = [*(word for word in words if word != "--fresh"), "--name", stopped.run.name]
    resume = shlex.join(["mamo", *words])
    return f"mamo: stopped by {stopped.signal_name}; {stopped.run} keeps what is saved. Resume with: {resume}"


def _open_standard_streams() -> None:
    """Give a daemon, which may have none, its three streams: else the next files that are opened take their places."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for as long as the process lives


def _let_go_of_stdout() -> None:
    """What could not be written, and was told of, must not fail once more at exit."""
    for stream in filter(None, (sys.stdout, sys.__stdout__)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _explained(error: Exception) -> int:
    """Say in a line what went wrong; returns the exit code for it."""
    if isinstance(error, MamoError):
        OUTPUT.alert(f"mamo: {error}")
        return error.exit_code
    if hasattr(error, "format_message"):  # the command line could not be parsed
        message = error.format_message()
        OUTPUT.alert(message if message.startswith("Usage:") else f"mamo: {message}")
        return int(getattr(error, "exit_code", 2))
    if isinstance(error, OSError):
        OUTPUT.alert(f"mamo: {f'{error.filename}: ' if error.filename else ''}{reason(error)}")
        return DISK
    return _report_bug(error)


def _report_bug(error: Exception) -> int:
    """Keep the traceback of a bug outside any run in the results folder's log.txt."""
    from mamo_cli.cli.options import value_of

    log = Path(value_of("--results", sys.argv) or RESULTS) / logs.NAME
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with logs.log_to(log):
            LOGGER.debug("bug", exc_info=error)
        where = f"traceback in {log}"
    except (OSError, MamoError):
        where = "run it again with -v for the traceback"
    OUTPUT.alert(f"mamo: {fault(error)} ({where})")
    return 1


if __name__ == "__main__":
    main()
