"""What figures of several runs show: who answers to one exact optimum, what sets apart, curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.agent_tables import regret_table
from mamo_cli.analysis.frontier_tables import RUN, point_of, read_frontier
from mamo_cli.analysis.over_seeds import by_group
from mamo_cli.analysis.run_tables import AGENT, has_answers, quantities_of, read_run_table, read_words
from mamo_cli.analysis.selection import fitting
from mamo_cli.analysis.statistics import median
from mamo_cli.analysis.tolerances import read_tolerances, with_tolerance
from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import read_toml
from mamo_cli.runs.folder import CONFIG


def names_of(folders: Sequence[Path]) -> dict[str, Path]:
    """The folders by names that tell them apart: the last part of their paths, or as many as it takes.

    A folder that is given twice is there once.
    """
    parts = list(dict.fromkeys(folder.resolve().parts for folder in folders))
    unique = {folder.resolve().parts: folder for folder in reversed(folders)}
    length = 1
    while len({each[-length:] for each in parts}) < len(parts):
        length += 1
    return {"/".join(each[-length:]).lstrip("/"): unique[each] for each in parts}


def alike(runs: Mapping[str, Path]) -> list[dict[str, Path]]:
    """The runs in groups that answer to one exact optimum each, whatever order they are given in.

    Raises:
        DataError: A table cannot be read.
    """
    groups: list[dict[str, Path]] = []
    for name, folder in runs.items():
        own = next((group for group in groups if not difference(folder, _first(group))), None)
        if own is None:
            groups.append({name: folder})
        else:
            own[name] = folder
    return groups


def difference(folder: Path, other: Path) -> str:
    """What sets a run's instance apart from another's; nothing if both answer to one exact optimum.

    That is so if their agents have the same tolerances, and the same answers at the alphas both have. Where nothing
    exact is known of either, their settings of the instance must be the same.

    Raises:
        DataError: A table cannot be read.
    """
    if read_words(folder) != read_words(other):
        return "another domain"
    mine, theirs = read_tolerances(folder), read_tolerances(other)
    apart = _settings_apart(folder, other)
    if mine != theirs:
        return apart or f"tolerance {mine.shown}, not {theirs.shown}"
    if has_answers(folder) != has_answers(other):
        return apart or "something exact is known of one of the two alone"
    if not has_answers(folder):
        return apart
    return "" if _same_answers(folder, other) else apart or "another trace: other exact answers"


def unshared_alphas(runs: Mapping[str, Path]) -> dict[float, str]:
    """The alphas at which one of the runs alone was trained, and which.

    Raises:
        DataError: `summary.csv` cannot be read.
    """
    trained = _together(runs, "summary.csv", ["alpha"]).drop_duplicates()
    alone = trained[~trained["alpha"].duplicated(keep=False)]
    return dict(zip(alone["alpha"].tolist(), alone[RUN].tolist(), strict=True))


def learning_compared(runs: Mapping[str, Path]) -> pd.DataFrame:
    """Centres over training steps of several runs of TE agents, at the alphas that at least two of them have.

    Returns:
        The columns of `over_seeds` over `env_steps`, by `run`, `alpha` and `agent`, with tolerance; empty if no alpha
        is shared. Of more agents and alphas than a figure has room for, some are left out.

    Raises:
        DataError: `training.csv` or `summary.csv` cannot be read.
    """
    means = [f"mean_{name}" for name in quantities_of(_first(runs))]
    training = _together(runs, "training.csv", ["seed", "alpha", AGENT, "env_steps", *means])
    training = training[~training["alpha"].isin(list(unshared_alphas(runs)))]
    if training.empty:
        return training
    training, totals = fitting(training, means[-1], panels=len(means), by_alpha=True)
    table = by_group(training, [RUN, "alpha", AGENT], "env_steps", means, each=False)
    return with_tolerance(_in_order(table, runs), _first(runs), **totals)


def mamo_compared(runs: Mapping[str, Path]) -> pd.DataFrame:
    """Centres of alpha, violation and measure over the training steps of several runs of MAMO.

    Returns:
        The columns of `over_seeds` over `env_steps`, by `run` and `agent`, with tolerance. Of more agents than a figure
        has room for, some are left out.

    Raises:
        DataError: `training.csv` or `summary.csv` cannot be read.
    """
    means = [f"mean_{name}" for name in quantities_of(_first(runs))]
    training = _together(runs, "training.csv", ["seed", "alpha", AGENT, "env_steps", *means])
    training["alpha"] = training["alpha"].where(training[means].notna().all(axis=1))
    training, totals = fitting(training, means[-1], panels=len(means) + 1)
    by = [RUN, AGENT]
    parts = [
        by_group(training, by, "env_steps", ["alpha"], median, each=False),
        by_group(training, by, "env_steps", means, each=False),
    ]
    table = pd.concat(parts, ignore_index=True)
    return with_tolerance(_in_order(table, runs), _first(runs), **totals)


def regret_compared(runs: Mapping[str, Path]) -> pd.DataFrame:
    """`regret_table` of several runs, centres only, by `run`.

    Raises:
        DataError: `summary.csv` cannot be read.
    """
    parts = [regret_table(folder, each=False).assign(run=name) for name, folder in runs.items()]
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, RUN, table.pop(RUN))
    return table


def _together(runs: Mapping[str, Path], name: str, columns: Sequence[str]) -> pd.DataFrame:
    parts = [read_run_table(folder, name, columns).assign(run=run) for run, folder in runs.items()]
    return pd.concat(parts, ignore_index=True)


def _in_order(table: pd.DataFrame, runs: Mapping[str, Path]) -> pd.DataFrame:
    """The rows by run in the order in which the runs were given."""
    order = {name: place for place, name in enumerate(runs)}
    return table.sort_values(RUN, key=lambda column: column.map(order), kind="stable", ignore_index=True)


def _first(runs: Mapping[str, Path]) -> Path:
    return next(iter(runs.values()))


def _same_answers(folder: Path, other: Path) -> bool:
    both = read_frontier(folder).merge(read_frontier(other), on=["kind", "alpha"])
    left, right = (both[[f"{name}_{side}" for name in point_of(folder)]].to_numpy() for side in "xy")
    return len(both) > 0 and np.allclose(left, right, rtol=1e-6, atol=1e-9, equal_nan=True)


def _settings_apart(folder: Path, other: Path) -> str:
    """The instance's settings in which two runs' configurations differ, as far as both are known."""
    mine, theirs = _instance(folder), _instance(other)
    names = [name for name in mine if name in theirs and mine[name] != theirs[name]]
    return ", ".join(f"instance.{name} {mine[name]}, not {theirs[name]}" for name in names)


def _instance(folder: Path) -> dict[str, Any]:
    try:
        found = read_toml(folder / CONFIG).get("instance", {})
    except UsageError:  # there is none, or it is damaged: what the tables say stands without it
        return {}
    return found if isinstance(found, dict) else {}
