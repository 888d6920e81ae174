"""The models of how a node rejects, beside a simulation of its requests."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.selection import AGENTS_TOTAL
from mamo_cli.analysis.validation_tables import STANDARD_ERRORS
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import groups, label_rows, legend_below, panel_columns, shortened
from mamo_cli.plots.style import INK, MARK, Look, run_looks, tolerance_key, tolerance_line

EXTRA_HEIGHT = 0.5
"""Of a row of panels, in inches: curves are to be told apart."""

POINT: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 2.5}
RING: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 5.0,
    "markerfacecolor": "none",
    "markeredgewidth": 0.8,
}


def draw_validation(table: pd.DataFrame, words: Words) -> Figure:
    """Rejection over the rate: a row of panels for each function, a column for each number of replicas."""
    functions = groups(table, AGENT)
    looks = run_looks(list(table["model"].unique()))
    width = max(rows["replicas"].nunique() for _, rows in functions)
    figure, axes = panel_columns(width, rows=len(functions))
    for place, (_, rows) in enumerate(functions):
        panels = [column[place] for column in axes]
        for panel, (replicas, those) in zip(panels, groups(rows, "replicas"), strict=False):
            _draw_cell(panel, those, looks)
            panel.set_title(f"n = {replicas}")
    for column in axes:
        column[-1].set_xlabel(words.control.replace("\n", " ") if width == 1 else words.control)
    for panel in axes[0]:
        panel.set_ylim(bottom=0)
    label = words.violations[0].label
    several = len(functions) > 1
    label_rows(axes, [f"{shortened(str(name))}\n{label}" if several else label for name, _ in functions])
    title = "Models of rejection, and the simulation of requests, for n replicas"
    if AGENTS_TOTAL in table:
        title += f"\n{len(functions)} of {table[AGENTS_TOTAL].iloc[0]} {words.agent}s, where models err most"
    figure.suptitle(title)
    figure.set_figheight(figure.get_figheight() + EXTRA_HEIGHT * len(functions))
    legend_below(figure, _keys(table, looks), columns=3)
    return figure


def _draw_cell(panel: Axes, rows: pd.DataFrame, looks: dict[str, Look]) -> None:
    """Every model's line, and the points of the simulation, which all models share."""
    for model, line in groups(rows, "model"):
        look = looks[model]
        panel.plot(line["arrival_rate_rps"], line["rejection_model"], color=look.colour, linestyle=look.line)
    points = rows.drop_duplicates("arrival_rate_rps")
    value = points["rejection_simulated"]
    bars = [(value - points["low"]).to_numpy(), (points["high"] - value).to_numpy()]
    panel.errorbar(points["arrival_rate_rps"].to_numpy(), value.to_numpy(), bars, color=INK, elinewidth=0.6, **POINT)
    unsafe = rows[rows["unsafe"] == 1].drop_duplicates("arrival_rate_rps")
    panel.plot(unsafe["arrival_rate_rps"], unsafe["rejection_simulated"], color=MARK, **RING)
    tolerance_line(panel, float(rows["tolerance"].iloc[0]))


def _keys(table: pd.DataFrame, looks: dict[str, Look]) -> list[Line2D]:
    keys = [Line2D([], [], color=look.colour, linestyle=look.line, label=name) for name, look in looks.items()]
    keys.append(Line2D([], [], color=INK, label=f"simulation ± {STANDARD_ERRORS:g} standard errors", **POINT))
    if table["unsafe"].any():
        keys.append(Line2D([], [], color=MARK, label="a model promises less", **RING))
    return [*keys, tolerance_key(table)]
