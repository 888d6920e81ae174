"""Experiment 3 and what stands beside it: TE agents at fixed alphas, their regret, and how they learned."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from mamo_cli.analysis.agent_tables import OPTIMUM
from mamo_cli.analysis.over_seeds import CENTRE, SEED
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import (
    by_agent,
    draw_over_seeds,
    groups,
    label_rows,
    legend_below,
    mean_label,
    panel_columns,
    seeds_text,
)
from mamo_cli.plots.style import (
    DOUBLE_COLUMN,
    EXACT,
    LEARNT,
    SINGLE_COLUMN,
    alpha_colour,
    measure_axis,
    seed_keys,
    time_axis,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

ESTIMATE = "IQM over seeds, 95 % bootstrap interval"


def draw_te_agents(table: pd.DataFrame, words: Words) -> Figure:
    """Measure and violation over the evaluation, a column for each alpha and agent."""
    cells = groups(table, ["alpha", AGENT])
    measure, violation = words.measures[0], words.violations[0]
    figure, axes = panel_columns(len(cells), rows=2)
    tolerance, several = table["tolerance"].iloc[0], table[AGENT].nunique() > 1
    for ((alpha, agent), rows), (above, below) in zip(cells, axes, strict=True):
        for panel, quantity in ((above, measure.name), (below, violation.name)):
            _trace(panel, rows[rows["quantity"] == quantity])
        above.set_title(f"{f'{agent}, ' if several else ''}α = {alpha:g}, {seeds_text(rows)}")
        tolerance_line(below, tolerance)
        time_axis(below)
    measure_axis(axes[0][0], measure)
    violation_scale(axes[0][1], "y", tolerance, table.loc[table["quantity"] == violation.name, "value"])
    label_rows(axes, [measure.label, violation.label])
    figure.suptitle("TE agents on the evaluation trace, greedy")
    optimum = Line2D([], [], color=EXACT, linestyle=":", label="exact optimum at this α, mean")
    legend_below(
        figure, [*seed_keys("IQM over seeds"), optimum, tolerance_key(tolerance)], columns=min(3, len(cells) + 1)
    )
    return figure


def draw_learning_curves(table: pd.DataFrame, words: Words) -> Figure:
    """Mean measure and violation over training, a column for each agent, a colour for each alpha."""
    agents, measure, violation = by_agent(table), words.measures[0], words.violations[0]
    figure, axes = panel_columns(len(agents), rows=2)
    tolerance = table["tolerance"].iloc[0]
    for (agent, rows), (above, below) in zip(agents, axes, strict=True):
        for alpha, curve in groups(rows, "alpha"):
            for panel, quantity in ((above, f"mean_{measure.name}"), (below, f"mean_{violation.name}")):
                draw_over_seeds(panel, curve[curve["quantity"] == quantity], "env_steps", alpha_colour(alpha))
        above.set_title(agent)
        tolerance_line(below, tolerance)
        below.set_xlabel("Training (environment steps)")
        below.xaxis.set_major_locator(MaxNLocator(nbins=4))
    measure_axis(axes[0][0], measure)
    violation_scale(axes[0][1], "y", tolerance, table.loc[table["quantity"] == f"mean_{violation.name}", "value"])
    label_rows(axes, [mean_label(measure), mean_label(violation)])
    figure.suptitle(f"TE agents in training\n{ESTIMATE}")
    keys = [
        Line2D([], [], color=alpha_colour(alpha), label=f"α = {alpha:g}, {seeds_text(rows)}")
        for alpha, rows in groups(table, "alpha")
    ]
    legend_below(figure, [*keys, tolerance_key(tolerance)])
    return figure


def draw_regret(table: pd.DataFrame, words: Words) -> Figure:
    """Regret by alpha: every seed a dot, the IQM with its interval beside them."""
    alphas = groups(table, "alpha")
    figure = Figure(figsize=(SINGLE_COLUMN if len(alphas) <= 6 else DOUBLE_COLUMN, 2.8), layout="constrained")
    axes = figure.add_subplot()
    beside = axes.transData + ScaledTranslation(6 / 72, 0, figure.dpi_scale_trans)
    for place, (_, rows) in enumerate(alphas):
        seeds, centre = rows[rows["series"] == SEED], rows[rows["series"] == CENTRE].iloc[0]
        axes.plot([place] * len(seeds), seeds["value"], color=LEARNT, linestyle="", marker="o", markersize=3, alpha=0.5)
        axes.plot([place] * 2, [centre["low"], centre["high"]], color="black", transform=beside)
        axes.plot([place], [centre["value"]], color="black", marker="D", markersize=4, transform=beside)
    axes.axhline(0.0, color=EXACT, linestyle=":")
    axes.set_xticks(
        range(len(alphas)), [f"{alpha:g}\n{seeds_text(rows).removesuffix(' seeds')}" for alpha, rows in alphas]
    )
    axes.set_xlim(-0.5, len(alphas) - 0.5)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("α (n: seeds)")
    axes.set_ylabel("Regret (%)")
    figure.suptitle("TE agents' regret against the exact optimum at their α")
    keys = [
        Line2D([], [], color=LEARNT, linestyle="", marker="o", markersize=3, alpha=0.5, label="one seed"),
        Line2D([], [], color="black", marker="D", markersize=4, label="IQM, 95 % bootstrap interval"),
        Line2D([], [], color=EXACT, linestyle=":", label="exact optimum"),
    ]
    legend_below(figure, [*keys])
    return figure


def _trace(axes: Axes, rows: pd.DataFrame) -> None:
    draw_over_seeds(axes, rows, "hours", steps=True)
    for optimum in rows.loc[rows["series"] == OPTIMUM, "value"]:
        axes.axhline(optimum, color=EXACT, linestyle=":")
