"""What the cost over the clairvoyant bound is made of, a bar a run."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.analysis.decomposition_tables import TOTAL
from mamo_cli.analysis.frontier_tables import RUN
from mamo_cli.analysis.tolerances import LEAST_TOLERANCE
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import legend_below, shortened, spoken
from mamo_cli.plots.style import EXACT, GREY, INK, LEARNT, MARK, SECOND, SINGLE_COLUMN

COLOURS = dict(zip(TERMS, (GREY, "#56B4E9", LEARNT, "#E69F00", MARK, SECOND, "#F0E442"), strict=True))
BOUGHT = "////"
"""The hatching of a term that lowers cost by violating more than is allowed."""

BAR, LONGEST_LABEL, LEAST = 0.62, 16, 0.005
"""A bar's thickness, characters of a run's name beside it, and percent below which a term is not there."""


def draw_decomposition(table: pd.DataFrame, words: Words) -> Figure:
    """Terms stacked from 0, those that save cost to the left; a diamond where they end, with its interval."""
    runs = list(table[RUN].unique())
    figure = Figure(figsize=(SINGLE_COLUMN, 1.75 + 0.45 * len(runs)), layout="constrained")
    axes = figure.add_subplot()
    axes.use_sticky_edges = False
    for place, run in enumerate(runs):
        _bar(axes, table[table[RUN] == run], place)
    axes.axvline(0.0, color=EXACT, linestyle=":")
    axes.set_yticks(range(len(runs)), _labels(table, runs))
    axes.set_ylim(len(runs) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Cost over the clairvoyant bound (%)")
    ends = axes.secondary_yaxis("right")
    ends.set_yticks(range(len(runs)), [_violation(table[table[RUN] == run], words) for run in runs])
    ends.tick_params(length=0)
    ends.spines["right"].set_visible(False)
    allowed = f"{'on average ' if LEAST_TOLERANCE in table else ''}{table['tolerance'].iloc[0]:g}"
    figure.suptitle(f"What the cost is made of; right: mean {spoken(words.violations[0])},\nallowed {allowed}")
    legend_below(figure, _keys(table), columns=2)
    return figure


def _bar(axes: Axes, rows: pd.DataFrame, place: int) -> None:
    ends = {True: 0.0, False: 0.0}
    for _, row in rows[(rows["stage"] != TOTAL) & rows["percent"].notna()].iterrows():
        adds = bool(row["percent"] > 0)
        style: dict[str, Any] = {"facecolor": COLOURS[row["stage"]], "edgecolor": "white", "linewidth": 0.4}
        axes.barh(place, row["percent"], BAR, ends[adds], hatch=BOUGHT if row["bought"] and not adds else None, **style)
        ends[adds] += row["percent"]
    total = rows[rows["stage"] == TOTAL].iloc[0]
    axes.plot([total["low"], total["high"]], [place] * 2, color=INK, linewidth=0.9)
    axes.plot([total["percent"]], [place], color=INK, marker="D", markersize=4, markeredgecolor="white")


def _labels(table: pd.DataFrame, runs: Sequence[str]) -> list[str]:
    """A run by its strategy and readout, or by its name where that tells no two of them apart."""
    first = table.drop_duplicates(RUN)
    named = [f"{strategy}\n{readout}" for strategy, readout in zip(first["strategy"], first["readout"], strict=True)]
    return named if len(set(named)) == len(runs) else [shortened(run, LONGEST_LABEL) for run in runs]


def _violation(rows: pd.DataFrame, words: Words) -> str:
    """What a run's seeds violate in the end, and how many of them hold the limit."""
    total = rows[rows["stage"] == TOTAL].iloc[0]
    seeds, all_seeds = int(total["seeds"]), int(total["seeds_total"])
    lost = "" if seeds == all_seeds else f",\n{all_seeds - seeds} diverged"
    return f"{total['violation']:.3g}\n{int(total['seeds_holding'])} of {seeds} hold{lost}"


def _keys(table: pd.DataFrame) -> list[Patch | Line2D]:
    drawn = [term for term in TERMS if (table.loc[table["stage"] == term, "percent"].abs() > LEAST).any()]
    marked = table[table["stage"] != TOTAL]
    bought = bool(((marked["bought"] > 0) & (marked["percent"] < -LEAST)).any())
    return [
        *(Patch(facecolor=COLOURS[term], label=term) for term in drawn),
        *([Patch(facecolor="white", edgecolor=INK, hatch=BOUGHT, label="bought by violation")] if bought else []),
        Line2D([], [], color=INK, marker="D", markersize=4, label="IQM, 95 % interval"),
    ]
