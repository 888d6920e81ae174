"""A walk through the evaluation, window by window: who learns on, who does not, a rule of today, and the bound."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mamo_cli.analysis.walk import BOUND
from mamo_cli.analysis.walk_tables import CHANGE, LIMIT
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import by_agent, label_rows, legend_below, panel_columns, seeds_text, spoken
from mamo_cli.plots.style import DOUBLE_COLUMN, EXACT, GREY, INK, LEARNT, MARK, SECOND
from mamo_cli.training.windows import FROZEN, LEARNING

Look = tuple[str, Literal["-", "-.", ":", "--"]]
LOOKS: Mapping[str, Look] = {LEARNING: (LEARNT, "-"), FROZEN: (GREY, "-"), BOUND: (EXACT, ":"), LIMIT: (MARK, "--")}
RULES: tuple[Look, ...] = ((SECOND, "-."), (INK, "-."))
NAMES = {
    LEARNING: "goes on learning",
    FROZEN: "delivered, frozen",
    BOUND: "causal bound of each window",
    LIMIT: "limit",
}


def draw_walk(table: pd.DataFrame, words: Words) -> Figure:
    """Cost, violation and mean violation so far over the steps of the walk, a column for each agent."""
    agents, violation = by_agent(table), words.violations[0]
    quantities = ("cost", violation.name, f"cumulative_{violation.name}")
    figure, axes = panel_columns(len(agents), rows=3, width_of_one=DOUBLE_COLUMN)
    players = [name for name in table["player"].unique() if name != CHANGE]
    rules = [name for name in players if name not in LOOKS]
    looks = {**LOOKS, **dict(zip(rules, RULES * len(rules), strict=False))}
    for (agent, rows), panels in zip(agents, axes, strict=True):
        for panel, quantity in zip(panels, quantities, strict=True):
            for player in players:
                own = rows[(rows["player"] == player) & (rows["quantity"] == quantity)]
                if not own.empty and (player != BOUND or quantity == "cost"):  # elsewhere it is the limit
                    _line(panel, own, looks[player], by_window=panel is not panels[-1])
            for step in rows.loc[rows["player"] == CHANGE, "steps"].unique():
                panel.axvline(step, color=INK, linewidth=0.8, zorder=1)
            panel.set_ylim(bottom=0)
        panels[0].set_title(agent)
        panels[-1].set_xlabel("Control periods walked")
        panels[-1].margins(x=0.01)
    label_rows(
        axes, ["Mean cost\nof a window", f"Mean {spoken(violation)}\nof a window", f"Mean {spoken(violation)}\nso far"]
    )
    seeds = table[table["player"] == LEARNING]
    figure.suptitle("\n".join([f"Continual, IQM of {seeds_text(seeds)}", *_changes(table, violation.name)]))
    keys = [
        Line2D([], [], color=looks[player][0], linestyle=looks[player][1], label=NAMES.get(player, player))
        for player in players
    ]
    legend_below(figure, keys, columns=3)
    return figure


def _line(panel: Axes, rows: pd.DataFrame, look: Look, by_window: bool) -> None:
    """Over the steps, as a stair if it is by window; with the interval over seeds where there are any."""
    colour, line = look
    style: dict[str, Any] = {"drawstyle": "steps-pre"} if by_window else {}
    step: dict[str, Any] = {"step": "pre"} if by_window else {}
    if by_window:
        rows = pd.concat([rows.iloc[:1].assign(steps=0.0), rows])
    panel.plot(rows["steps"], rows["value"], color=colour, linestyle=line, **style)
    if np.isfinite(rows["low"].astype(float)).any():
        panel.fill_between(rows["steps"], rows["low"], rows["high"], color=colour, alpha=0.25, linewidth=0, **step)


def _changes(table: pd.DataFrame, violation: str) -> list[str]:
    """In words, once for all agents."""
    found = table[table["player"] == CHANGE].drop_duplicates(["steps", "quantity", "value"])
    words = {LIMIT: f"limit of {violation}", "service": "service times x", "load": "load x", "cap": "cap"}
    told = [
        f"{words[quantity]} {'as configured' if np.isnan(value) else format(value, 'g')} from step {step:g}"
        for step, quantity, value in zip(found["steps"], found["quantity"], found["value"], strict=True)
    ]
    return [", ".join(told[:4]) + (", …" if len(told) > 4 else "")] if told else []
