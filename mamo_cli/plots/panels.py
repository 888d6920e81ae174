"""Columns of stacked panels, one column a cell (an alpha, an agent), and the lines over seeds drawn in them."""

import math
import re
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mamo_cli.analysis.believed import BELIEVED, TRUE
from mamo_cli.analysis.frontier_tables import RUN
from mamo_cli.analysis.over_seeds import CENTRE, SEED
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.selection import AGENTS_TOTAL, ALPHAS_TOTAL
from mamo_cli.core.told import shown
from mamo_cli.core.words import Quantity, Words
from mamo_cli.plots.style import DOUBLE_COLUMN, LEARNT, SINGLE_COLUMN

MAX_COLUMNS = 4
ROW_HEIGHT = 1.35
"""Of one panel, in inches."""

LEGEND_ROOM, LEGEND_ROW = 3, 0.16
"""So many rows of a legend fit every figure; each further one makes it higher, in inches."""

PROXY, SCENARIO = "proxy", "scenario"
"""Columns of figures' tables: what training was told in place of the truth, and a comparison's scenario."""

LETTERS_AN_INCH = 16
"""In a line of a title."""

UNIT = re.compile(r"\s\([^()]+\)$")

LONGEST_NAME, LONGEST_RUN = 14, 36
"""Characters of an agent's name in a title, and of a run's in a legend."""


def panel_columns(cells: int, rows: int, width_of_one: float = SINGLE_COLUMN) -> tuple[Figure, list[list[Axes]]]:
    """A figure with a column of `rows` panels for each cell, wrapped after four columns, axes shared by kind.

    Args:
        cells: How many columns are needed.
        rows: Panels in each.
        width_of_one: Of the figure if there is one cell alone, in inches; with more it is a double column.

    Returns:
        The figure, and the axes as [cell][row].
    """
    columns = min(cells, MAX_COLUMNS)
    blocks = math.ceil(cells / columns)
    width = width_of_one if cells == 1 else DOUBLE_COLUMN
    figure = Figure(figsize=(width, blocks * rows * ROW_HEIGHT + 0.9), layout="constrained")
    grid = figure.add_gridspec(blocks * rows, columns)
    axes: list[list[Axes]] = []
    for cell in range(cells):
        block, column = divmod(cell, columns)
        axes.append([])
        for row in range(rows):
            like = {"sharex": axes[0][0], "sharey": axes[0][row]} if cell else {"sharex": axes[0][0] if row else None}
            panel = figure.add_subplot(grid[block * rows + row, column], **like)
            panel.tick_params(labelbottom=row == rows - 1, labelleft=column == 0)
            axes[-1].append(panel)
    return figure, axes


def label_rows(axes: list[list[Axes]], labels: list[str]) -> None:
    """Name what the vertical axes show, on the left of each block."""
    for panels in axes[::MAX_COLUMNS]:
        for panel, label in zip(panels, labels, strict=True):
            panel.set_ylabel(label)


def legend_below(figure: Figure, keys: Sequence[Artist], columns: int = 2, room: int = LEGEND_ROOM) -> None:
    """The legend under all panels, where it hides no data; the figure grows by the rows that it has no `room` for."""
    rows = math.ceil(len(keys) / columns)
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * max(0, rows - room))
    figure.legend(handles=keys, loc="outside lower center", ncols=columns)


def has_seeds(table: pd.DataFrame) -> bool:
    """Whether seeds are drawn by themselves."""
    return bool((table["series"] == SEED).any())


def draw_over_seeds(
    axes: Axes, rows: pd.DataFrame, point: str, colour: str = LEARNT, steps: bool = False, line: str = "-"
) -> None:
    """Every seed that is there thin, the centre bold, its interval as a band.

    Args:
        axes: Where to.
        rows: One quantity of `over_seeds`.
        point: The column for the horizontal axis.
        colour: Of all three.
        steps: Hold each value until the next point.
        line: Of the centre.
    """
    drawstyle = "steps-post" if steps else "default"
    for _, seed in groups(rows[rows["series"] == SEED], "seed"):
        own = held(seed, point) if steps else seed
        axes.plot(own[point], own["value"], color=colour, linewidth=0.4, alpha=0.35, drawstyle=drawstyle)
    centre = rows[rows["series"] == CENTRE]
    centre = held(centre, point) if steps else centre
    band = axes.fill_between if not steps else partial(axes.fill_between, step="post")
    band(centre[point], centre["low"], centre["high"], color=colour, alpha=0.25, linewidth=0)
    axes.plot(centre[point], centre["value"], color=colour, linewidth=1.1, drawstyle=drawstyle, linestyle=line)


def held(rows: pd.DataFrame, point: str) -> pd.DataFrame:
    """The rows and the last of them once more, one spacing on: a value drawn as a step holds that long."""
    spacing = rows[point].diff().iloc[-1] if len(rows) > 1 else 1.0
    last = rows.tail(1)
    return pd.concat([rows, last.assign(**{point: last[point] + spacing})])


def groups(table: pd.DataFrame, columns: str | list[str]) -> list[tuple[Any, pd.DataFrame]]:
    """The table cut up by the columns' values, in rising order."""
    return list(table.groupby(columns))


def by_agent(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The table of each agent with its name, shortened, which is left empty where there is only one."""
    found = groups(table, AGENT)
    return [(shortened(name) if len(found) > 1 else "", rows) for name, rows in found]


def cell_title(agent: str, text: str) -> str:
    """A title of a panel of one agent, in a line of its own if it is named."""
    return f"{shortened(agent)}\n{text}" if agent else text


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name without its middle where it is longer than there is room for."""
    half = longest // 2
    return name if len(name) <= longest else f"{name[: longest - half]}…{name[1 - half :]}"


def titled(figure: Figure, title: str, table: pd.DataFrame, words: Words) -> None:
    """Give the figure its title, which says what was left out for want of room, and what proxy training was told."""
    left_out = []
    if AGENTS_TOTAL in table:
        shown, total = table[AGENT].nunique(), table[AGENTS_TOTAL].iloc[0]
        violation = spoken(words.violations[0])
        left_out.append(f"{shown} of {total} {words.agent}s, evenly from the least {violation} to the most")
    if ALPHAS_TOTAL in table:
        left_out.append(f"{table['alpha'].nunique()} of {table[ALPHAS_TOTAL].iloc[0]} alphas")
    told = proxy_lines(figure, table)
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * len(told))
    figure.suptitle("\n".join([title, *left_out, *told]))


def proxy_lines(figure: Figure, table: pd.DataFrame) -> list[str]:
    """Lines of a title as wide as the figure, see `proxies_told`."""
    width = int(LETTERS_AN_INCH * figure.get_figwidth())
    return [line for told in proxies_told(table) for line in textwrap.wrap(told, width)]


def proxies_told(table: pd.DataFrame) -> list[str]:
    """Which proxy training was told, of several runs or scenarios by name; nothing where it was told none."""
    if PROXY not in table:
        return []
    by = next((column for column in (SCENARIO, RUN) if column in table and table[column].nunique() > 1), None)
    if by is None:
        return [f"trained on a proxy: {table[PROXY].iloc[0]}"]
    told = table.dropna(subset=PROXY).drop_duplicates(by)
    named = zip(told[by], told[PROXY], strict=True)
    return [f"{shortened(name, LONGEST_RUN)}, trained on a proxy: {proxy}" for name, proxy in named]


def beyond_reach(words: Words, least: float, tolerance: float) -> str:
    """Said where no alpha holds the tolerance for all agents; `least` is the least mean violation of all of them."""
    if least <= tolerance:
        return f"no alpha holds the tolerance for every {words.agent}"
    return f"no alpha holds the tolerance; least mean {spoken(words.violations[0])} {least:.2g}"


def believed(table: pd.DataFrame, words: Words) -> list[str]:
    """Of a MAMO table under a proxy: the cost and each violation, as training believed them and as they are."""
    limit = f" (limit {table['tolerance'].mean():g})" if len(words.violations) == 1 else ""
    labels = {"cost": ("cost", ""), **{one.name: (spoken(one), limit) for one in words.violations}}
    told = {name: [float(table[f"{start}{name}"].iloc[0]) for start in (BELIEVED, TRUE)] for name in labels}
    return [
        f"{label}: believed {shown(told[name][0])}, true {shown(told[name][1])}{limit}"
        for name, (label, limit) in labels.items()
    ]


def seeds_text(rows: pd.DataFrame) -> str:
    """How many seeds the rows stand for, and how many there were; a range where some stand for fewer.

    Quantities that nobody has, as exact agents have none of training, do not count.
    """
    had = rows[rows.groupby("quantity")["seeds"].transform("max") > 0] if "quantity" in rows else rows
    had = had if len(had) else rows
    fewest, kept, total = int(had["seeds"].min()), int(had["seeds"].max()), int(had["seeds_total"].max())
    if fewest < kept:
        return f"n = {fewest} to {kept} of {total} seeds"
    return f"n = {kept} seeds" if kept == total else f"n = {kept} of {total} seeds"


def run_label(name: str, rows: pd.DataFrame) -> str:
    """A legend's words for one run of several."""
    return f"{shortened(name, LONGEST_RUN)}, {seeds_text(rows)}"


def mean_label(quantity: Quantity, how: str = "") -> str:
    """What an axis of a quantity's means is called, and how they came about; its unit ends its label, in brackets."""
    unit = UNIT.search(quantity.label)
    return f"Mean {spoken(quantity)}{how}{unit[0] if unit else ''}"


def spoken(quantity: Quantity) -> str:
    """A quantity in a sentence."""
    return quantity.spoken or quantity.name.replace("_", " ")
