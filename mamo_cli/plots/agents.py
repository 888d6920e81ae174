"""Experiment 3: TE agents at fixed alphas, and how they learned."""

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.analysis.agent_tables import OPTIMUM
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.selection import NAMED_ALPHAS
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import (
    by_agent,
    cell_title,
    draw_over_seeds,
    groups,
    has_seeds,
    label_rows,
    legend_below,
    mean_label,
    panel_columns,
    seeds_text,
    titled,
)
from mamo_cli.plots.style import (
    EXACT,
    alpha_bar,
    alpha_colour,
    measure_axis,
    seed_keys,
    steps_axis,
    time_axis,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

ESTIMATE = "IQM over seeds, 95 % bootstrap interval"


def draw_te_agents(table: pd.DataFrame, words: Words) -> Figure:
    """Measure and violations over the evaluation, a column for each alpha and agent."""
    cells = groups(table, ["alpha", AGENT])
    measure, violations = words.measures[0], words.violations
    figure, axes = panel_columns(len(cells), rows=1 + len(violations))
    several = table[AGENT].nunique() > 1
    for ((alpha, agent), rows), (above, *below) in zip(cells, axes, strict=True):
        _trace(above, rows[rows["quantity"] == measure.name])
        for panel, violation in zip(below, violations, strict=True):
            own = rows[rows["quantity"] == violation.name]
            _trace(panel, own)
            tolerance_line(panel, own["tolerance"].iloc[0])
        above.set_title(cell_title(agent if several else "", f"α = {alpha:g}, {seeds_text(rows)}"))
        time_axis(below[-1])
    measure_axis(axes[0][0], measure)
    for panel, violation in zip(axes[0][1:], violations, strict=True):
        of_it = table[table["quantity"] == violation.name]
        violation_scale(panel, "y", of_it["tolerance"], of_it["value"])
    label_rows(axes, [measure.label, *(violation.label for violation in violations)])
    titled(figure, "TE agents on the evaluation trace, greedy", table, words)
    optimum = Line2D([], [], color=EXACT, linestyle=":", label="exact optimum at this α, mean")
    keys = [*seed_keys("IQM over seeds", has_seeds(table)), optimum, tolerance_key(table)]
    legend_below(figure, keys, columns=3 if len(cells) > 1 else 1)
    return figure


def draw_learning_curves(table: pd.DataFrame, words: Words) -> Figure:
    """Mean measure and violation over training, a column for each agent, a colour for each alpha."""
    agents, measure, violation = by_agent(table), words.measures[0], words.violations[0]
    figure, axes = panel_columns(len(agents), rows=2)
    for (agent, rows), (above, below) in zip(agents, axes, strict=True):
        for alpha, curve in groups(rows, "alpha"):
            for panel, quantity in ((above, f"mean_{measure.name}"), (below, f"mean_{violation.name}")):
                draw_over_seeds(panel, curve[curve["quantity"] == quantity], "env_steps", alpha_colour(alpha))
        above.set_title(agent)
        tolerance_line(below, rows["tolerance"].iloc[0])
        steps_axis(below)
    measure_axis(axes[0][0], measure)
    violation_scale(
        axes[0][1], "y", table["tolerance"], table.loc[table["quantity"] == f"mean_{violation.name}", "value"]
    )
    label_rows(axes, [mean_label(measure), mean_label(violation)])
    titled(figure, f"TE agents in training\n{ESTIMATE}", table, words)
    keys = [*_alpha_keys(table), tolerance_key(table)]
    if len(keys) == 1:
        alpha_bar(figure, [panel for panels in axes for panel in panels])
    legend_below(figure, keys)
    return figure


def _alpha_keys(table: pd.DataFrame) -> list[Artist]:
    """A legend's entry for each alpha, unless they are too many."""
    alphas = groups(table, "alpha")
    if len(alphas) > NAMED_ALPHAS:
        return []
    return [Line2D([], [], color=alpha_colour(at), label=f"α = {at:g}, {seeds_text(rows)}") for at, rows in alphas]


def _trace(axes: Axes, rows: pd.DataFrame) -> None:
    draw_over_seeds(axes, rows, "hours", steps=True)
    for optimum in rows.loc[rows["series"] == OPTIMUM, "value"]:
        axes.axhline(optimum, color=EXACT, linestyle=":")
