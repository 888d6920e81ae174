"""Experiments 1 and 2: the offline optimum as planned, and the same plan under noise."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.plots.panels import by_function, held, label_rows, legend_below, panel_columns
from mamo_cli.plots.style import AGENT, EXACT, GREY, MARK, replicas_axis, time_axis, tolerance_key, tolerance_line

REJECTION_LABEL = "Rejection\nprobability P"


def draw_offline(table: pd.DataFrame) -> Figure:
    """Replicas and rejection of the exact plan over time, a column for each function."""
    functions = by_function(table)
    figure, axes = panel_columns(len(functions), rows=2)
    for (function, rows), (above, below) in zip(functions, axes, strict=True):
        first = rows.iloc[0]
        plan = held(rows, "hours")
        above.plot(plan["hours"], plan["replicas"], color=EXACT, drawstyle="steps-post")
        above.set_title(rf"{_prefix(function)}mean $\bar{{n}}$ = {first['mean_replicas']:.2f}")
        below.plot(rows["hours"], rows["rejection"], color=EXACT)
        below.set_title(rf"mean $\bar{{P}}$ = {first['mean_rejection']:.4f}")
        tolerance_line(below, first["tolerance"])
        time_axis(below)
    replicas_axis(axes[0][0])
    axes[0][1].set_ylim(bottom=0)
    label_rows(axes, ["Replicas n", REJECTION_LABEL])
    figure.suptitle(f"Offline optimum, scope {first['scope']}: perfect knowledge of the rates")
    legend_below(figure, [Line2D([], [], color=EXACT, label="exact plan"), tolerance_key(first["tolerance"])])
    return figure


def draw_offline_noise(table: pd.DataFrame) -> Figure:
    """The rates that came and the rejection the unchanged plan then has, steps above the tolerance marked."""
    functions = by_function(table)
    figure, axes = panel_columns(len(functions), rows=2)
    for (function, rows), (above, below) in zip(functions, axes, strict=True):
        first, beyond = rows.iloc[0], rows[rows["above_tolerance"] == 1]
        above.plot(rows["hours"], rows["actual_rate"], color=GREY, linewidth=0.6)
        above.plot(rows["hours"], rows["expected_rate"], color=AGENT)
        above.set_title(function)
        below.plot(rows["hours"], rows["rejection"], color=EXACT, linewidth=0.8)
        below.plot(beyond["hours"], beyond["rejection"], color=MARK, linestyle="", marker="o", markersize=2)
        mean, share = first["mean_rejection"], first["share_above_tolerance"]
        below.set_title(rf"mean $\bar{{P}}$ = {mean:.4f}, {100 * share:.0f} % above ε")
        tolerance_line(below, first["tolerance"])
        time_axis(below)
    for panel in axes[0]:
        panel.set_ylim(bottom=0)
    label_rows(axes, ["Arrival rate\n(requests/s)", REJECTION_LABEL])
    figure.suptitle(f"The plan of scope {first['scope']} under noise")
    keys = [
        Line2D([], [], color=AGENT, label="expected rate"),
        Line2D([], [], color=GREY, linewidth=0.6, label="actual rate"),
        Line2D([], [], color=EXACT, linewidth=0.8, label="rejection at the actual rate"),
        Line2D([], [], color=MARK, linestyle="", marker="o", markersize=2, label="step above the tolerance"),
        tolerance_key(first["tolerance"]),
    ]
    legend_below(figure, [*keys])
    return figure


def _prefix(function: str) -> str:
    return f"{function}: " if function else ""
