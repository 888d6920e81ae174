"""What the mean violations of a run may be: of all agents, or of each its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from mamo_cli.analysis.run_tables import AGENT, read_run_table, read_words

AGENTS = "agents.csv"
"""The table of what each agent brings beside its own limits, where there are several agents."""

LEAST_TOLERANCE, GREATEST_TOLERANCE = "least_tolerance", "greatest_tolerance"
"""Columns of a table of means over agents whose tolerances are not the same."""


class Tolerances(NamedTuple):
    """One for each violation, in the order of the domain."""

    mean: tuple[float, ...]  # over agents: that of each where all are the same
    own: Mapping[str, tuple[float, ...]]  # by agent; empty where all are the same

    @property
    def shown(self) -> str:
        """In a sentence."""
        each = [", ".join(f"{one:g}" for one in own) for own in self.own.values()]
        return "; ".join(each or [", ".join(f"{one:g}" for one in self.mean)])

    def beside_means(self) -> dict[str, float]:
        """Columns of a table of means over agents, of the first violation."""
        apart = [each[0] for each in self.own.values()]
        return {
            "tolerance": self.mean[0],
            **({LEAST_TOLERANCE: min(apart), GREATEST_TOLERANCE: max(apart)} if apart else {}),
        }


def read_tolerances(folder: Path) -> Tolerances:
    """Those of a run.

    Raises:
        DataError: `summary.csv`, or `agents.csv` where agents have tolerances of their own, cannot be read.
    """
    names = list(read_words(folder).each("tolerance"))
    common = read_run_table(folder, "summary.csv", names).iloc[0]
    if common.notna().all():
        return Tolerances(tuple(common.tolist()), {})
    table = read_run_table(folder, AGENTS, [AGENT, *names]).drop_duplicates(AGENT).set_index(AGENT)
    own = {str(agent): tuple(each) for agent, *each in table.itertuples()}
    return Tolerances(tuple(table.mean().tolist()), own)


def with_tolerance(table: pd.DataFrame, folder: Path, **others: Any) -> pd.DataFrame:
    """A figure's table with what each row's agent is allowed: of the violation that its quantity is of, or the first.

    Args:
        table: with a column `agent`, and `quantity` where rows are of several.
        folder: the run.
        others: further columns.

    Raises:
        DataError: see `read_tolerances`.
    """
    allowed, words = read_tolerances(folder), read_words(folder)
    if not allowed.own and len(words.violations) == 1:
        return table.assign(tolerance=allowed.mean[0], **others)
    places = {one.name: place for place, one in enumerate(words.violations)}
    named = table["quantity"] if "quantity" in table else pd.Series("", table.index)
    rows = [
        allowed.own.get(agent, allowed.mean)[places.get(name.removeprefix("mean_").removeprefix("eval_"), 0)]
        for agent, name in zip(table[AGENT], named, strict=True)
    ]
    return table.assign(tolerance=rows, **others)
