"""What the frontier figure shows: the exact cost-rejection curve over alpha, and every agent as one point beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.bounds import Bounds
from mamo_cli.analysis.over_seeds import CENTRE
from mamo_cli.analysis.run_tables import read_command, read_run_table, read_words
from mamo_cli.analysis.statistics import FEW_SEEDS, bootstrap_interval, interquartile_mean, median
from mamo_cli.analysis.tolerances import read_tolerances
from mamo_cli.core.seeding import stream

CURVE, TE_AGENT, MAMO = "alpha", "te_agent", "mamo"
"""Values of the column `kind`, beside the offline scopes `step` and `average`, and the bounds."""

CLAIRVOYANT, CAUSAL = Bounds._fields
"""Values of it, too: the least cost of mixtures within the limits; their measures are blank."""

AGENT_KINDS = {"train": TE_AGENT, "evaluate": TE_AGENT, "run-mamo": MAMO}
"""What a command's agents are."""

RUN = "run"
"""The column of the runs' names, where there are several."""


def point_of(folder: Path) -> list[str]:
    """The columns that say where an answer stands: mean_cost, and the means of the domain's measures and violations."""
    words = read_words(folder)
    return ["mean_cost", *(f"mean_{one.name}" for one in (*words.measures, *words.violations))]


def read_frontier(folder: Path) -> pd.DataFrame:
    """The exact answers: kind, alpha and `point_of`, the curve by rising alpha.

    Raises:
        DataError: `frontier.csv` cannot be read.
    """
    exact = read_run_table(folder, "frontier.csv", ["kind", "alpha", *point_of(folder)])
    return exact.sort_values("alpha", kind="stable", ignore_index=True)


def frontier_table(runs: Mapping[str, Path]) -> pd.DataFrame:
    """The exact curve and scopes of one instance, and the agents of all its runs as points.

    Args:
        runs: Runs of one instance by name, of agents if they are several; the exact answers are read from the first.

    Returns:
        Columns run (of agents, if there are several runs), kind (`alpha`, `step`, `average`, `clairvoyant`, `causal`,
        `te_agent`, `mamo`), alpha, those of `point_of`, seed (agents only) and tolerance. An agent that diverged keeps
        its row, without numbers. In the place of more than `FEW_SEEDS` seeds of one run (and one alpha, if it was
        trained at some) stands their centre: `series` says so, `seeds` and `seeds_total` how many, and _low and _high
        of each number of `point_of` its interval; of MAMO's alphas the centre is the median.

    Raises:
        DataError: A table cannot be read.
    """
    first = next(iter(runs.values()))
    agents = [_agents(folder).assign(run=name) for name, folder in runs.items() if read_command(folder) in AGENT_KINDS]
    together = pd.concat([read_frontier(first), *agents], ignore_index=True)
    together["seed"] = together["seed"].astype("Int64") if agents else pd.array([pd.NA] * len(together), dtype="Int64")
    if len(runs) > 1:
        together.insert(0, RUN, together.pop(RUN))
    table = together.drop(columns=RUN if len(runs) == 1 and agents else [])
    return table.assign(**read_tolerances(first).beside_means())


def least_violation(table: pd.DataFrame, violation: str) -> float:
    """The least mean violation that any alpha of the exact curve reaches."""
    return float(table.loc[table["kind"] == CURVE, violation].min())


def _agents(folder: Path) -> pd.DataFrame:
    kind, point = AGENT_KINDS[read_command(folder)], point_of(folder)
    if kind == TE_AGENT:
        rows = read_run_table(folder, "summary.csv", ["seed", "alpha", *point])
    else:
        cycles = read_run_table(folder, "cycles.csv", ["seed", "cycle", "alpha"])
        last = cycles[cycles["cycle"] == cycles["cycle"].max()].groupby("seed", as_index=False)["alpha"].mean()
        rows = read_run_table(folder, "summary.csv", ["seed", *point]).merge(last, on="seed")
    finite = np.isfinite(rows[point].to_numpy(dtype=np.float64)).all(axis=1)
    rows.loc[~finite, point] = np.nan
    together = [rows] if kind == MAMO else [one for _, one in rows.groupby("alpha", sort=False)]
    parts = [one if one[point[0]].count() <= FEW_SEEDS else _centre(one, point) for one in together]
    return pd.concat(parts, ignore_index=True).assign(kind=kind)


def _centre(rows: pd.DataFrame, point: list[str]) -> pd.DataFrame:
    """One row in the place of many seeds."""
    healthy = rows.dropna(subset=point)
    found: dict[str, Any] = {"seed": np.nan, "alpha": median(healthy["alpha"]), "series": CENTRE}
    for name in point:
        values = healthy[name].to_numpy(dtype=np.float64)
        found[name] = float(interquartile_mean(values))
        found[f"{name}_low"], found[f"{name}_high"] = bootstrap_interval(
            values, interquartile_mean, rng=stream(0, "bootstrap")
        )
    return pd.DataFrame([{**found, "seeds": len(healthy), "seeds_total": len(rows)}])
