"""One row a member: what a run's summary.csv and the table on the screen show."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mamo_cli.analysis.exact import expected_reward, optimal_plan, regret
from mamo_cli.config import InstanceConfig
from mamo_cli.scaling.instance import Case

FloatArray = NDArray[np.float64]

TRAIN_COLUMNS = (
    "seed", "alpha", "tolerance", "step_seconds", "mean_replicas", "mean_cost", "mean_rejection",
    "expected_reward", "optimal_reward", "regret",
)  # fmt: skip
MAMO_COLUMNS = (
    "seed", "final_alpha", "exact_alpha", "tolerance", "step_seconds", "mean_replicas", "mean_cost", "mean_rejection",
    "feasible_share", "bound_cost", "cost_over_bound",
)  # fmt: skip
LAST_CYCLES = 5


class MemberEvaluation(NamedTuple):
    """A member's greedy play; NaN throughout where it diverged."""

    seed: int
    alphas: FloatArray  # (F,)
    replicas: FloatArray  # (T, F)
    rejection: FloatArray  # (T, F)


def read_evaluation(folder: Path, steps: int, functions: int) -> list[MemberEvaluation]:
    """A run's evaluation.csv, member by member in the order of the file, which is member-major."""
    table = pd.read_csv(folder / "evaluation.csv")
    return [
        MemberEvaluation(
            seed=int(block["seed"].iloc[0]),
            alphas=block["alpha"].to_numpy(dtype=float)[:functions],
            replicas=block["replicas"].to_numpy(dtype=float).reshape(steps, functions),
            rejection=block["rejection"].to_numpy(dtype=float).reshape(steps, functions),
        )
        for _, block in table.groupby(np.arange(len(table)) // (steps * functions))
    ]


def train_summary(folder: Path, case: Case, tolerance: float) -> list[list[Any]]:
    """Rows of a `train` run's summary: greedy means, and regret in expected reward under the noise."""
    expected = case.expected_rejection()
    rows: list[list[Any]] = []
    for member in read_evaluation(folder, case.evaluation.trace.steps, case.evaluation.functions):
        start = [member.seed, float(member.alphas[0]), tolerance, case.source.step_seconds]
        means = [member.replicas.mean(), member.replicas.mean() / expected.shape[-1], member.rejection.mean()]
        best = expected_reward(
            optimal_plan(expected, case.evaluation.max_replicas, member.alphas), expected, member.alphas
        )
        if np.isnan(member.replicas).any():
            rows.append([*start, *means, None, best, None])
            continue
        achieved = expected_reward(member.replicas.astype(np.int64), expected, member.alphas)
        rows.append([*start, *means, achieved, best, regret(achieved, best)])
    return rows


def mamo_summary(
    folder: Path, case: Case, config: InstanceConfig, exact: float | None, bound: float
) -> list[list[Any]]:
    """Rows of a `run-mamo` run's summary: the final greedy choice, its cost, and that over the bound.

    A ratio below 1 is that of a choice which rejects too much. With several functions the choice is their mean alpha.

    Args:
        folder: the run.
        case: its instances.
        config: what they were built from.
        exact: alpha that the exact solution says it must settle at.
        bound: least mean cost of a period by scope average.
    """
    cycles = pd.read_csv(folder / "cycles.csv")
    last = cycles[cycles["cycle"] > cycles["cycle"].max() - LAST_CYCLES]
    limit = case.evaluation.replica_choices
    bound_cost = bound / (config.replica_cost * limit * case.evaluation.functions)
    rows: list[list[Any]] = []
    for member in read_evaluation(folder, case.evaluation.trace.steps, case.evaluation.functions):
        own = last[last["seed"] == member.seed]
        cost = member.replicas.mean() / limit
        chosen = own.loc[own["cycle"] == own["cycle"].max(), "wa_choice"].mean()
        start = [member.seed, chosen, exact, config.tolerance, case.source.step_seconds]
        means = [member.replicas.mean(), cost, member.rejection.mean(), own["feasible"].mean()]
        rows.append([*start, *means, bound_cost, cost / bound_cost])
    return rows
