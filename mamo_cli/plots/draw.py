"""Which figures a run has, and how they come from its folder."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from mamo_cli.analysis.agent_tables import learning_curves_table, regret_table, te_agents_table
from mamo_cli.analysis.frontier_tables import frontier_table, same_instance
from mamo_cli.analysis.mamo_tables import mamo_table
from mamo_cli.analysis.offline_tables import offline_noise_table, offline_table
from mamo_cli.analysis.run_tables import AGENT, has_answers, read_command, read_words
from mamo_cli.core.errors import DataError
from mamo_cli.core.words import Words
from mamo_cli.plots.agents import draw_learning_curves, draw_regret, draw_te_agents
from mamo_cli.plots.frontier import draw_frontier
from mamo_cli.plots.mamo import draw_mamo
from mamo_cli.plots.offline import draw_offline, draw_offline_noise
from mamo_cli.plots.output import save_figure
from mamo_cli.plots.style import house_style

logger = logging.getLogger(__name__)

Draw = Callable[[pd.DataFrame, Words], Figure]
Drawing = tuple[Callable[[Path], pd.DataFrame], Draw]

FRONTIER: Drawing = (lambda folder: frontier_table([folder]), draw_frontier)

FIGURES: Mapping[str, Mapping[str, Drawing]] = {
    "evaluate": {"te_agents": (te_agents_table, draw_te_agents)},
    "solve-offline": {
        "offline": (offline_table, draw_offline),
        "offline_noise": (offline_noise_table, draw_offline_noise),
        "frontier": FRONTIER,
    },
    "train": {
        "te_agents": (te_agents_table, draw_te_agents),
        "learning_curves": (learning_curves_table, draw_learning_curves),
        "regret": (regret_table, draw_regret),
        "frontier": FRONTIER,
    },
    "run-mamo": {"mamo": (mamo_table, draw_mamo), "frontier": FRONTIER},
}
"""By command, from the least to the most that a run has learned, then by file name."""

OF_ANSWERS = ("frontier", "regret")
"""Figures that a run has only where something exact is known of what it is about."""

COMPARISON = "frontier_compared"


def draw_run(folder: Path, destination: Path | None = None) -> list[Path]:
    """Draw every figure that the run's kind has, each as PNG, SVG and PDF with the plotted numbers beside it as CSV.

    Args:
        folder: A run that has ended.
        destination: Where to; the run's own `figures/` if not given.

    Returns:
        The files written.

    Raises:
        DataError: The run or one of its tables cannot be read; figures before it stand.
        StorageError: A file cannot be written.
    """
    command = read_command(folder)
    if command not in FIGURES:
        raise DataError(f"{folder}: a run of {command!r} has no figures, only those of {', '.join(FIGURES)} have")
    written, words = [], read_words(folder)
    for name, (tabulate, draw) in FIGURES[command].items():
        if name in OF_ANSWERS and not has_answers(folder):
            continue
        table = tabulate(folder)
        written += _draw(draw, table, words, (destination or folder / "figures") / name)
    return written


def draw_runs(folders: Sequence[Path]) -> list[Path]:
    """Draw every run, and one frontier with the agents of all of them.

    The common frontier is `frontier_compared` in the figures of the run that learned most: the last `run-mamo`, else
    the last `train`. It takes the runs that answer to the same exact optimum as that one, if
    there are two.

    Raises:
        DataError: A run or one of its tables cannot be read.
        StorageError: A file cannot be written.
    """
    written = [path for folder in folders for path in draw_run(folder)]
    solved = [folder for folder in folders if read_command(folder) != "evaluate" and has_answers(folder)]
    host = max(reversed(solved), key=lambda folder: list(FIGURES).index(read_command(folder)), default=None)
    if host is None:
        return written
    alike = [folder for folder in solved if same_instance(folder, host)]
    for folder in sorted(set(solved) - set(alike)):
        logger.warning("%s: another instance than %s, left out of %s", folder, host, COMPARISON)
    if len(alike) > 1:
        written += _draw(draw_frontier, frontier_table(alike), read_words(host), host / "figures" / COMPARISON)
    return written


def _draw(draw: Draw, table: pd.DataFrame, words: Words, stem: Path) -> list[Path]:
    with house_style():
        return save_figure(draw(table, words), table.rename(columns={AGENT: words.agent}), stem)
