"""What the commands that make a run share: what they are told from the command line, and what they say."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mamo_cli.cli.console import print_json, print_table
from mamo_cli.cli.options import elsewhere
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.settings import read_toml
from mamo_cli.core.words import Words
from mamo_cli.experiments.session import Outcome, Place


def layers(config_file: Path | None, overrides: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The layers a configuration is filled from: the TOML file, then the command line."""
    return [*([read_toml(config_file)] if config_file else []), overrides]


def place(results: Path, name: str | None, fresh: bool) -> Place:
    """Where a run is kept, and the command line for the record."""
    return Place(results, name, fresh, argv=sys.argv[1:])


def print_agents(outcome: Outcome, words: Words, by_alpha: bool = False) -> None:
    """Of several agents, a row each beside its own limits: medians over the members, and how many of them hold.

    By alpha, members at different ones are kept apart.
    """
    from mamo_cli.analysis.run_tables import AGENT, read_run_table
    from mamo_cli.analysis.tolerances import AGENTS

    if not (outcome.path / AGENTS).exists():
        return
    allowed, names = words.each("tolerance"), (*(one.name for one in (*words.measures, *words.violations)), "cost")
    means = [f"mean_{name}" for name in names]
    first = [*(words.each("alpha") if by_alpha else ()), AGENT]
    by = read_run_table(outcome.path, AGENTS, [*first, *allowed, *means, "holds"]).groupby(first, sort=False)
    middle, holds = by[[*allowed, *means]].median().reset_index(), by["holds"].agg(["sum", "count"])
    held = (f"{int(those)} of {int(of)}" for those, of in holds.itertuples(index=False))
    rows = [[*row, hold] for row, hold in zip(middle.itertuples(index=False), held, strict=True)]
    print_table([*first[:-1], words.agent, *allowed, *(f"median {name}" for name in names), "hold"], rows)


def print_measures(outcome: Outcome, words: Words, by_alpha: bool = False) -> None:
    """What an instance measures beyond those of its domain, where it does: medians of the members' means.

    By alpha, members at different ones are kept apart.
    """
    import pandas as pd

    members = pd.DataFrame(outcome.summary)
    known = [f"mean_{one.name}" for one in (*words.measures, *words.violations)]
    others = [name for name in members.columns if name.startswith("mean_") and name not in (*known, "mean_cost")]
    others = [name for name in others if members[name].notna().any()]  # exact answers measure nothing
    if not others:
        return
    names = [f"median {name.removeprefix('mean_').replace('_', ' ')}" for name in others]
    if not by_alpha:
        print_table(names, [members[others].median().tolist()])
        return
    by = members[others].groupby(members["alpha"], sort=False).median()
    print_table(["alpha", *names], [[alpha, *row] for alpha, row in zip(by.index, by.to_numpy().tolist(), strict=True)])


def finish(outcome: Outcome, content: Mapping[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    """Say what came out, where it is and what to do next: `show` prints the table where no JSON is wanted."""
    if as_json:
        print_json({"run": str(outcome.path), "status": outcome.status, **content})
        return
    show()
    OUTPUT.note(f"run folder: {outcome.path}\nnext: mamo plot {outcome.path.name}{elsewhere(outcome.path.parent)}")
