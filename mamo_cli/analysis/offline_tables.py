"""What the offline figures show: the exact plan, its rejection as planned, and its rejection under noise."""

from pathlib import Path

import pandas as pd

from mamo_cli.analysis.run_tables import read_run_table

SECONDS_PER_HOUR = 3600.0


def offline_table(folder: Path) -> pd.DataFrame:
    """The plan at the rates planned for: replicas and rejection by step and function, with each function's means.

    Raises:
        DataError: `plan.csv` or `summary.csv` cannot be read.
    """
    table = _plan(folder, ["replicas", "rejection_expected"]).rename(columns={"rejection_expected": "rejection"})
    means = table.groupby("function")[["replicas", "rejection"]].transform("mean")
    return table.join(means.add_prefix("mean_"))


def offline_noise_table(folder: Path) -> pd.DataFrame:
    """The same plan at the rates that came: rates and rejection by step and function, steps above the tolerance marked.

    Raises:
        DataError: `plan.csv` or `summary.csv` cannot be read.
    """
    table = _plan(folder, ["expected_rate", "actual_rate", "rejection_actual"])
    table = table.rename(columns={"rejection_actual": "rejection"})
    table["above_tolerance"] = (table["rejection"] > table["tolerance"]).astype(int)
    by_function = table.groupby("function")
    table["mean_rejection"] = by_function["rejection"].transform("mean")
    table["share_above_tolerance"] = by_function["above_tolerance"].transform("mean")
    return table


def _plan(folder: Path, columns: list[str]) -> pd.DataFrame:
    """The plan's columns over hours instead of steps, with the summary's scope and tolerance beside every row."""
    plan = read_run_table(folder, "plan.csv", ["step", "function", *columns])
    row = read_run_table(folder, "summary.csv", ["scope", "tolerance", "step_seconds"]).iloc[0]
    plan.insert(0, "hours", plan.pop("step") * (row["step_seconds"] / SECONDS_PER_HOUR))
    return plan.assign(scope=row["scope"], tolerance=row["tolerance"])
