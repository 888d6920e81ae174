"""The exact cost-violation curve over alpha, and where the agents stand beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.analysis.frontier_tables import CAUSAL, CLAIRVOYANT, CURVE, MAMO, RUN, TE_AGENT, least_violation
from mamo_cli.analysis.over_seeds import CENTRE
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import LONGEST_RUN, beyond_reach, legend_below, mean_label, shortened, spoken
from mamo_cli.plots.style import (
    EXACT,
    INK,
    LEARNT,
    SECOND,
    SINGLE_COLUMN,
    Look,
    close_together,
    run_looks,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

LEGEND_ROOM = 6
"""Rows of the legend that the figure's height allows for."""

LABEL_DISTANCE = 9.0
"""Points of the curve closer than this on paper share one label, in points."""

MARKERS = {
    "step": ("s", INK, "offline optimum, scope step"),
    "average": ("D", INK, "offline optimum, scope average"),
    CLAIRVOYANT: ("v", INK, "clairvoyant bound, mixed"),
    CAUSAL: ("v", EXACT, "causal bound, mixed"),
    TE_AGENT: ("o", LEARNT, "TE agents"),
    MAMO: ("^", SECOND, "MAMO's last policies"),
}

AGENTS = (TE_AGENT, MAMO)

FILLED: dict[str, Any] = {"markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.4, "zorder": 3}
HOLLOW: dict[str, Any] = {"markersize": 6.5, "markerfacecolor": "none", "markeredgewidth": 1.0, "zorder": 4}
"""Agents lie on one another and on the exact answers, which must show through."""


def draw_frontier(table: pd.DataFrame, words: Words) -> Figure:
    """Mean cost over mean violation: the curve with its alphas, the offline scopes, and agents, by run if of several.

    Each agent has a mark; of many seeds their centre has one, with its interval both ways.
    """
    figure = Figure(figsize=(SINGLE_COLUMN, 3.9), layout="constrained")
    axes = figure.add_subplot()
    tolerance, violation = table["tolerance"].iloc[0], f"mean_{words.violations[0].name}"
    curve = table[table["kind"] == CURVE]
    axes.plot(curve[violation], curve["mean_cost"], color=EXACT, marker=".", markersize=4)
    looks = run_looks(list(table[RUN].dropna().unique())) if RUN in table else {}
    keys: list[Artist] = [Line2D([], [], color=EXACT, marker=".", markersize=4, label="exact optimum over α")]
    for kind, (marker, colour, label) in MARKERS.items():
        rows = table[table["kind"] == kind]
        if kind not in AGENTS and len(rows):
            style: dict[str, Any] = {"linestyle": "", "marker": marker, "color": colour, **HOLLOW}
            keys += axes.plot(rows[violation], rows["mean_cost"], label=label, **style)
        elif len(rows):
            keys += draw_agents(axes, rows, violation, looks)
    tolerance_line(axes, tolerance, "x")
    violation_scale(axes, "x", table["tolerance"], table[violation])
    if close_together(table["mean_cost"].dropna()):
        axes.margins(y=0.15)
    else:
        axes.set_ylim(bottom=0.0)
    axes.set_xlabel(mean_label(words.violations[0], " under noise"))
    axes.set_ylabel(words.cost)
    legend_below(figure, [*keys, tolerance_key(table)], columns=1, room=LEGEND_ROOM)
    figure.draw_without_rendering()
    _label_alphas(axes, curve, violation)
    title, least = f"Cost against {spoken(words.violations[0])}, {_marks(table)}", least_violation(table, violation)
    beyond = [beyond_reach(words, least, tolerance)] if least > tolerance else []
    figure.suptitle("\n".join([title, *beyond]))
    return figure


def draw_agents(axes: Axes, rows: pd.DataFrame, violation: str, looks: Mapping[str, Look]) -> list[Artist]:
    """Marks of the agents of one kind, each run in its own look if there are several; the legend's entries for them."""
    marker, colour, label = MARKERS[rows["kind"].iloc[0]]
    if not looks:
        return [_marked(axes, rows, violation, {"marker": marker, "color": colour}, label)]
    keys = []
    for name, look in looks.items():
        edge = "white" if look.fill == "full" else look.colour
        style = {"marker": marker, "color": look.colour, "fillstyle": look.fill, "markeredgecolor": edge}
        own = rows[rows[RUN] == name]
        keys += [_marked(axes, own, violation, style, f"{shortened(name, LONGEST_RUN)}: {label}")] if len(own) else []
    return keys


def _marked(axes: Axes, rows: pd.DataFrame, violation: str, style: dict[str, Any], label: str) -> Artist:
    points = (rows[violation], rows["mean_cost"])
    (marks,) = axes.plot(*points, linestyle="", label=label + _members(rows), **(FILLED | style))
    if _of_many(rows):
        reach = [
            [rows[name] - rows[f"{name}_low"], rows[f"{name}_high"] - rows[name]] for name in (violation, "mean_cost")
        ]
        axes.errorbar(*points, xerr=reach[0], yerr=reach[1], fmt="none", ecolor=style["color"], elinewidth=0.8)
    return marks


def _of_many(rows: pd.DataFrame) -> bool:
    """Whether centres stand in the place of seeds."""
    return "series" in rows and bool((rows["series"] == CENTRE).any())


def _marks(table: pd.DataFrame) -> str:
    """What a mark stands for."""
    if not _of_many(table):
        return "one mark a seed"
    return "IQM over seeds, 95 % interval" if table["seed"].isna().all() else "one mark a seed; of many, their IQM"


def _members(rows: pd.DataFrame) -> str:
    """How many agents are drawn, and of how many where some diverged."""
    drawn, total = int(rows["mean_cost"].count()), int(rows["seed"].count())
    if _of_many(rows):
        many = rows[rows["series"] == CENTRE]
        drawn, total = drawn - len(many) + int(many["seeds"].sum()), total + int(many["seeds_total"].sum())
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
