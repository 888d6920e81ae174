"""Curves of several runs over one another: TE agents at the alphas they share, and MAMO's choices."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mamo_cli.analysis.frontier_tables import RUN
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import (
    by_agent,
    cell_title,
    draw_over_seeds,
    groups,
    label_rows,
    legend_below,
    mean_label,
    panel_columns,
    run_label,
    titled,
)
from mamo_cli.plots.style import (
    DOUBLE_COLUMN,
    GREY,
    Look,
    alpha_axis,
    measure_axis,
    run_looks,
    steps_axis,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

LONGEST_BESIDE = 30
"""Characters of a run's name of which two fit beside each other in a legend."""


def draw_learning_compared(table: pd.DataFrame, words: Words) -> Figure:
    """Mean measure and violation of several runs over training, a column for each alpha and agent."""
    cells = groups(table, ["alpha", AGENT])
    measure, violation = words.measures[0], words.violations[0]
    quantities = [f"mean_{measure.name}", f"mean_{violation.name}"]
    figure, axes = panel_columns(len(cells), rows=2)
    looks, several = _looks(table), table[AGENT].nunique() > 1
    for ((alpha, agent), rows), panels in zip(cells, axes, strict=True):
        _overlay(panels, rows, quantities, looks)
        panels[0].set_title(cell_title(agent if several else "", f"α = {alpha:g}"))
        tolerance_line(panels[1], rows["tolerance"].iloc[0])
    _finish(axes, table, words)
    label_rows(axes, [mean_label(measure), mean_label(violation)])
    titled(figure, "TE agents in training, by run", table, words)
    legend_below(figure, _keys(table, looks, "IQM over seeds"), columns=_columns(looks, len(cells)))
    return figure


def draw_mamo_compared(table: pd.DataFrame, words: Words) -> Figure:
    """Alpha, mean violation and mean measure of several runs over training, a column for each agent."""
    agents, measure, violation = by_agent(table), words.measures[0], words.violations[0]
    quantities = ["alpha", f"mean_{measure.name}", f"mean_{violation.name}"]
    figure, axes = panel_columns(len(agents), rows=3, width_of_one=DOUBLE_COLUMN)
    looks = _looks(table)
    for (agent, rows), panels in zip(agents, axes, strict=True):
        _overlay(panels, rows, quantities, looks)
        panels[0].set_title(agent)
        tolerance_line(panels[2], rows["tolerance"].iloc[0])
    alpha_axis(axes[0][0])
    _finish([panels[1:] for panels in axes], table, words)
    label_rows(axes, ["α", mean_label(measure), mean_label(violation)])
    titled(figure, "MAMO, by run", table, words)
    legend_below(figure, _keys(table, looks, "IQM over seeds (α: median)"), columns=_columns(looks, 2))
    return figure


def _overlay(panels: list[Axes], rows: pd.DataFrame, quantities: list[str], looks: dict[str, Look]) -> None:
    for name, look in looks.items():
        own = rows[rows[RUN] == name]
        for panel, quantity in zip(panels, quantities, strict=True):
            part = own[own["quantity"] == quantity]
            if len(part):
                draw_over_seeds(panel, part, "env_steps", look.colour, steps=quantity == "alpha", line=look.line)


def _finish(axes: list[list[Axes]], table: pd.DataFrame, words: Words) -> None:
    """Scales of a measure's panels above a violation's, once all is drawn."""
    violation = f"mean_{words.violations[0].name}"
    for _, below in axes:
        steps_axis(below)
    measure_axis(axes[0][0], words.measures[0])
    violation_scale(axes[0][1], "y", table["tolerance"], table.loc[table["quantity"] == violation, "value"])


def _looks(table: pd.DataFrame) -> dict[str, Look]:
    return run_looks(list(table[RUN].unique()))


def _keys(table: pd.DataFrame, looks: dict[str, Look], centre: str) -> list[Line2D | Patch]:
    return [
        *(
            Line2D([], [], color=look.colour, linestyle=look.line, label=run_label(name, table[table[RUN] == name]))
            for name, look in looks.items()
        ),
        Line2D([], [], color=GREY, linewidth=1.1, label=centre),
        Patch(facecolor=GREY, alpha=0.25, label="95 % bootstrap interval"),
        tolerance_key(table),
    ]


def _columns(looks: dict[str, Look], cells: int) -> int:
    """Of the legend, whose entries are as long as the runs' names."""
    return 1 if cells == 1 or max(map(len, looks)) > LONGEST_BESIDE else 2
