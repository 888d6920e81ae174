"""What a shell may offer to complete a word with: names of runs, and what options may be. Nothing heavy is imported."""

from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from mamo_cli.runs.manifest import RESULTS, list_runs

VARIABLE = "_MAMO_COMPLETE"
"""In the environment of a command that a shell asks for completions."""


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Runs under the results folder that the line names, or the usual one."""
    results = ctx.params.get("results") or RESULTS
    return [path.name for path in list_runs(Path(str(results))) if path.name.startswith(incomplete)]


def among(names: Iterable[str]) -> Callable[[str], list[str]]:
    """A completion by some names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete
