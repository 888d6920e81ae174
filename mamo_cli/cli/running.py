"""What the commands that make a run share: what they are told from the command line, and what they say."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mamo_cli.cli.console import print_json, print_told
from mamo_cli.cli.options import elsewhere
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.settings import read_toml
from mamo_cli.experiments.session import Outcome, Place
from mamo_cli.runs.ledger import told as told_energy
from mamo_cli.runs.manifest import read_manifest


def layers(config_file: Path | None, overrides: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The layers a configuration is filled from: the TOML file, then the command line."""
    return [*([read_toml(config_file)] if config_file else []), overrides]


def starting(run: str | None, results: Path) -> list[Mapping[str, Any]]:
    """The layer that says what members begin with: a run by name or folder, or the file that a run keeps.

    Raises:
        UsageError: there is no such run.
    """
    from mamo_cli.cli.runs import find_run

    if run is None:
        return []
    return [{"start": run if Path(run).is_file() else str(find_run(run, results))}]


def place(results: Path, name: str | None, fresh: bool) -> Place:
    """Where a run is kept, and the command line for the record."""
    return Place(results, name, fresh, argv=sys.argv[1:], whole_process=True)


def finish(outcome: Outcome, content: Mapping[str, Any], as_json: bool) -> None:
    """Say what came out, where it is and what to do next: tables where no JSON is wanted."""
    from mamo_cli.analysis.told import tables_of

    if as_json:
        print_json({"run": str(outcome.path), "status": outcome.status, **content})
        return
    for told in tables_of(outcome.path, outcome.summary):
        print_told(told)
    if (energy := told_energy(read_manifest(outcome.path))) is not None:
        OUTPUT.note(f"energy: {energy}")
    OUTPUT.note(f"run folder: {outcome.path}\nnext: mamo plot {outcome.path.name}{elsewhere(outcome.path.parent)}")
