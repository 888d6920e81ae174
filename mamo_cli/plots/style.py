"""How every figure looks: a colour-blind safe palette, sizes that read at column width, and nothing from outside."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal

import matplotlib
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from mamo_cli.core.words import Quantity

# Okabe and Ito's palette, by role rather than by name.
LEARNT, EXACT, MARK, SECOND, GREY = "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#999999"
INK = "#000000"

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


def alpha_colour(alpha: float) -> str:
    """A colour whose lightness rises with alpha, legible up to 1."""
    return to_hex(matplotlib.colormaps["viridis"](0.9 * alpha))


def time_axis(axes: Axes) -> None:
    """Hours, with ticks where a day divides evenly."""
    axes.set_xlabel("Time (h)")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 1.2, 2, 2.4, 4, 6, 10]))
    axes.margins(x=0.01)


def measure_axis(axes: Axes, measure: Quantity) -> None:
    """A measure from 0, on whole numbers; to be called once everything is drawn, for it ends the automatic scaling."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=measure.whole))
    axes.margins(y=0.08)
    axes.set_ylim(bottom=0)


def violation_scale(axes: Axes, which: Literal["x", "y"], tolerance: float, values: pd.Series) -> None:
    """Logarithmic above a fifth of the tolerance, linear below, so that a violation of 0 has its place too.

    Args:
        axes: Where to.
        which: The axis that shows the violation.
        tolerance: It is always in view.
        values: All that is drawn on panels of this kind.
    """
    bend = max(tolerance / 5.0, 1e-6)
    highest = min(1.0, 1.1 * max(2.0 * tolerance, values.max()))
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


def tolerance_key(tolerance: float) -> Line2D:
    """The legend's entry for `tolerance_line`."""
    return Line2D([], [], color=MARK, linestyle="--", linewidth=1.0, label=f"tolerance ε = {tolerance:g}")


def seed_keys(centre: str) -> list[Line2D | Patch]:
    """The legend's entries for lines over seeds; their meaning is the same in every figure."""
    return [
        Line2D([], [], color=LEARNT, linewidth=0.5, alpha=0.5, label="one seed"),
        Line2D([], [], color=LEARNT, linewidth=1.1, label=centre),
        Patch(facecolor=LEARNT, alpha=0.25, label="95 % bootstrap interval"),
    ]
