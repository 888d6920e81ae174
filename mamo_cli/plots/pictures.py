"""Which figures a run has, which several have in common, and what each shows, before anything is drawn."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from mamo_cli.analysis.agent_tables import learning_curves_table, regret_table, te_agents_table
from mamo_cli.analysis.baselines_tables import RULED, baselines_table
from mamo_cli.analysis.comparison_tables import (
    alike,
    difference,
    learning_compared,
    mamo_compared,
    regret_compared,
    unshared_alphas,
)
from mamo_cli.analysis.decomposition_tables import decomposition_table, has_decomposition
from mamo_cli.analysis.frontier_tables import AGENT_KINDS, RUN, frontier_table
from mamo_cli.analysis.mamo_tables import mamo_table
from mamo_cli.analysis.offline_tables import offline_noise_table, offline_table
from mamo_cli.analysis.over_seeds import SEED
from mamo_cli.analysis.run_tables import has_answers, read_command, read_words
from mamo_cli.analysis.sweep_tables import anytime_table, leaderboard_table, profile_table, profiled, scenarios_of
from mamo_cli.analysis.validation_tables import validation_table
from mamo_cli.analysis.walk_tables import walk_table
from mamo_cli.core.errors import DataError
from mamo_cli.core.words import Words
from mamo_cli.plots import described, described_several
from mamo_cli.plots.agents import draw_learning_curves, draw_te_agents
from mamo_cli.plots.baselines import draw_baselines
from mamo_cli.plots.compared import draw_learning_compared, draw_mamo_compared
from mamo_cli.plots.decomposition import draw_decomposition
from mamo_cli.plots.frontier import draw_frontier
from mamo_cli.plots.mamo import draw_mamo
from mamo_cli.plots.offline import draw_offline, draw_offline_noise
from mamo_cli.plots.panels import PROXY, SCENARIO, proxies_told
from mamo_cli.plots.regret import draw_regret
from mamo_cli.plots.style import MOST_RUNS
from mamo_cli.plots.sweep import draw_anytime, draw_leaderboard, draw_profile
from mamo_cli.plots.validation import draw_validation
from mamo_cli.plots.walk import draw_walk
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.runs.outcomes import words_of
from mamo_cli.training.conditions import WALKED

logger = logging.getLogger(__name__)


class Kind(NamedTuple):
    """How a table becomes a figure, and how it is told to who does not see that."""

    draw: Callable[[pd.DataFrame, Words], Figure]
    describe: Callable[[pd.DataFrame, Words], str]


class Picture(NamedTuple):
    """What one figure shows: all that is needed to draw it."""

    name: str
    table: pd.DataFrame
    words: Words
    kind: Kind

    def describe(self) -> str:
        """What is seen, in sentences with the plotted numbers."""
        told = self.kind.describe(self.table, self.words)
        return " ".join([told, *(f"{proxy[0].upper()}{proxy[1:]}." for proxy in proxies_told(self.table))])

    def without_seeds(self) -> "Picture | None":
        """The same without lines of single seeds, as of many seeds there are none; None where there are none."""
        own = self.table["series"] == SEED if "series" in self.table else pd.Series(False, self.table.index)
        return self._replace(table=self.table[~own].reset_index(drop=True)) if own.any() else None


BASELINES = Kind(draw_baselines, described_several.baselines)
DECOMPOSED = Kind(draw_decomposition, described_several.decomposition)
FRONTIER = Kind(draw_frontier, described_several.frontier)
REGRET = Kind(draw_regret, described_several.regret)
TE_AGENTS = Kind(draw_te_agents, described.te_agents)
LEADERBOARD = Kind(draw_leaderboard, described_several.leaderboard)
ANYTIME = Kind(draw_anytime, described_several.anytime)
PROFILE = Kind(draw_profile, described_several.profile)

Drawing = tuple[Callable[[Path], pd.DataFrame], Kind]


class Comparison(NamedTuple):
    """A figure of several runs: the commands whose runs it takes, what it shows of them by name, and how."""

    commands: tuple[str, ...]
    tabulate: Callable[[Mapping[str, Path]], pd.DataFrame]
    kind: Kind


OF_ONE: Drawing = (lambda folder: frontier_table({"": folder}), FRONTIER)

MADE_OF = "decomposition"

VALIDATION = "validate-model"
"""The command whose runs answer to no optimum."""

FIGURES: Mapping[str, Mapping[str, Drawing]] = {
    RULED: {"baselines": (lambda folder: baselines_table({"": folder}), BASELINES)},
    "evaluate": {"te_agents": (te_agents_table, TE_AGENTS)},
    "solve-offline": {
        "offline": (offline_table, Kind(draw_offline, described.offline)),
        "offline_noise": (offline_noise_table, Kind(draw_offline_noise, described.offline_noise)),
        "frontier": OF_ONE,
    },
    "train": {
        "te_agents": (te_agents_table, TE_AGENTS),
        "learning_curves": (learning_curves_table, Kind(draw_learning_curves, described.learning_curves)),
        "regret": (regret_table, REGRET),
        "frontier": OF_ONE,
    },
    "run-mamo": {
        "mamo": (mamo_table, Kind(draw_mamo, described.mamo)),
        MADE_OF: (lambda folder: decomposition_table({"": folder}), DECOMPOSED),
        "frontier": OF_ONE,
        WALKED: (walk_table, Kind(draw_walk, described.walk)),
    },
    VALIDATION: {"validation": (validation_table, Kind(draw_validation, described.validation))},
}
"""By command, from the least to the most that a run has learned, then by file name."""

SWEEP = "compare"
"""The command whose runs have figures for each scenario; see `_of_sweep`."""

LEARNING, MADE_OF_COMPARED = "learning_curves_compared", "decomposition_compared"

COMPARISONS: Mapping[str, Comparison] = {
    "baselines_compared": Comparison((RULED, *AGENT_KINDS), baselines_table, BASELINES),
    MADE_OF_COMPARED: Comparison(("run-mamo",), decomposition_table, DECOMPOSED),
    "frontier_compared": Comparison(tuple(AGENT_KINDS), frontier_table, FRONTIER),
    LEARNING: Comparison(
        ("train",), learning_compared, Kind(draw_learning_compared, described_several.learning_compared)
    ),
    "mamo_compared": Comparison(
        ("run-mamo",), mamo_compared, Kind(draw_mamo_compared, described_several.mamo_compared)
    ),
    "regret_compared": Comparison(("train", "evaluate"), regret_compared, REGRET),
}
"""Of runs that answer to one exact optimum."""

OF_ANSWERS = ("frontier", "regret", "frontier_compared", "regret_compared")
"""Figures that a run has only where something exact is known of what it is about."""


def pictures_of(folder: Path) -> Iterator[Picture]:
    """Every figure that the run's kind has.

    Args:
        folder: A run that has ended.

    Raises:
        DataError: The run or one of its tables cannot be read.
    """
    command = read_command(folder)
    if command == SWEEP:
        yield from _of_sweep(folder)
        return
    if command not in FIGURES:
        having = ", ".join([*FIGURES, SWEEP])
        raise DataError(f"{folder}: a run of {command!r} has no figures, only those of {having} have")
    words = read_words(folder)
    for name, (tabulate, kind) in FIGURES[command].items():
        if not _has(folder, name):
            continue
        if name == WALKED and not (folder / f"{WALKED}.csv").exists():
            continue
        table, proxy = tabulate(folder), read_manifest(folder).get(PROXY)
        yield Picture(name, table if proxy is None else table.assign(proxy=proxy), words, kind)


def _of_sweep(folder: Path) -> Iterator[Picture]:
    """Of a comparison: the leaderboard, and of each scenario the way there, of each of its agents the profile."""
    own: Mapping[str, Any] = read_manifest(folder).get("own", {})
    proxies = {scenario: facts[PROXY] for scenario, facts in own.items() if PROXY in facts}
    board = leaderboard_table(folder)
    yield Picture("leaderboard", _with_proxies(board, SCENARIO, proxies), read_words(folder), LEADERBOARD)
    scenarios = scenarios_of(folder).dropna(subset="causal_cost")  # else there is no regret
    for scenario, domain in scenarios[["scenario", "domain"]].itertuples(index=False):
        words = words_of({"domain": domain, **own.get(scenario, {})}) or read_words(folder)
        way = _with_proxies(anytime_table(folder, scenario), SCENARIO, proxies)
        yield Picture(f"anytime_{scenario}", way, words, ANYTIME)
        agents = profiled(folder, scenario)
        for agent in agents:
            name = f"profile_{scenario}_{agent}" if len(agents) > 1 else f"profile_{scenario}"
            profile = _with_proxies(profile_table(folder, scenario, agent), SCENARIO, proxies)
            yield Picture(name, profile, words, PROFILE)


def _with_proxies(table: pd.DataFrame, by: str, proxies: Mapping[str, str]) -> pd.DataFrame:
    """The table with the proxy of each run or scenario, if any of them has one."""
    if by not in table or not set(table[by]) & set(proxies):
        return table
    return table.assign(proxy=table[by].map(proxies))


def pictures_of_several(runs: Mapping[str, Path]) -> Iterator[tuple[str, Picture]]:
    """What runs that answer to one exact optimum have in common, each with the run that learned most, by name.

    That is the first `run-mamo`, else the first `train`. What is left out is said, and why.

    Raises:
        DataError: A run or one of its tables cannot be read.
    """
    groups = alike({name: folder for name, folder in runs.items() if read_command(folder) not in (SWEEP, VALIDATION)})
    _say_apart(groups)
    for group in groups:
        host = max(group, key=lambda name: list(FIGURES).index(read_command(runs[name])))
        for picture in _compared(group):
            yield host, picture


def _say_apart(groups: Sequence[Mapping[str, Path]]) -> None:
    """Say of every run outside the largest group why it is not compared with that."""
    if not groups:
        return
    base, folder = next(iter(max(groups, key=len).items()))
    for group in groups:
        for name in group if base not in group else ():
            logger.warning("%s: not compared with %s: %s", name, base, difference(group[name], folder))


def _compared(group: Mapping[str, Path]) -> Iterator[Picture]:
    """What the runs of one group have in common."""
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
        told = {run: read_manifest(folder).get(PROXY) for run, folder in runs.items()}
        proxies = {run: str(proxy) for run, proxy in told.items() if proxy is not None}
        table = _with_proxies(comparison.tabulate(runs), RUN, proxies)
        if name == LEARNING:
            for alpha, run in unshared_alphas(runs).items():
                logger.warning("alpha %g: left out of %s, only %s has it", alpha, name, run)
        if len(table):
            yield Picture(name, table, read_words(first), comparison.kind)


def _has(folder: Path, name: str) -> bool:
    """Whether a run has what a figure needs."""
    if name in (MADE_OF, MADE_OF_COMPARED):
        return has_decomposition(folder)
    return name not in OF_ANSWERS or has_answers(folder)
