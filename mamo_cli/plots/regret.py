"""TE agents' regret against the exact optimum at their alpha, of one run or of several."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from mamo_cli.analysis.frontier_tables import RUN
from mamo_cli.analysis.over_seeds import CENTRE, SEED
from mamo_cli.analysis.selection import NAMED_ALPHAS
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import groups, has_seeds, legend_below, run_label, seeds_text
from mamo_cli.plots.style import DOUBLE_COLUMN, EXACT, GREY, INK, LEARNT, SINGLE_COLUMN, Look, run_looks

ESTIMATE = "IQM, 95 % bootstrap interval"

BESIDE = 6.0
"""Points between the seeds at an alpha and their centre, and between the centres of runs."""


def draw_regret(table: pd.DataFrame, words: Words) -> Figure:
    """Regret by alpha: every seed a dot if they are few, the IQM with its interval beside them, a colour for each run.

    Each alpha has a place and a tick of its own; where they are too many for that, they stand on a scale.
    """
    alphas = groups(table, "alpha")
    named = len(alphas) <= NAMED_ALPHAS
    places = {alpha: place if named else alpha for place, (alpha, _) in enumerate(alphas)}
    figure = Figure(figsize=(SINGLE_COLUMN if len(alphas) <= 6 else DOUBLE_COLUMN, 2.8), layout="constrained")
    axes = figure.add_subplot()
    _dots(axes, table[table["series"] == SEED], places)
    keys = _centres(axes, table[table["series"] == CENTRE], places, BESIDE if has_seeds(table) else 0.0)
    axes.axhline(0.0, color=EXACT, linestyle=":")
    if named:
        axes.set_xticks(range(len(alphas)), [f"{at:g}" if RUN in table else _tick(at, rows) for at, rows in alphas])
        axes.set_xlim(-0.5, len(alphas) - 0.5)
        axes.grid(visible=False, axis="x")
    axes.set_xlabel(_axis(table, named))
    axes.set_ylabel("Regret (%)")
    figure.suptitle("TE agents' regret against the exact optimum at their α")
    dot = Line2D([], [], color=LEARNT, linestyle="", marker="o", markersize=3, alpha=0.5, label="one seed")
    optimum = Line2D([], [], color=EXACT, linestyle=":", label="exact optimum")
    legend_below(figure, [*([dot] if has_seeds(table) else []), *keys, optimum], columns=1 if RUN in table else 2)
    return figure


def _axis(table: pd.DataFrame, named: bool) -> str:
    if RUN in table:
        return "α"
    return "α (n: seeds)" if named else f"α ({seeds_text(table)})"


def _dots(axes: Axes, seeds: pd.DataFrame, places: Mapping[float, float]) -> None:
    for alpha, rows in groups(seeds, "alpha"):
        at = [places[alpha]] * len(rows)
        axes.plot(at, rows["value"], color=LEARNT, linestyle="", marker="o", markersize=3, alpha=0.5)


def _centres(axes: Axes, centres: pd.DataFrame, places: Mapping[float, float], beside: float) -> list[Artist]:
    """Each run's centres, beside one another, or those of one beside its seeds; the legend's entries for them."""
    if RUN not in centres:
        _centre(axes, centres, places, beside=beside, look=Look(INK, "-", "full"))
        return [Line2D([], [], color=INK, marker="D", markersize=4, label=ESTIMATE)]
    looks = run_looks(list(centres[RUN].unique()))
    keys: list[Artist] = []
    for number, (name, look) in enumerate(looks.items()):
        rows = centres[centres[RUN] == name]
        _centre(axes, rows, places, beside=BESIDE * (number - (len(looks) - 1) / 2), look=look)
        style: dict[str, Any] = {"color": look.colour, "fillstyle": look.fill, "label": run_label(name, rows)}
        keys.append(Line2D([], [], linestyle="", marker="D", markersize=4, **style))
    return [*keys, Line2D([], [], color=GREY, marker="D", markersize=4, label=ESTIMATE)]


def _centre(axes: Axes, rows: pd.DataFrame, places: Mapping[float, float], beside: float, look: Look) -> None:
    moved = axes.transData + ScaledTranslation(beside / 72, 0, axes.figure.dpi_scale_trans)
    style: dict[str, Any] = {"color": look.colour, "transform": moved}
    reach = [[places[row["alpha"]], end] for _, row in rows.iterrows() for end in (row["low"], row["high"])]
    axes.update_datalim(reach)  # which a moved line does not do
    for _, row in rows.iterrows():
        place = places[row["alpha"]]
        axes.plot([place] * 2, [row["low"], row["high"]], **style)
        axes.plot([place], [row["value"]], marker="D", markersize=4, fillstyle=look.fill, **style)


def _tick(alpha: float, rows: pd.DataFrame) -> str:
    """An alpha and how many seeds stand over it, as narrow as it can be said."""
    return f"{alpha:g}\n" + seeds_text(rows).removesuffix(" seeds").replace(" of ", "\nof ")
