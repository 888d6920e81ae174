"""Today's rules on the plane of cost and violation, at their defaults and tuned, beside the exact curve and agents."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.analysis.baselines_tables import RULE
from mamo_cli.analysis.frontier_tables import CAUSAL, CLAIRVOYANT, CURVE, RUN, least_violation
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.words import Words
from mamo_cli.domains.rules import DEFAULT, TUNED
from mamo_cli.plots.frontier import AGENTS, HOLLOW, MARKERS, draw_agents
from mamo_cli.plots.panels import beyond_reach, legend_below, mean_label, spoken
from mamo_cli.plots.style import (
    DOUBLE_COLUMN,
    EXACT,
    GREY,
    INK,
    run_looks,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

SHAPES = ("s", "P", "d", "<", ">", "X", "p", "h")
"""One a rule, in their order, and over again."""

LABEL_POINTS, LABEL_GAP = 8.0, 22.0
"""Between the middles of two labels, and from the marks to them."""

LEGEND_ROOM = 4


def draw_baselines(table: pd.DataFrame, words: Words) -> Figure:
    """Mean cost over mean violation: each rule filled where it is tuned and hollow at its defaults, a line between.

    On the left all of it, on the right what is near the tolerance. Of several plays a mark is the mean, with its
    interval both ways.
    """
    figure = Figure(figsize=(DOUBLE_COLUMN, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    tolerance, violation = table["tolerance"].iloc[0], f"mean_{words.violations[0].name}"
    rules = table[table["kind"] == RULE]
    keys = _draw(left, table, violation)
    _draw(right, table[table["knobs"] != DEFAULT], violation)
    violation_scale(left, "x", table["tolerance"], table[violation])
    left.set_ylim(bottom=0.0)
    left.set_ylabel(words.cost)
    _zoom(right, table, violation, tolerance)
    left.set_title("all")
    right.set_title("near the tolerance")
    for axes in (left, right):
        axes.set_xlabel(mean_label(words.violations[0], " under noise"))
    legend_below(figure, [*keys, *_keys(), tolerance_key(table)], columns=2, room=LEGEND_ROOM)
    figure.draw_without_rendering()
    _label_defaults(left, rules[rules["knobs"] == DEFAULT], violation)
    _label_tuned(right, rules[rules["knobs"] == TUNED], violation)
    title, least = f"Rules of today: cost against {spoken(words.violations[0])}", least_violation(table, violation)
    beyond = [beyond_reach(words, least, tolerance)] if least > tolerance else []
    figure.suptitle("\n".join([title, *beyond]))
    return figure


def _draw(axes: Axes, table: pd.DataFrame, violation: str) -> list[Artist]:
    """All marks; the legend's entries for them, but for the rules'."""
    curve, rules = table[table["kind"] == CURVE], table[table["kind"] == RULE]
    looks = run_looks(list(table.loc[table["kind"].isin(AGENTS), RUN].unique())) if RUN in table else {}
    axes.plot(curve[violation], curve["mean_cost"], color=EXACT, marker=".", markersize=4)
    keys: list[Artist] = [Line2D([], [], color=EXACT, marker=".", markersize=4, label="exact optimum over α")]
    for kind in (CLAIRVOYANT, CAUSAL, *AGENTS):
        rows = table[table["kind"] == kind]
        if kind in AGENTS:
            keys += draw_agents(axes, rows, violation, looks if len(looks) > 1 else {}) if len(rows) else []
        else:
            marker, colour, label = MARKERS[kind]
            style: dict[str, Any] = {"linestyle": "", "marker": marker, "color": colour, **HOLLOW}
            keys += axes.plot(rows[violation], rows["mean_cost"], label=label, **style)
    for place, name in enumerate(rules["rule"].unique()):
        _draw_rule(axes, rules[rules["rule"] == name], violation, SHAPES[place % len(SHAPES)])
    tolerance_line(axes, table["tolerance"].iloc[0], "x")
    return keys


def _draw_rule(axes: Axes, rows: pd.DataFrame, violation: str, marker: str) -> None:
    axes.plot(rows[violation], rows["mean_cost"], color=GREY, linewidth=0.5, zorder=1)
    for _, row in rows.iterrows():
        hollow = row["knobs"] == DEFAULT
        style: dict[str, Any] = {
            "color": INK,
            "markerfacecolor": "white" if hollow else INK,
            "zorder": 2 if hollow else 5,
        }
        point = ([row[violation]], [row["mean_cost"]])
        axes.plot(*point, linestyle="", marker=marker, markersize=4.5, markeredgewidth=0.8, **style)
        if row["plays"] > 1:
            each = [(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in (violation, "mean_cost")]
            reach = [[[value - low], [high - value]] for value, low, high in each]
            axes.errorbar(*point, xerr=reach[0], yerr=reach[1], fmt="none", ecolor=INK, elinewidth=0.8)


def _keys() -> list[Artist]:
    style: dict[str, Any] = {"linestyle": "", "marker": SHAPES[0], "color": INK, "markersize": 4.5}
    return [
        Line2D([], [], label="a rule, tuned to the tolerance in training", **style),
        Line2D([], [], label="the same at its defaults", markerfacecolor="white", **style),
    ]


def _zoom(axes: Axes, table: pd.DataFrame, violation: str, tolerance: float) -> None:
    """Show who is near the tolerance, bounds, agents and tuned rules, with room for names on the right."""
    near = table[(table["kind"] != CURVE) & (table["knobs"] != DEFAULT)].dropna(subset=violation)
    near = near[near[violation].between(0.0, 2.0 * tolerance)] if tolerance > 0.0 else near
    low, high = near[violation].min(), max(near[violation].max(), tolerance)
    width, costs = (high - low) or tolerance or 1.0, near["mean_cost"]
    height = (costs.max() - costs.min()) or 0.1
    axes.set_xlim(low - 0.15 * width, high + 0.9 * width)
    axes.set_ylim(costs.min() - 0.2 * height, costs.max() + 0.2 * height)


def _label_defaults(axes: Axes, rules: pd.DataFrame, violation: str) -> None:
    """Names beside the marks."""
    ordered, marks, heights = _apart(axes, rules, violation)
    for (_, row), (_, middle), height in zip(ordered.iterrows(), marks, heights, strict=True):
        place = (row[violation], row["mean_cost"])
        axes.annotate(row["rule"], place, xytext=(6, height - middle + 4), textcoords="offset points", fontsize=6)


def _label_tuned(axes: Axes, rules: pd.DataFrame, violation: str) -> None:
    """Names in a column to the right of the marks and the tolerance, each joined to its own."""
    ordered, marks, heights = _apart(axes, rules, violation)
    tolerance = axes.transData.transform((rules["tolerance"].iloc[0], 0.0))[0] * _points(axes)
    column = max(tolerance, *marks[:, 0]) + LABEL_GAP
    line = {"arrowstyle": "-", "linewidth": 0.4, "color": GREY, "shrinkA": 0, "shrinkB": 3}
    for (_, row), (right, middle), height in zip(ordered.iterrows(), marks, heights, strict=True):
        axes.annotate(
            row["rule"], (row[violation], row["mean_cost"]), xytext=(column - right, height - middle),
            textcoords="offset points", fontsize=6, va="center", arrowprops=line,
        )  # fmt: skip


def _apart(axes: Axes, rules: pd.DataFrame, violation: str) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
    """The rules by rising cost, where their marks are on paper, and heights that are so far apart, all in points."""
    ordered = rules.sort_values("mean_cost", kind="stable")
    marks = axes.transData.transform(ordered[[violation, "mean_cost"]].to_numpy()) * _points(axes)
    heights = [marks[0, 1]]
    for height in marks[1:, 1]:
        heights.append(max(height, heights[-1] + LABEL_POINTS))
    return ordered, marks, np.array(heights) - (np.mean(heights) - marks[:, 1].mean())


def _points(axes: Axes) -> float:
    """In a pixel."""
    return 72.0 / float(axes.figure.dpi)
