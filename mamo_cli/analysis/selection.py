"""Which agents and alphas a figure has room for: of many, some, evenly from the worst to the best."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mamo_cli.analysis.run_tables import AGENT

MOST_PANELS = 24
"""Six rows of four: a page."""

MOST_ALPHAS_BESIDE = 4
"""So many alphas of an agent stand beside one another before agents are left out for them."""

NAMED_ALPHAS = 12
"""Up to here each alpha has a line in a legend and a tick of its own; beyond, they are places on a scale."""

AGENTS_TOTAL, ALPHAS_TOTAL = "agents_total", "alphas_total"
"""Columns of a table from which some were left out: how many there were."""


class Selection(NamedTuple):
    """Rows that are drawn, and how many agents and alphas there were where some are not."""

    rows: pd.DataFrame
    totals: dict[str, int]


def fitting(rows: pd.DataFrame, violation: str, panels: int, by_alpha: bool = False) -> Selection:
    """The rows of as many agents, and alphas, as a figure has room for.

    Of too many agents those are taken that stand evenly among all in the order of their mean violation, the worst and
    the best among them; of too many alphas, likewise in their own order.

    Args:
        rows: A run's table with columns `agent`, `violation` and, by alpha, `alpha`.
        violation: The column that agents are ordered by.
        panels: That each agent takes, or each agent at an alpha.
        by_alpha: Whether each alpha has panels of its own.
    """
    room = MOST_PANELS // panels
    order = rows.groupby(AGENT)[violation].mean().sort_values(kind="stable").index.to_numpy()
    alphas = np.unique(rows["alpha"]) if by_alpha else np.zeros(1)
    agents = evenly(order, room // min(len(alphas), MOST_ALPHAS_BESIDE))
    kept = evenly(alphas, room // len(agents))
    totals = {}
    if len(agents) < len(order):
        totals[AGENTS_TOTAL] = len(order)
    if len(kept) < len(alphas):
        totals[ALPHAS_TOTAL] = len(alphas)
    if not totals:
        return Selection(rows, totals)
    shown = rows[AGENT].isin(agents) & (rows["alpha"].isin(kept) if by_alpha else True)
    return Selection(rows[shown], totals)


def evenly(values: NDArray[Any], most: int) -> NDArray[Any]:
    """At most so many of the values, at even distances in their order, the first and the last among them."""
    if len(values) <= most:
        return values
    kept: NDArray[Any] = values[np.linspace(0, len(values) - 1, most).round().astype(int)]
    return kept
