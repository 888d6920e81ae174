"""What the TE agents' figures show: evaluation traces, learning curves and regret, over seeds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mamo_cli.analysis.frontier_tables import CURVE, read_frontier
from mamo_cli.analysis.offline_tables import SECONDS_PER_HOUR
from mamo_cli.analysis.over_seeds import by_group
from mamo_cli.analysis.run_tables import AGENT, has_answers, quantities_of, read_run_table, read_words
from mamo_cli.analysis.selection import NAMED_ALPHAS, fitting
from mamo_cli.analysis.tolerances import with_tolerance

OPTIMUM = "optimum"
"""Value of the column `series` beside those of `over_seeds`: the exact optimum's mean at the same alpha."""


def te_agents_table(folder: Path) -> pd.DataFrame:
    """Measures and violations over the evaluation, for each alpha and agent, beside the exact optimum's mean.

    With several agents the optimum is left out: the frontier knows only their sum; and so it is with several
    violations, of which it knows an alpha in common. Of more agents and alphas than a figure has room for, some are
    left out (see `selection.fitting`).

    Raises:
        DataError: `evaluation.csv`, `summary.csv` or `frontier.csv` cannot be read.
    """
    quantities = quantities_of(folder)
    evaluation = read_run_table(folder, "evaluation.csv", ["seed", "alpha", "step", AGENT, *quantities])
    step_seconds = read_run_table(folder, "summary.csv", ["step_seconds"])["step_seconds"].iloc[0]
    evaluation["hours"] = evaluation.pop("step") * (step_seconds / SECONDS_PER_HOUR)
    comparable = evaluation[AGENT].nunique() == 1 and len(read_words(folder).violations) == 1
    evaluation, totals = fitting(evaluation, quantities[-1], panels=len(quantities), by_alpha=True)
    table = by_group(evaluation, ["alpha", AGENT], "hours", quantities)
    agents = evaluation[["alpha", AGENT]].drop_duplicates()
    if comparable and has_answers(folder):
        optimum = _optimum_rows(read_frontier(folder), agents, quantities)
        table = pd.concat([table, optimum], ignore_index=True)
    return with_tolerance(table, folder, **totals)


def learning_curves_table(folder: Path) -> pd.DataFrame:
    """Mean measures and violations over training steps, for each alpha and agent.

    Of more than `NAMED_ALPHAS` alphas, only the centres. Of more agents than a figure has room for, some are left out.

    Raises:
        DataError: `training.csv` or `summary.csv` cannot be read.
    """
    means = [f"mean_{name}" for name in quantities_of(folder)]
    training = read_run_table(folder, "training.csv", ["seed", "alpha", AGENT, "env_steps", *means])
    training, totals = fitting(training, means[-1], panels=len(means))
    each = training["alpha"].nunique() <= NAMED_ALPHAS
    table = by_group(training, ["alpha", AGENT], "env_steps", means, each=each)
    return with_tolerance(table, folder, **totals)


def regret_table(folder: Path, each: bool = True) -> pd.DataFrame:
    """Regret against the exact optimum at the same alpha, in percent of that optimum's reward.

    Of more than `NAMED_ALPHAS` alphas, or if `each` seed is not wanted, only the centres.

    Raises:
        DataError: `summary.csv` cannot be read.
    """
    summary = read_run_table(folder, "summary.csv", ["seed", "alpha", "regret"])
    summary["regret_percent"] = 100.0 * summary.pop("regret")
    each = each and summary["alpha"].nunique() <= NAMED_ALPHAS
    table = by_group(summary.assign(point=summary["alpha"]), ["alpha"], "point", ["regret_percent"], each=each)
    return table.drop(columns="point")


def _optimum_rows(frontier: pd.DataFrame, agents: pd.DataFrame, quantities: Sequence[str]) -> pd.DataFrame:
    curve = frontier[frontier["kind"] == CURVE]
    rows = [
        (alpha, agent, quantity, OPTIMUM, row[f"mean_{quantity}"])
        for alpha, agent in agents.itertuples(index=False)
        for _, row in curve[np.isclose(curve["alpha"], alpha)].iterrows()
        for quantity in quantities
    ]
    return pd.DataFrame(rows, columns=["alpha", AGENT, "quantity", "series", "value"])
