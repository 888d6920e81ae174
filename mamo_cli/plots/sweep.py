"""A comparison of strategies: who stands where in the end, how soon, and on what way over the exact profile."""

import math
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.sweep_tables import EXACT as PERFECT
from mamo_cli.analysis.tolerances import LEAST_TOLERANCE
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import (
    LEGEND_ROW,
    groups,
    label_rows,
    legend_below,
    mean_label,
    panel_columns,
    proxy_lines,
    shortened,
)
from mamo_cli.plots.style import (
    DOUBLE_COLUMN,
    EXACT,
    GREY,
    INK,
    LEARNT,
    MARK,
    run_looks,
    steps_axis,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

ROW, ROOM = 0.145, 0.5
"""Height of a strategy, and what a scenario's panels need beside, in inches."""

LEAST = 0.9
"""Of a panel, in inches."""

MOST_BELOW = 4
"""Scenarios that stand below one another before two share a row."""

BEND = 2.0
"""Percent up to which a scale of regrets is linear."""

TICKS = ((-100, -30, -10, -3, 0, 1, 3, 10, 30, 100, 300, 1000), (-100, -10, 0, 3, 30, 300))
"""Of such a scale, in a wide panel and in a narrow one."""

CYCLES = ("#E69F00", "#56B4E9", "#0072B2", "#000000")
"""Marks of a run's quarters, from the first to the last."""

MARKED: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 4}


def draw_leaderboard(table: pd.DataFrame, words: Words) -> Figure:
    """Cost over the causal bound with its interval, and mean violation beside it, a pair of panels a scenario."""
    scenarios = list(table["scenario"].unique())
    across = 1 if len(scenarios) <= MOST_BELOW else 2
    rows = math.ceil(len(scenarios) / across)
    most = int(table["scenario"].value_counts().max())
    figure = Figure(figsize=(DOUBLE_COLUMN, rows * (max(ROW * most, LEAST) + ROOM) + 0.7), layout="constrained")
    grid = figure.add_gridspec(rows, 2 * across)
    for place, scenario in enumerate(scenarios):
        row, column = place % rows, 2 * (place // rows)
        left, right = (figure.add_subplot(grid[row, column + side]) for side in (0, 1))
        _standings(left, right, table[table["scenario"] == scenario], narrow=across > 1)
        if row == rows - 1 or place == len(scenarios) - 1:
            left.set_xlabel("Cost over the bound (%)")
            right.set_xlabel("Mean violation")
    told = proxy_lines(figure, table)
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * len(told))
    figure.suptitle("\n".join([f"Strategies after equally many environment steps, {_seeds(table)}", *told]))
    keys = [
        Line2D([], [], color=LEARNT, marker="o", markersize=4, linewidth=1.2, label="IQM, 95 % bootstrap interval"),
        Line2D([], [], color=INK, marker="o", markersize=4, linewidth=1.2, label="mean, likewise"),
        Line2D([], [], color=EXACT, linestyle=":", label="causal bound"),
        Line2D(
            [],
            [],
            color=MARK,
            linestyle="--",
            linewidth=1.0,
            label="tolerance, mean over agents" if LEAST_TOLERANCE in table else "tolerance",
        ),
    ]
    legend_below(figure, keys, columns=4)
    return figure


def _standings(left: Axes, right: Axes, rows: pd.DataFrame, narrow: bool) -> None:
    """A scenario's strategies, the first on top; in narrow panels with fewer ticks."""
    places = np.arange(len(rows))[::-1]
    for panel, name, colour in ((left, "over_causal_percent", LEARNT), (right, "mean_violation", INK)):
        panel.hlines(places, rows[f"{name}_low"], rows[f"{name}_high"], color=colour, linewidth=1.2)
        panel.plot(rows[name], places, color=colour, marker="o", markersize=4, linestyle="")
        panel.set_yticks(places, rows["strategy"] if panel is left else [""] * len(rows))
        panel.set_ylim(-0.6, len(rows) - 0.4)
    left.axvline(0.0, color=EXACT, linestyle=":")
    _percent_scale(left, "x", rows[["over_causal_percent_low", "over_causal_percent_high"]].to_numpy(), TICKS[narrow])
    left.set_title(rows["title"].iloc[0])
    tolerance_line(right, rows["tolerance"].iloc[0], "x")
    violation_scale(right, "x", rows["tolerance"], pd.concat([rows["mean_violation_low"], rows["mean_violation_high"]]))
    if narrow:
        low, high = right.get_xlim()
        right.xaxis.set_ticks([tick for tick in (0.001, 0.01, 0.1, 1.0) if low <= tick <= high])


def draw_anytime(table: pd.DataFrame, words: Words) -> Figure:
    """Regret of what each strategy would deliver, over environment steps and over seconds."""
    figure = Figure(figsize=(DOUBLE_COLUMN, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    looks = run_looks(list(table["strategy"].unique()))
    for name, look in looks.items():
        own = table[table["strategy"] == name]
        for panel, over in ((left, "env_steps"), (right, "seconds")):
            panel.fill_between(own[over], own["regret_percent_low"], own["regret_percent_high"],
                               color=look.colour, alpha=0.12, linewidth=0)  # fmt: skip
            panel.plot(own[over], own["regret_percent"], color=look.colour, linestyle=look.line, linewidth=1.1)
    before = table[table["cycle"] == table["changed_at"] - 1]
    if len(before):
        left.axvline(before["env_steps"].iloc[0], color=GREY, linewidth=1.0)
    steps_axis(left)
    right.set_xlabel("Wall time (s), taken evenly over a run's steps")
    right.xaxis.set_major_locator(MaxNLocator(nbins=5))
    ends = table[["regret_percent_low", "regret_percent_high"]].to_numpy()
    _percent_scale(left, "y", ends, TICKS[0])
    left.set_ylabel("Regret of what would be delivered (%)")
    for panel in (left, right):
        panel.axhline(0.0, color=EXACT, linestyle=":")
        panel.margins(x=0.01)
    title = f"{table['title'].iloc[0]}: regret against the causal bound, {_seeds(table)}"
    figure.suptitle("\n".join([title, *proxy_lines(figure, table)]))
    keys = [
        *(Line2D([], [], color=look.colour, linestyle=look.line, label=name) for name, look in looks.items()),
        Line2D([], [], color=EXACT, linestyle=":", label="causal bound"),
        *([Line2D([], [], color=GREY, linewidth=1.0, label="conditions change")] if len(before) else []),
        Patch(facecolor=GREY, alpha=0.25, label="95 % bootstrap interval"),
    ]
    legend_below(figure, keys, columns=5, room=2)
    return figure


def draw_profile(table: pd.DataFrame, words: Words) -> Figure:
    """Cost and violation over alpha: exact, and of each strategy's greedy policies, cycle after cycle."""
    exact, runs = table[table["strategy"] == PERFECT], table[table["strategy"] != PERFECT]
    order = list(runs["strategy"].unique())
    figure, axes = panel_columns(len(order), rows=2, width_of_one=DOUBLE_COLUMN)
    for name, panels in zip(order, axes, strict=True):
        own = runs[runs["strategy"] == name]
        since = own["cycle"].astype(int) - own["cycle"].astype(int).min()
        quarter = since * len(CYCLES) // (since.max() + 1)
        for panel, quantity in zip(panels, ("cost", "violation"), strict=True):
            panel.plot(exact["alpha"], exact[quantity], color=EXACT, linewidth=1.6)
            for place, marks in groups(own.assign(quarter=quarter), "quarter"):
                look = {**MARKED, "markersize": 2.2, "markeredgewidth": 0, "alpha": 0.8, "zorder": 3 + place}
                panel.plot(marks["alpha"], marks[quantity], color=CYCLES[place], **look)
        tolerance_line(panels[1], table["tolerance"].iloc[0])
        panels[0].set_title(name)
        panels[1].set_xlabel("α")
        panels[1].set(xlim=(-0.03, 1.03), xticks=[0.0, 0.5, 1.0])
    axes[0][0].set_ylim(bottom=0.0)
    violation_scale(axes[0][1], "y", table["tolerance"], table["violation"].dropna())
    label_rows(axes, [words.cost.replace(" (", "\n("), mean_label(words.violations[0])])
    agents = table[AGENT].iloc[0]
    named = f", {words.agent} {shortened(agents)}" if table["agents"].iloc[0] > 1 else ""
    title = f"{table['title'].iloc[0]}{named}: the way of {runs['seed'].nunique()} seeds over the exact profile"
    figure.suptitle("\n".join([title, *proxy_lines(figure, table)]))
    keys = [
        Line2D([], [], color=EXACT, linewidth=1.6, label="perfect agent, causal"),
        *(Line2D([], [], color=colour, label=f"quarter {place} of the cycles", **MARKED)
          for place, colour in enumerate(CYCLES, 1)),
        tolerance_key(table),
    ]  # fmt: skip
    legend_below(figure, keys, columns=3)
    return figure


def _percent_scale(axes: Axes, which: Literal["x", "y"], values: FloatArray, ticks: tuple[int, ...]) -> None:
    """Linear near 0, logarithmic beyond on both sides, so that the close and the far are seen at once."""
    scale, limits = (axes.set_xscale, axes.set_xlim) if which == "x" else (axes.set_yscale, axes.set_ylim)
    axis = axes.xaxis if which == "x" else axes.yaxis
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, BEND)
    low, high = min(1.2 * low, -0.5), max(1.2 * high, BEND)
    scale("symlog", linthresh=BEND, linscale=0.7)
    axis.set_ticks([tick for tick in ticks if low <= tick <= high])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    limits(low, high)


def _seeds(table: pd.DataFrame) -> str:
    fewest, most = int(table["seeds"].min()), int(table["seeds"].max())
    return f"n = {most} seeds" if fewest == most else f"n = {fewest} to {most} seeds"
