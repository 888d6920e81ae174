"""Experiment 4: MAMO's choices of alpha over its cycles, and what the TE agent does under them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mamo_cli.analysis.mamo_tables import OVER_BOUND
from mamo_cli.analysis.over_seeds import CENTRE
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import (
    PROXY,
    believed,
    beyond_reach,
    by_agent,
    draw_over_seeds,
    groups,
    has_seeds,
    label_rows,
    legend_below,
    mean_label,
    panel_columns,
    seeds_text,
    spoken,
    titled,
)
from mamo_cli.plots.style import (
    DOUBLE_COLUMN,
    EXACT,
    GREY,
    INK,
    LEARNT,
    SECOND,
    alpha_axis,
    measure_axis,
    seed_keys,
    tolerance_key,
    tolerance_line,
    violation_scale,
)

ALPHAS = (LEARNT, SECOND, "#E69F00", GREY)
"""Colours of the alphas of several violations."""


def draw_mamo(table: pd.DataFrame, words: Words) -> Figure:
    """Alpha of each violation, violations and measure over the cycles, a column for each agent."""
    agents, measure, violations = by_agent(table), words.measures[0], words.violations
    figure, axes = panel_columns(len(agents), rows=2 + len(violations), width_of_one=DOUBLE_COLUMN)
    exact_alpha, alphas = table["exact_alpha"].iloc[0], words.each("alpha")
    for (agent, rows), (top, *middle, bottom) in zip(agents, axes, strict=True):
        by = dict(groups(rows, "quantity"))
        for alpha, colour in zip(alphas, ALPHAS, strict=False):
            draw_over_seeds(top, by[alpha], "cycle", colour, steps=True)
        if np.isfinite(exact_alpha):
            top.axhline(exact_alpha, color=EXACT, linestyle=":")
        top.set_title(agent)
        for panel, violation in zip(middle, violations, strict=True):
            draw_over_seeds(panel, by[f"mean_{violation.name}"], "cycle")
            _greedy(panel, by[f"eval_{violation.name}"])
            tolerance_line(panel, by[f"mean_{violation.name}"]["tolerance"].iloc[0])
        draw_over_seeds(bottom, by[f"mean_{measure.name}"], "cycle")
        _greedy(bottom, by[f"eval_{measure.name}"])
        bottom.set_xlabel("Training cycle")
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
        bottom.margins(x=0.01)
    alpha_axis(axes[0][0])
    for panel, violation in zip(axes[0][1:-1], violations, strict=True):
        of_it = table[table["quantity"].isin([f"{kind}_{violation.name}" for kind in ("mean", "eval")])]
        violation_scale(panel, "y", of_it["tolerance"], of_it["value"])
    measure_axis(axes[0][-1], measure)
    label_rows(axes, ["α", *map(mean_label, violations), mean_label(measure)])
    seeds = seeds_text(table[~table["quantity"].isin(OVER_BOUND)])
    lines = [f"MAMO, {seeds}", *_bound_text(table, words), *_believed_text(table, words)]
    titled(figure, "\n".join(lines), table, words)
    keys = [
        Line2D([], [], color=INK, linewidth=1.6, label="greedy evaluation, likewise"),
        *_exact_key(exact_alpha, len(agents)),
        *_alpha_keys(words),
        tolerance_key(table),
    ]
    legend_below(figure, [*seed_keys("IQM over seeds (α: median)", has_seeds(table)), *keys], columns=3)
    return figure


def _alpha_keys(words: Words) -> list[Line2D]:
    """The legend's entry for the alpha of each violation, where there are several."""
    several = words.violations if len(words.violations) > 1 else ()
    each = zip(several, ALPHAS, strict=False)
    return [Line2D([], [], color=colour, label=f"α of {spoken(one)}") for one, colour in each]


def _greedy(axes: Axes, rows: pd.DataFrame) -> None:
    """One short horizontal line a cycle, and its interval as a thin vertical one."""
    centre = rows[rows["series"] == CENTRE]
    axes.hlines(centre["value"], centre["cycle"], centre["cycle"] + 1, color=INK, linewidth=1.6, zorder=3)
    axes.vlines(centre["cycle"] + 0.5, centre["low"], centre["high"], color=INK, linewidth=0.5, zorder=3)


def _exact_key(alpha: float, agents: int) -> list[Line2D]:
    """The legend's entry for the exact alpha, if there is one; several agents may do better with one each."""
    label = f"exact α{', one for all,' if agents > 1 else ''} = {alpha:g}"
    return [Line2D([], [], color=EXACT, linestyle=":", label=label)] if np.isfinite(alpha) else []


def _believed_text(table: pd.DataFrame, words: Words) -> list[str]:
    """A line of what training believed beside what is true, where it was told a proxy."""
    return ["; ".join(believed(table, words))] if PROXY in table else []


def _bound_text(table: pd.DataFrame, words: Words) -> list[str]:
    """Lines of what is known of the end: whether the tolerance can be held, who holds it, and the cost over a bound."""
    found = table[table["quantity"].isin(OVER_BOUND) & (table["series"] == CENTRE)]
    if found.empty:
        return ["nothing exact is known to compare with"]
    row, least = found.iloc[0], f"least_mean_{words.violations[0].name}"
    lines = [beyond_reach(words, table[least].iloc[0], table["tolerance"].mean())] if least in table else []
    compared, healthy, holding = int(row["seeds"]), int(table["seeds"].max()), int(table["seeds_holding"].iloc[0])
    held = f"{holding} of {healthy} seeds hold the tolerance at the end"
    if not compared:
        return [*lines, f"{held}; no final cost can be compared with a bound"]
    seeds = "IQM" if compared == healthy else f"IQM of {compared} of {healthy} seeds"
    interval = f"{row['value']:+.1f} % [{row['low']:+.1f}, {row['high']:+.1f}]"
    return [*lines, held, f"final cost over the {OVER_BOUND[row['quantity']]} bound, {seeds}: {interval}"]
