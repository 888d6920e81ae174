"""The exact cost-violation curve over alpha, and where the agents stand beside it."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.analysis.frontier_tables import CURVE, MAMO, TE_AGENT
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import legend_below, mean_label, spoken
from mamo_cli.plots.style import (
    EXACT,
    INK,
    LEARNT,
    SECOND,
    SINGLE_COLUMN,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

LABEL_DISTANCE = 9.0
"""Points of the curve closer than this on paper share one label, in points."""

MARKERS = {
    "step": ("s", INK, "offline optimum, scope step"),
    "average": ("D", INK, "offline optimum, scope average"),
    TE_AGENT: ("o", LEARNT, "TE agents"),
    MAMO: ("^", SECOND, "MAMO's final choices"),
}

FILLED: dict[str, Any] = {"markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.4, "zorder": 3}
HOLLOW: dict[str, Any] = {"markersize": 6.5, "markerfacecolor": "none", "markeredgewidth": 1.0, "zorder": 4}
"""Agents lie on one another and on the exact answers, which must show through."""


def draw_frontier(table: pd.DataFrame, words: Words) -> Figure:
    """Mean cost over mean violation: the curve with its alphas, the offline scopes, one mark for each agent."""
    figure = Figure(figsize=(SINGLE_COLUMN, 3.9), layout="constrained")
    axes = figure.add_subplot()
    tolerance, violation = table["tolerance"].iloc[0], f"mean_{words.violations[0].name}"
    curve = table[table["kind"] == CURVE]
    axes.plot(curve[violation], curve["mean_cost"], color=EXACT, marker=".", markersize=4)
    keys = [Line2D([], [], color=EXACT, marker=".", markersize=4, label="exact optimum over α")]
    for kind, (marker, colour, label) in MARKERS.items():
        rows = table[table["kind"] == kind]
        if len(rows):
            keys += axes.plot(rows[violation], rows["mean_cost"], linestyle="", marker=marker, color=colour)
            keys[-1].set(label=label + _members(rows), **(FILLED if rows["seed"].notna().any() else HOLLOW))
    tolerance_line(axes, tolerance, "x")
    violation_scale(axes, "x", tolerance, table[violation])
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel(f"{mean_label(words.violations[0])} under noise")
    axes.set_ylabel(words.cost)
    figure.draw_without_rendering()
    _label_alphas(axes, curve, violation)
    figure.suptitle(f"Cost against {spoken(words.violations[0])}, one mark a seed")
    legend_below(figure, [*keys, tolerance_key(tolerance)], columns=1)
    return figure


def _members(rows: pd.DataFrame) -> str:
    """How many agents are drawn, and of how many where some diverged; nothing for the exact answers."""
    drawn, total = int(rows["mean_cost"].count()), int(rows["seed"].count())
    if not total:
        return ""
    return f" (n = {drawn})" if drawn == total else f" (n = {drawn} of {total})"


def _label_alphas(axes: Axes, curve: pd.DataFrame, violation: str) -> None:
    """One label for each group of points that fall together on paper, such as 0-0.2."""
    points = axes.transData.transform(curve[[violation, "mean_cost"]].to_numpy()) * (72.0 / axes.figure.dpi)
    groups: list[list[int]] = []
    for index, place in enumerate(points):
        if groups and np.hypot(*(place - points[groups[-1][0]])) < LABEL_DISTANCE:
            groups[-1].append(index)
        else:
            groups.append([index])
    for group in groups:
        first, last = curve.iloc[group[0]], curve.iloc[group[-1]]
        text = f"{first['alpha']:g}" if len(group) == 1 else f"{first['alpha']:g}–{last['alpha']:g}"
        place = (first[violation], first["mean_cost"])
        axes.annotate(text, place, xytext=(4, 4), textcoords="offset points", fontsize=6, color=EXACT)
