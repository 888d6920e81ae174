"""Which figures a run has, which several have in common, and how they come from their folders."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from mamo_cli.analysis.agent_tables import learning_curves_table, regret_table, te_agents_table
from mamo_cli.analysis.baselines_tables import RULED, baselines_table
from mamo_cli.analysis.comparison_tables import (
    alike,
    difference,
    learning_compared,
    mamo_compared,
    names_of,
    regret_compared,
    unshared_alphas,
)
from mamo_cli.analysis.decomposition_tables import decomposition_table, has_decomposition
from mamo_cli.analysis.frontier_tables import AGENT_KINDS, frontier_table
from mamo_cli.analysis.mamo_tables import mamo_table
from mamo_cli.analysis.offline_tables import offline_noise_table, offline_table
from mamo_cli.analysis.run_tables import AGENT, has_answers, read_command, read_words
from mamo_cli.analysis.selection import AGENTS_TOTAL
from mamo_cli.analysis.sweep_tables import anytime_table, leaderboard_table, profile_table, profiled, scenarios_of
from mamo_cli.analysis.validation_tables import validation_table
from mamo_cli.analysis.walk_tables import walk_table
from mamo_cli.core.errors import DataError
from mamo_cli.core.words import Words
from mamo_cli.domains import registry as domains
from mamo_cli.plots.agents import draw_learning_curves, draw_te_agents
from mamo_cli.plots.baselines import draw_baselines
from mamo_cli.plots.compared import draw_learning_compared, draw_mamo_compared
from mamo_cli.plots.decomposition import draw_decomposition
from mamo_cli.plots.frontier import draw_frontier
from mamo_cli.plots.mamo import draw_mamo
from mamo_cli.plots.offline import draw_offline, draw_offline_noise
from mamo_cli.plots.output import save_figure
from mamo_cli.plots.regret import draw_regret
from mamo_cli.plots.style import MOST_RUNS, house_style
from mamo_cli.plots.sweep import draw_anytime, draw_leaderboard, draw_profile
from mamo_cli.plots.validation import draw_validation
from mamo_cli.plots.walk import draw_walk
from mamo_cli.training.conditions import WALKED

logger = logging.getLogger(__name__)

Draw = Callable[[pd.DataFrame, Words], Figure]
Drawing = tuple[Callable[[Path], pd.DataFrame], Draw]


class Comparison(NamedTuple):
    """A figure of several runs: the commands whose runs it takes, what it shows of them by name, and how."""

    commands: tuple[str, ...]
    tabulate: Callable[[Mapping[str, Path]], pd.DataFrame]
    draw: Draw


FRONTIER: Drawing = (lambda folder: frontier_table({"": folder}), draw_frontier)

MADE_OF = "decomposition"

DECOMPOSED: Drawing = (lambda folder: decomposition_table({"": folder}), draw_decomposition)

VALIDATION = "validate-model"
"""The command whose runs answer to no optimum."""

FIGURES: Mapping[str, Mapping[str, Drawing]] = {
    RULED: {"baselines": (lambda folder: baselines_table({"": folder}), draw_baselines)},
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
    "run-mamo": {
        "mamo": (mamo_table, draw_mamo),
        MADE_OF: DECOMPOSED,
        "frontier": FRONTIER,
        WALKED: (walk_table, draw_walk),
    },
    VALIDATION: {"validation": (validation_table, draw_validation)},
}
"""By command, from the least to the most that a run has learned, then by file name."""

SWEEP = "compare"
"""The command whose runs have figures for each scenario; see `_draw_sweep`."""

LEARNING, MADE_OF_COMPARED = "learning_curves_compared", "decomposition_compared"

COMPARISONS: Mapping[str, Comparison] = {
    "baselines_compared": Comparison((RULED, *AGENT_KINDS), baselines_table, draw_baselines),
    MADE_OF_COMPARED: Comparison(("run-mamo",), decomposition_table, draw_decomposition),
    "frontier_compared": Comparison(tuple(AGENT_KINDS), frontier_table, draw_frontier),
    LEARNING: Comparison(("train",), learning_compared, draw_learning_compared),
    "mamo_compared": Comparison(("run-mamo",), mamo_compared, draw_mamo_compared),
    "regret_compared": Comparison(("train", "evaluate"), regret_compared, draw_regret),
}
"""Of runs that answer to one exact optimum."""

OF_ANSWERS = ("frontier", "regret", "frontier_compared", "regret_compared")
"""Figures that a run has only where something exact is known of what it is about."""


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
    if command == SWEEP:
        return _draw_sweep(folder, destination or folder / "figures")
    if command not in FIGURES:
        having = ", ".join([*FIGURES, SWEEP])
        raise DataError(f"{folder}: a run of {command!r} has no figures, only those of {having} have")
    written, words = [], read_words(folder)
    for name, (tabulate, draw) in FIGURES[command].items():
        if not _has(folder, name):
            continue
        if name == WALKED and not (folder / f"{WALKED}.csv").exists():
            continue
        table = tabulate(folder)
        written += _draw(draw, table, words, (destination or folder / "figures") / name)
    return written


def _draw_sweep(folder: Path, place: Path) -> list[Path]:
    """Draw a comparison: the leaderboard, and of each scenario the way there, of each of its agents the profile."""
    written = _draw(draw_leaderboard, leaderboard_table(folder), read_words(folder), place / "leaderboard")
    scenarios = scenarios_of(folder).dropna(subset="causal_cost")  # else there is no regret
    for scenario, domain in scenarios[["scenario", "domain"]].itertuples(index=False):
        words: Words = domains.about(domain).WORDS
        written += _draw(draw_anytime, anytime_table(folder, scenario), words, place / f"anytime_{scenario}")
        agents = profiled(folder, scenario)
        for agent in agents:
            name = f"profile_{scenario}_{agent}" if len(agents) > 1 else f"profile_{scenario}"
            written += _draw(draw_profile, profile_table(folder, scenario, agent), words, place / name)
    return written


def draw_runs(folders: Sequence[Path], out: Path | None = None) -> list[Path]:
    """Draw every run, and what those that answer to one exact optimum have in common over one another.

    Comparisons stand beside the figures of the run that learned most: the first `run-mamo`, else the first `train`.
    What is left out of them is said, and why.

    Args:
        folders: Runs that have ended.
        out: Where figures go; each run's own `figures/` if not given. Of several runs each has a folder there.

    Returns:
        The files written.

    Raises:
        DataError: A run or one of its tables cannot be read.
        StorageError: A file cannot be written.
    """
    runs = names_of(folders)
    places = {name: _place(name, folder, out, alone=len(runs) == 1) for name, folder in runs.items()}
    written = [path for name, folder in runs.items() for path in draw_run(folder, places[name])]
    groups = alike({name: folder for name, folder in runs.items() if read_command(folder) not in (SWEEP, VALIDATION)})
    _say_apart(groups)
    for group in groups:
        host = max(group, key=lambda name: list(FIGURES).index(read_command(runs[name])))
        written += _compare(group, places[host])
    return written


def _place(name: str, folder: Path, out: Path | None, alone: bool) -> Path:
    if out is None:
        return folder / "figures"
    return out if alone else out / name


def _say_apart(groups: Sequence[Mapping[str, Path]]) -> None:
    """Say of every run outside the largest group why it is not compared with that."""
    if not groups:
        return
    base, folder = next(iter(max(groups, key=len).items()))
    for group in groups:
        for name in group if base not in group else ():
            logger.warning("%s: not compared with %s: %s", name, base, difference(group[name], folder))


def _compare(group: Mapping[str, Path], place: Path) -> list[Path]:
    """Draw what the runs of one group have in common."""
    written: list[Path] = []
    for name, comparison in COMPARISONS.items():
        runs = {
            run: folder
            for run, folder in group.items()
            if read_command(folder) in comparison.commands and _has(folder, name)
        }
        first = next(iter(runs.values()), None)
        if first is None or len(runs) < 2:
            continue
        for run in list(runs)[MOST_RUNS:]:
            logger.warning("%s: left out of %s, which has room for %d runs", run, name, MOST_RUNS)
            del runs[run]
        table = comparison.tabulate(runs)
        if name == LEARNING:
            for alpha, run in unshared_alphas(runs).items():
                logger.warning("alpha %g: left out of %s, only %s has it", alpha, name, run)
        if len(table):
            written += _draw(comparison.draw, table, read_words(first), place / name)
    return written


def _has(folder: Path, name: str) -> bool:
    """Whether a run has what a figure needs."""
    if name in (MADE_OF, MADE_OF_COMPARED):
        return has_decomposition(folder)
    return name not in OF_ANSWERS or has_answers(folder)


def _draw(draw: Draw, table: pd.DataFrame, words: Words, stem: Path) -> list[Path]:
    named = {AGENT: words.agent, AGENTS_TOTAL: f"{words.agent}s_total"}
    with house_style():
        return save_figure(draw(table, words), table.rename(columns=named), stem)
