"""What training, where it was told a proxy, believed of what it delivered, and what that costs in truth.

The belief is the mean that training told of the policies that were delivered, each by its share; the truth is the
evaluation's, which knows no proxy. The regret charges for violation beyond the limit, as in a comparison, so that
nobody gains by what the proxy does not show.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from mamo_cli.analysis.bounds import Bounds
from mamo_cli.analysis.delivered import DELIVERED
from mamo_cli.analysis.standing import Judge
from mamo_cli.analysis.summaries import MemberEvaluation, read_evaluation
from mamo_cli.core.seam import Domain
from mamo_cli.core.words import Words

BELIEVED, TRUE = "believed_", "true_"
"""What columns begin with; the second in figures' tables, as a summary's truth is its means."""

CHARGED = "charged_regret"


def quantities(words: Words) -> list[str]:
    """What is believed, and what is true: the cost and the violations."""
    return ["cost", *(one.name for one in words.violations)]


def believed_columns(words: Words) -> tuple[str, ...]:
    """What a proxy adds to the head of a summary.csv; to that of a `run-mamo` run also `CHARGED`."""
    return tuple(f"{BELIEVED}{name}" for name in quantities(words))


def believed_in_training(folder: Path, words: Words, window: int) -> list[list[Any]]:
    """A row for each member of a `train` run, in their order: means over its last iterations, so many, and agents."""
    table = pd.read_csv(folder / "training.csv")
    last = table[table["iteration"] > table["iteration"].max() - window]
    means = last.groupby(["seed", "alpha"], sort=False)[[f"mean_{name}" for name in quantities(words)]].mean()
    return [list(row) for row in means.itertuples(index=False)]


def believed_rows(folder: Path, domain: Domain, bounds: Bounds | None) -> list[list[Any]]:
    """A row for each member, of means over agents; blank where it diverged, and of a regret that nobody knows."""
    names = quantities(domain.spec.words)
    table = pd.read_csv(folder / DELIVERED, converters={domain.spec.words.agent: str})
    told = table[[f"train_{name}" for name in names]].mul(table["share"], axis=0)
    sums = told.groupby(table["seed"]).sum(min_count=1) / len(domain.spec.agents)
    return [
        [
            *(sums.loc[member.seed] if member.seed in sums.index else [None] * len(names)),
            _charged(domain, member, bounds),
        ]
        for member in read_evaluation(folder, domain)
    ]


def _charged(domain: Domain, member: MemberEvaluation, bounds: Bounds | None) -> float | None:
    """Of one limit each agent; None where there are several, or nothing to be a multiple of."""
    if bounds is None or domain.spec.objectives > 2 or not bounds.causal.cost:
        return None
    assert bounds.causal.prices is not None
    judge = Judge(domain.spec.limits[:, 0], bounds.causal.cost, bounds.causal.prices[:, 0], domain.spec.coupled)
    costs = member.played.paid.mean(0) / domain.spec.cost_scale
    return float(judge.regrets(costs, member.played.violations[..., 0].mean(0)))
