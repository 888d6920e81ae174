"""Experiments 1 and 2: the offline optimum as planned, and the same plan under noise."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.core.seam import Scope
from mamo_cli.core.words import Quantity, Words
from mamo_cli.plots.panels import by_agent, cell_title, held, label_rows, legend_below, panel_columns, spoken, titled
from mamo_cli.plots.style import EXACT, GREY, LEARNT, MARK, measure_axis, time_axis, tolerance_key, tolerance_line


def draw_offline(table: pd.DataFrame, words: Words) -> Figure:
    """Measure and violation of the exact plan over time, a column for each agent."""
    agents, measure, violation = by_agent(table), words.measures[0], words.violations[0]
    figure, axes = panel_columns(len(agents), rows=2)
    for (agent, rows), (above, below) in zip(agents, axes, strict=True):
        first = rows.iloc[0]
        plan = held(rows, "hours")
        above.plot(plan["hours"], plan[measure.name], color=EXACT, drawstyle="steps-post")
        above.set_title(cell_title(agent, f"{_mean(measure)} = {first[f'mean_{measure.name}']:.2f}"))
        below.plot(rows["hours"], rows[violation.name], color=EXACT)
        below.set_title(f"{_mean(violation)} = {first[f'mean_{violation.name}']:.4f}")
        tolerance_line(below, first["tolerance"])
        time_axis(below)
    measure_axis(axes[0][0], measure)
    axes[0][1].set_ylim(bottom=0)
    label_rows(axes, [measure.label, violation.label])
    titled(figure, "\n".join(_said_of(first)), table, words)
    label = "plan" if "gap" in first else "exact plan"
    legend_below(figure, [Line2D([], [], color=EXACT, label=label), tolerance_key(table)])
    return figure


def _said_of(plan: pd.Series) -> list[str]:
    """What the title says of a plan: how good it is, and where it does not meet the tolerance."""
    scope = plan["scope"]
    lines = [f"Offline optimum, scope {scope}: the exact plan"]
    if "gap" in plan:
        lines = [f"Offline plan, scope {scope}: within {100 * plan['gap']:.2g} % of the optimum"]
    if "infeasible_steps" in plan and scope != Scope.ALPHA:
        where = f"at {plan['infeasible_steps']} of {plan['steps']} steps" if scope == Scope.STEP else "on average"
        lines.append(f"the tolerance is not met {where}")
    return lines


def draw_offline_noise(table: pd.DataFrame, words: Words) -> Figure:
    """What came, and the violation that the unchanged plan then has, steps above the tolerance marked."""
    agents, violation, (expected, actual) = by_agent(table), words.violations[0], words.conditions
    figure, axes = panel_columns(len(agents), rows=2)
    for (agent, rows), (above, below) in zip(agents, axes, strict=True):
        first, beyond = rows.iloc[0], rows[rows["above_tolerance"] == 1]
        above.plot(rows["hours"], rows[actual.name], color=GREY, linewidth=0.6)
        above.plot(rows["hours"], rows[expected.name], color=LEARNT)
        above.set_title(agent)
        below.plot(rows["hours"], rows[violation.name], color=EXACT, linewidth=0.8)
        below.plot(beyond["hours"], beyond[violation.name], color=MARK, linestyle="", marker="o", markersize=2)
        mean, share = first[f"mean_{violation.name}"], first["share_above_tolerance"]
        apart = "\n" if agent else ", "  # panels of several agents are narrow
        below.set_title(f"{_mean(violation)} = {mean:.4f}{apart}{100 * share:.0f} % above ε")
        tolerance_line(below, first["tolerance"])
        time_axis(below)
    for panel in axes[0]:
        panel.set_ylim(bottom=0)
    label_rows(axes, [words.control, violation.label])
    titled(figure, f"The plan of scope {first['scope']} under noise", table, words)
    keys = [
        Line2D([], [], color=LEARNT, label=expected.label),
        Line2D([], [], color=GREY, linewidth=0.6, label=actual.label),
        Line2D([], [], color=EXACT, linewidth=0.8, label=f"{spoken(violation)} as it came"),
        Line2D([], [], color=MARK, linestyle="", marker="o", markersize=2, label="step above the tolerance"),
        tolerance_key(table),
    ]
    legend_below(figure, [*keys])
    return figure


def _mean(quantity: Quantity) -> str:
    """A mean's name in a title."""
    return rf"mean $\bar{{{quantity.symbol}}}$" if quantity.symbol else f"mean {quantity.name}"
