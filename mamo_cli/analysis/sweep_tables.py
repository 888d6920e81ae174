"""What the figures of a comparison show, from the tables in its folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.leaderboard import AGENTS, ANYTIME, LEADERBOARD, PROFILE, SCENARIOS
from mamo_cli.analysis.run_tables import AGENT, read_run_table
from mamo_cli.analysis.selection import evenly
from mamo_cli.analysis.tolerances import AGENTS as AGENTS_CSV
from mamo_cli.analysis.tolerances import GREATEST_TOLERANCE, LEAST_TOLERANCE

MOST_AGENTS = 4
"""That have a figure of their profile each."""

MOST_SEEDS = 8
"""Whose cycles are drawn over the exact profile."""

EXACT = ""
"""In the place of a strategy's name: the perfect agent."""


def scenarios_of(folder: Path) -> pd.DataFrame:
    """The scenarios of a comparison, each with the cycle since which nothing changes.

    Raises:
        DataError: `scenarios.csv` cannot be read.
    """
    return read_run_table(folder, "scenarios.csv", list(SCENARIOS))


def leaderboard_table(folder: Path) -> pd.DataFrame:
    """The leaderboard with the scenarios' titles, in percent over the causal bound; no row where all seeds diverged.

    Where agents of a scenario have tolerances of their own, that of their mean violation is the mean of these.

    Raises:
        DataError: a table cannot be read.
    """
    table = read_run_table(folder, "leaderboard.csv", list(LEADERBOARD))
    table = table.merge(scenarios_of(folder)[["scenario", "title"]], on="scenario", how="left")
    for end in ("", "_low", "_high"):
        table[f"over_causal_percent{end}"] = 100.0 * (table[f"cost_over_causal_bound{end}"] - 1.0)
    if table["tolerance"].isna().any():
        each = read_run_table(folder, AGENTS_CSV, list(AGENTS)).groupby("scenario")["tolerance"]
        mean, least, greatest = (table["scenario"].map(found) for found in (each.mean(), each.min(), each.max()))
        table = table.assign(
            tolerance=table["tolerance"].fillna(mean), **{LEAST_TOLERANCE: least, GREATEST_TOLERANCE: greatest}
        )
    return table[table["seeds"] > 0].reset_index(drop=True)


def anytime_table(folder: Path, scenario: str) -> pd.DataFrame:
    """Regret of what each strategy would deliver, over environment steps and seconds, in percent.

    Raises:
        DataError: a table cannot be read.
    """
    table = read_run_table(folder, "anytime.csv", list(ANYTIME))
    table = table[table["scenario"] == scenario].reset_index(drop=True)
    for end in ("", "_low", "_high"):
        table[f"regret_percent{end}"] = 100.0 * table.pop(f"regret{end}")
    about = scenarios_of(folder).set_index("scenario").loc[scenario]
    return table.assign(title=about["title"], changed_at=about["changed_at"])


def profiled(folder: Path, scenario: str) -> list[str]:
    """The agents of a scenario whose profiles are drawn: all, or a few of many.

    Raises:
        DataError: a table cannot be read.
    """
    profile = read_run_table(folder, "profile.csv", list(PROFILE))
    return list(evenly(profile.loc[profile["scenario"] == scenario, AGENT].unique(), MOST_AGENTS))


def profile_table(folder: Path, scenario: str, agent: str) -> pd.DataFrame:
    """Cost and violation over alpha: a perfect agent's, whose strategy is empty text, and some seeds' cycles over them.

    Of a scenario that changes, all is of the conditions at the end.

    Raises:
        DataError: a table cannot be read.
    """
    exact = read_run_table(folder, "profile.csv", list(PROFILE))
    cycles = read_run_table(
        folder, "cycles.csv", ["scenario", "strategy", "seed", "cycle", AGENT, "alpha", "cost", "violation"]
    )
    about = scenarios_of(folder).set_index("scenario").loc[scenario]
    cycles = cycles[(cycles["scenario"] == scenario) & (cycles["cycle"] >= about["changed_at"])]
    cycles = cycles[cycles["seed"].isin(evenly(np.unique(cycles["seed"]), MOST_SEEDS))]
    both = pd.concat([exact.assign(strategy=EXACT), cycles], ignore_index=True)
    both = both[both["scenario"] == scenario]
    agents = both[AGENT].nunique()
    both = both[both[AGENT] == agent].reset_index(drop=True)
    both["seed"], both["cycle"] = both["seed"].astype("Int64"), both["cycle"].astype("Int64")
    return both.assign(title=about["title"], tolerance=_allowed(folder, scenario, agent, about), agents=agents)


def _allowed(folder: Path, scenario: str, agent: str, about: Any) -> float:
    """What an agent's violation may be."""
    if not np.isnan(about["tolerance"]):
        return float(about["tolerance"])
    table = read_run_table(folder, AGENTS_CSV, list(AGENTS)).set_index(["scenario", AGENT])
    return float(table["tolerance"][scenario, agent])
