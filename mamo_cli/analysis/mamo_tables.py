"""What MAMO's figure shows: alpha, rejection and replicas over the cycles, and the cost over the lower bound."""

from pathlib import Path

import numpy as np
import pandas as pd

from mamo_cli.analysis.frontier_tables import read_tolerance
from mamo_cli.analysis.over_seeds import by_group, healthy_seeds, over_seeds
from mamo_cli.analysis.run_tables import read_run_table
from mamo_cli.analysis.statistics import median
from mamo_cli.errors import DataError

GREEDY = ["eval_rejection", "eval_replicas"]
TRAINED = ["mean_rejection", "mean_replicas"]
OVER_BOUND = "cost_over_bound_percent"


def mamo_table(folder: Path) -> pd.DataFrame:
    """Alpha, rejection and replicas over the training cycles, over seeds, and the cost over the lower bound.

    Cycle k, counted from 0, reaches from k to k + 1, and all cycles train for equally many steps. A row of training
    stands at the end of its window. Alpha lies on a grid, so its centre is the median.

    Returns:
        The columns of `over_seeds` over `cycle`, by `function`, for the quantities alpha, eval_rejection and
        eval_replicas (greedy, one a cycle), mean_rejection and mean_replicas (in training) and cost_over_bound_percent
        (the node's, at the end, over the exact optimum of scope `average`), with exact_alpha and tolerance.

    Raises:
        DataError: A table cannot be read, or every seed diverged.
    """
    cycles, training = _aligned(folder)
    summary = read_run_table(folder, "summary.csv", ["seed", "exact_alpha", "cost_over_bound"])
    summary["cycle"] = cycles["cycle"].max() + 1
    summary[OVER_BOUND] = 100.0 * (summary["cost_over_bound"] - 1.0)
    parts = [
        by_group(cycles, ["function"], "cycle", ["alpha"], median),
        by_group(cycles, ["function"], "cycle", GREEDY),
        by_group(training, ["function"], "cycle", TRAINED),
        over_seeds(summary, "cycle", [OVER_BOUND]),
    ]
    exact_alpha = summary["exact_alpha"].max()
    return pd.concat(parts, ignore_index=True).assign(exact_alpha=exact_alpha, tolerance=read_tolerance(folder))


def _aligned(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cycles and training on one axis; a diverged seed's alphas, which are still chosen for it, are blanked."""
    cycles = read_run_table(folder, "cycles.csv", ["seed", "cycle", "function", "alpha", *GREEDY])
    training = read_run_table(folder, "training.csv", ["seed", "function", "env_steps", *TRAINED])
    cycles["cycle"] -= cycles["cycle"].min()
    training["cycle"] = training["env_steps"] * (cycles["cycle"].nunique() / training.pop("env_steps").max())
    healthy = healthy_seeds(cycles, "cycle", GREEDY)
    if not healthy:
        raise DataError(f"{folder}: every seed diverged, there is nothing to draw")
    cycles["alpha"] = np.where(cycles["seed"].isin(healthy), cycles["alpha"], np.nan)
    return cycles, training
