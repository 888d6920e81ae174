"""`mamo runs`: what is under results/."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mamo_cli.cli.completing import run_names
from mamo_cli.cli.console import print_facts, print_json
from mamo_cli.cli.options import AsJson, Results, elsewhere
from mamo_cli.cli.output import OUTPUT
from mamo_cli.cli.runs_compare import print_two_runs
from mamo_cli.cli.runs_list import list_command
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.runs.manifest import RESULTS

Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", autocompletion=run_names, help="Names of runs under results/, or their folders."),
]
Newest = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", autocompletion=run_names, help="Name or folder of a run.  [default: the newest]"),
]


def show(run: Newest = None, *, results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Show a run's status, what it took, its command line and files."""
    from mamo_cli.runs.ledger import told as told_energy
    from mamo_cli.runs.manifest import list_runs, read_manifest

    newest = list_runs(results)[:1]
    if run is None and not newest:
        raise UsageError(f"no run under {results}/ to show; next: mamo solve-offline")
    path = newest[0] if run is None else find_run(run, results)
    manifest = read_manifest(path)
    files = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    if as_json:
        print_json({"run": str(path), **manifest, "files": files})
        return
    shown = ("command", "status", "started", "ended", "config_digest")
    facts: dict[str, Any] = {"run": str(path), **{str(key): manifest.get(key) for key in shown}}
    typed = shlex.join(["mamo", *map(str, manifest.get("argv", []))])
    print_facts({**facts, "energy": told_energy(manifest), "command line": typed, "files": ", ".join(files)})


def rm(
    run: Runs,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Delete run folders under results/."""
    from mamo_cli.runs.folder import remove_run

    paths = list(dict.fromkeys(find_run(name, results) for name in run))
    for path in paths:
        if path.parent.resolve() != results.resolve():
            raise UsageError(f"{path} is not under {results}/: only runs there are deleted")
    named = ", ".join(map(str, paths))
    if not (yes or _agreed(named)):
        raise UsageError(f"{named} {'was' if len(paths) == 1 else 'were'} not deleted: answer y, or pass --yes")
    for path in paths:
        remove_run(path)
        OUTPUT.note(f"deleted {path}")
    if as_json:
        print_json({"deleted": [str(path) for path in paths]})


def compare(
    run: Annotated[str, typer.Argument(metavar="RUN", autocompletion=run_names, help="Name or folder of a run.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", autocompletion=run_names, help="Name or folder of another.")],
    *,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Compare two runs: what was asked for, what made them, and what came out.

    Numbers are means over the seeds that did not diverge, with 95 % bootstrap intervals; the difference is that of
    OTHER less RUN over the seeds that both have. Of a run with agents and one of `mamo baselines` on the same problem:
    what the agents save, and after how many hours that has paid for their training.
    """
    from mamo_cli.experiments.two_runs import two_runs

    paths = find_run(run, results), find_run(other, results)
    print_two_runs(two_runs(*paths), paths, as_json)


COMMANDS = {"list": list_command, "show": show, "compare": compare, "rm": rm}


def find_run(run: str, results: Path) -> Path:
    """The folder of a run given by name under the results folder or by path.

    Raises:
        UsageError: there is no such run.
    """
    from mamo_cli.runs.folder import RUN_NAME
    from mamo_cli.runs.manifest import is_run, list_runs

    named = results / run
    if RUN_NAME.fullmatch(run) and (is_run(named) or named in list_runs(results)):
        return named
    if is_run(Path(run)):
        return Path(run)
    raise UsageError(f"no run {run!r} under {results}/: see mamo runs list{elsewhere(results)}")


def runs_to_show(names: Sequence[str] | None, results: Path, doing: str) -> list[Path]:
    """The folders of some runs by name or path; without any, the newest complete run of each command.

    One that is named twice is there once.

    Raises:
        UsageError: there is no such run, or none at all to be `doing` with.
    """
    folders = [find_run(name, results) for name in names] if names else list(newest_complete(results).values())
    if not folders:
        raise UsageError(f"no complete run under {results}/ to {doing}; next: mamo solve-offline")
    return list({folder.resolve(): folder for folder in reversed(folders)}.values())[::-1]


def newest_complete(results: Path) -> dict[str, Path]:
    """The newest complete run of each command."""
    from mamo_cli.runs.manifest import list_runs, read_manifest

    newest: dict[str, Path] = {}
    for path in list_runs(results):
        try:
            manifest = read_manifest(path)
        except DataError as error:
            OUTPUT.warn(str(error))
            continue
        if manifest["status"] == "complete":
            newest.setdefault(manifest["command"], path)
    return newest


def _agreed(named: str) -> bool:
    print(f"delete {named}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
