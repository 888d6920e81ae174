"""What the TE agents' figures show: evaluation traces, learning curves and regret, over seeds."""

from pathlib import Path

import numpy as np
import pandas as pd

from mamo_cli.analysis.frontier_tables import CURVE, read_frontier, read_tolerance
from mamo_cli.analysis.offline_tables import SECONDS_PER_HOUR
from mamo_cli.analysis.over_seeds import by_group
from mamo_cli.analysis.run_tables import read_run_table

OPTIMUM = "optimum"
"""Value of the column `series` beside those of `over_seeds`: the exact optimum's mean at the same alpha."""


def te_agents_table(folder: Path) -> pd.DataFrame:
    """Replicas and rejection over the evaluation trace, for each alpha and function, beside the exact optimum's mean.

    With several functions the optimum is left out: the frontier knows only their sum.

    Raises:
        DataError: `evaluation.csv`, `summary.csv` or `frontier.csv` cannot be read.
    """
    evaluation = read_run_table(
        folder, "evaluation.csv", ["seed", "alpha", "step", "function", "replicas", "rejection"]
    )
    step_seconds = read_run_table(folder, "summary.csv", ["step_seconds"])["step_seconds"].iloc[0]
    evaluation["hours"] = evaluation.pop("step") * (step_seconds / SECONDS_PER_HOUR)
    table = by_group(evaluation, ["alpha", "function"], "hours", ["replicas", "rejection"])
    agents = evaluation[["alpha", "function"]].drop_duplicates()
    if agents["function"].nunique() == 1:
        table = pd.concat([table, _optimum_rows(read_frontier(folder), agents)], ignore_index=True)
    return table.assign(tolerance=read_tolerance(folder))


def learning_curves_table(folder: Path) -> pd.DataFrame:
    """Mean replicas and mean rejection over training steps, for each alpha and function.

    Raises:
        DataError: `training.csv` or `summary.csv` cannot be read.
    """
    columns = ["seed", "alpha", "function", "env_steps", "mean_replicas", "mean_rejection"]
    training = read_run_table(folder, "training.csv", columns)
    table = by_group(training, ["alpha", "function"], "env_steps", ["mean_replicas", "mean_rejection"])
    return table.assign(tolerance=read_tolerance(folder))


def regret_table(folder: Path) -> pd.DataFrame:
    """Regret against the exact optimum at the same alpha, in percent of that optimum's reward.

    Raises:
        DataError: `summary.csv` cannot be read.
    """
    summary = read_run_table(folder, "summary.csv", ["seed", "alpha", "regret"])
    summary["regret_percent"] = 100.0 * summary.pop("regret")
    return by_group(summary.assign(point=summary["alpha"]), ["alpha"], "point", ["regret_percent"]).drop(
        columns="point"
    )


def _optimum_rows(frontier: pd.DataFrame, agents: pd.DataFrame) -> pd.DataFrame:
    curve = frontier[frontier["kind"] == CURVE]
    rows = [
        (alpha, function, quantity, OPTIMUM, row[f"mean_{quantity}"])
        for alpha, function in agents.itertuples(index=False)
        for _, row in curve[np.isclose(curve["alpha"], alpha)].iterrows()
        for quantity in ("replicas", "rejection")
    ]
    return pd.DataFrame(rows, columns=["alpha", "function", "quantity", "series", "value"])
