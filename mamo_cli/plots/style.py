"""How every figure looks: a colour-blind safe palette, sizes that read at column width, and nothing from outside."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import cycle
from typing import Literal, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from mamo_cli.analysis.tolerances import GREATEST_TOLERANCE, LEAST_TOLERANCE
from mamo_cli.core.words import Quantity

# Okabe and Ito's palette, by role rather than by name.
LEARNT, EXACT, MARK, SECOND, GREY = "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#999999"
INK = "#000000"

# What is left of the palette tells runs apart, and the lines and how marks are filled do, too; dashed is the tolerance.
RUN_COLOURS = (LEARNT, "#E69F00", SECOND, "#56B4E9", INK)
RUN_LINES: tuple[tuple[Literal["-", "-.", ":"], Literal["full", "none", "left"]], ...] = (
    ("-", "full"),
    ("-.", "none"),
    (":", "left"),
)
MOST_RUNS = len(RUN_COLOURS) * len(RUN_LINES)
"""That one figure tells apart."""

SINGLE_COLUMN, DOUBLE_COLUMN = 3.5, 7.0
"""Widths in inches."""

RC = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "axes.titlelocation": "left",
    "axes.titlepad": 3,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "axes.grid": True,
    "grid.linewidth": 0.3,
    "grid.alpha": 0.5,
    "axes.axisbelow": True,
    "savefig.dpi": 200,
    "svg.hashsalt": "mamo",
}


def house_style() -> AbstractContextManager[None]:
    """matplotlib's defaults and ours on top, whatever the user's own settings say, undone on leaving."""
    return style.context(["default", RC])


class Look(NamedTuple):
    """How one run is told from others."""

    colour: str
    line: Literal["-", "-.", ":"]
    fill: Literal["full", "none", "left"]


def run_looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each of up to `MOST_RUNS` runs, in their order."""
    looks = zip(cycle(RUN_COLOURS), cycle(RUN_LINES), strict=False)  # 5 and 3: each pair once
    return {name: Look(colour, *line) for name, (colour, line) in zip(names[:MOST_RUNS], looks, strict=False)}


def alpha_colour(alpha: float) -> str:
    """A colour whose lightness rises with alpha, legible up to 1."""
    return to_hex(matplotlib.colormaps["viridis"](0.9 * alpha))


def alpha_bar(figure: Figure, axes: list[Axes]) -> None:
    """The scale of `alpha_colour` beside some axes, where alphas are too many for a legend."""
    colours = LinearSegmentedColormap.from_list("alpha", [alpha_colour(alpha) for alpha in np.linspace(0.0, 1.0, 64)])
    bar = figure.colorbar(ScalarMappable(Normalize(0.0, 1.0), colours), ax=axes, label="α", aspect=40, pad=0.02)
    bar.outline.set_linewidth(0.6)


def time_axis(axes: Axes) -> None:
    """Hours, with ticks where a day divides evenly."""
    axes.set_xlabel("Time (h)")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 1.2, 2, 2.4, 4, 6, 10]))
    axes.margins(x=0.01)


def alpha_axis(axes: Axes) -> None:
    """Alpha over its whole range."""
    axes.set(ylim=(-0.05, 1.05), yticks=np.linspace(0.0, 1.0, 6))


def steps_axis(axes: Axes) -> None:
    """Steps of training, few of them by number."""
    axes.set_xlabel("Training (environment steps)")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))


def measure_axis(axes: Axes, measure: Quantity) -> None:
    """A measure from 0, on whole numbers; to be called once everything is drawn, for it ends the automatic scaling."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=measure.whole))
    axes.margins(y=0.08)
    axes.set_ylim(bottom=0)


def close_together(*several: pd.Series) -> bool:
    """Whether no value is twice another, so that an axis from 0 would show nothing of what sets them apart."""
    lowest, highest = min(each.min() for each in several), max(each.max() for each in several)
    return bool(highest < 2.0 * lowest)


def violation_scale(axes: Axes, which: Literal["x", "y"], tolerances: pd.Series, values: pd.Series) -> None:
    """Logarithmic above a fifth of the least tolerance, linear below, so that a violation of 0 has its place too.

    Where all are close together it is linear, and begins near them.

    Args:
        axes: Where to.
        which: The axis that shows the violation.
        tolerances: They are always in view.
        values: All that is drawn on panels of this kind.
    """
    if close_together(tolerances, values):
        axes.margins(x=0.1 if which == "x" else None, y=0.1 if which == "y" else None)
        return
    bend = max(tolerances.min() / 5.0, 1e-6)
    highest = 1.1 * max(2.0 * tolerances.max(), values.max())
    if values.max() <= 1.0:  # a share has no room above all of it
        highest = min(1.0, highest)
    scale, limits = (axes.set_xscale, axes.set_xlim) if which == "x" else (axes.set_yscale, axes.set_ylim)
    scale("symlog", linthresh=bend, linscale=0.5)
    axis = axes.xaxis if which == "x" else axes.yaxis
    digits = (1, 2, 5) if highest < 200.0 * bend else (1,)
    axis.set_ticks([0.0, *(tick for tick in _decade_ticks(digits) if 0.99 * bend < tick)])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    limits(bend if values.min() >= bend else 0.0, highest)


def _decade_ticks(digits: Sequence[int]) -> list[float]:
    return [digit * 10.0**power for power in range(-6, 1) for digit in digits]


def tolerance_line(axes: Axes, tolerance: float, which: str = "y") -> None:
    """The most violation allowed, dashed."""
    line = axes.axvline if which == "x" else axes.axhline
    line(tolerance, color=MARK, linestyle="--", linewidth=1.0)


def tolerance_key(table: pd.DataFrame) -> Line2D:
    """The legend's entry for `tolerance_line`, of a figure's table."""
    return Line2D([], [], color=MARK, linestyle="--", linewidth=1.0, label=_tolerance_label(table))


def _tolerance_label(table: pd.DataFrame) -> str:
    least, greatest = table["tolerance"].min(), table["tolerance"].max()
    if LEAST_TOLERANCE in table:
        ends = table[LEAST_TOLERANCE].min(), table[GREATEST_TOLERANCE].max()
        return f"mean tolerance ε = {least:.3g}, of {ends[0]:g} to {ends[1]:g}"
    return f"tolerance ε = {least:g}" if least == greatest else f"tolerance ε, from {least:g} to {greatest:g}"


def seed_keys(centre: str, each: bool) -> list[Line2D | Patch]:
    """The legend's entries for lines over seeds, of `each` seed too; their meaning is the same in every figure."""
    return [
        *([Line2D([], [], color=LEARNT, linewidth=0.5, alpha=0.5, label="one seed")] if each else []),
        Line2D([], [], color=LEARNT, linewidth=1.1, label=centre),
        Patch(facecolor=LEARNT, alpha=0.25, label="95 % bootstrap interval"),
    ]
