"""What the frontier figure shows: the exact cost-rejection curve over alpha, and every agent as one point beside it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mamo_cli.analysis.run_tables import read_command, read_run_table, read_words

CURVE, TE_AGENT, MAMO = "alpha", "te_agent", "mamo"
"""Values of the column `kind`, beside the offline scopes `step` and `average`."""


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


def frontier_table(folders: Sequence[Path]) -> pd.DataFrame:
    """The exact curve and scopes of one instance, and the agents of all its runs as one point each.

    Args:
        folders: Runs of one instance; the exact answers are read from the first.

    Returns:
        Columns kind (`alpha`, `step`, `average`, `te_agent`, `mamo`), alpha, those of `point_of`, seed (agents only)
        and tolerance. An agent that diverged keeps its row, without numbers.

    Raises:
        DataError: A table cannot be read.
    """
    agents = [_agents(folder) for folder in folders if read_command(folder) in ("train", "run-mamo")]
    together = pd.concat([read_frontier(folders[0]), *agents], ignore_index=True)
    together["seed"] = together["seed"].astype("Int64") if agents else pd.array([pd.NA] * len(together), dtype="Int64")
    return together.assign(tolerance=read_tolerance(folders[0]))


def same_instance(folder: Path, other: Path) -> bool:
    """Whether two runs answer to one exact optimum: same tolerance, same answers at the alphas both have.

    Raises:
        DataError: A table cannot be read.
    """
    if read_words(folder) != read_words(other):
        return False
    both = read_frontier(folder).merge(read_frontier(other), on=["kind", "alpha"])
    left, right = (both[[f"{name}_{side}" for name in point_of(folder)]].to_numpy() for side in "xy")
    agree = len(both) > 0 and np.allclose(left, right, rtol=1e-6, atol=1e-9)
    return agree and read_tolerance(folder) == read_tolerance(other)


def read_tolerance(folder: Path) -> float:
    """The tolerance of a run.

    Raises:
        DataError: `summary.csv` cannot be read.
    """
    return float(read_run_table(folder, "summary.csv", ["tolerance"])["tolerance"].iloc[0])


def _agents(folder: Path) -> pd.DataFrame:
    point = point_of(folder)
    if read_command(folder) == "train":
        rows = read_run_table(folder, "summary.csv", ["seed", "alpha", *point]).assign(kind=TE_AGENT)
    else:
        cycles = read_run_table(folder, "cycles.csv", ["seed", "cycle", "alpha"])
        last = cycles[cycles["cycle"] == cycles["cycle"].max()].groupby("seed", as_index=False)["alpha"].mean()
        rows = read_run_table(folder, "summary.csv", ["seed", *point]).merge(last, on="seed").assign(kind=MAMO)
    finite = np.isfinite(rows[point].to_numpy(dtype=np.float64)).all(axis=1)
    rows.loc[~finite, point] = np.nan
    return rows
