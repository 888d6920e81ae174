"""What a run delivered, and what its cost is made of, member by member."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.decomposition import Stage, decomposed
from mamo_cli.analysis.perfect import played
from mamo_cli.analysis.summaries import MemberEvaluation, read_evaluation
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Domain, Played
from mamo_cli.core.weights import weights_beside
from mamo_cli.core.words import Words

DELIVERED = "delivered.csv"


def stages_of(folder: Path, domain: Domain, shared: FloatArray) -> dict[int, list[Stage]]:
    """The decomposition of every member that has not diverged, by its seed.

    Args:
        folder: the run.
        domain: what was controlled.
        shared: `(5, A, M)`, see `decomposition.shared_stages`.
    """
    settled = _settled(folder, domain)
    found = {}
    for member in read_evaluation(folder, domain):
        learnt = _objectives(domain, member.played)
        if not np.isnan(learnt).any():
            weights, shares = settled.get(member.seed) or _last(member)
            found[member.seed] = decomposed(domain, shared, played(domain, weights, shares).objectives, learnt)
    return found


def decomposition_columns(words: Words) -> tuple[str, ...]:
    """The head of decomposition.csv."""
    return ("seed", "stage", "term", "mean_cost", *(f"mean_{one.name}" for one in words.violations), "holds", "bought")


def decomposition_rows(domain: Domain, stages: Mapping[int, Sequence[Stage]]) -> list[list[Any]]:
    """Rows of decomposition.csv: each stage's means over agents, and whether every agent's limit holds.

    A stage of which nothing is known is blank.
    """
    rows = []
    for seed, each in stages.items():
        for stage in each:
            told = (stage.term, *stage.objectives.mean(0), int(stage.holds(domain.spec.limits)), int(stage.bought))
            rows.append([seed, stage.name, *([None] * len(told) if stage.missing else told)])
    return rows


def _settled(folder: Path, domain: Domain) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Weights `(A, J, M)` and shares `(A, J)` of what each seed delivered; nothing where a run has no such table."""
    if not (folder / DELIVERED).exists():
        return {}
    word, names = domain.spec.words.agent, list(domain.spec.words.each("alpha"))
    table = pd.read_csv(folder / DELIVERED, converters={word: str})  # agents may be called 0, 1 or NA
    found = {}
    for seed in table["seed"].unique():
        own = table[table["seed"] == seed]
        each = [own[own[word] == name] if word in own else own for name in domain.spec.agents]
        alphas = np.zeros((len(each), max(map(len, each)), len(names)))
        shares = np.zeros(alphas.shape[:2])
        for agent, rows in enumerate(each):
            alphas[agent, : len(rows)], shares[agent, : len(rows)] = rows[names], rows["share"]
        found[int(seed)] = weights_beside(alphas), shares
    return found


def _last(member: MemberEvaluation) -> tuple[FloatArray, FloatArray]:
    """The one policy that was delivered, at the last cycle's weights."""
    return weights_beside(member.alphas)[:, None], np.ones((len(member.alphas), 1))


def _objectives(domain: Domain, brought: Played) -> FloatArray:
    """`(A, M)` means over the steps of one play."""
    return np.concatenate((brought.paid.mean(0)[:, None] / domain.spec.cost_scale, brought.violations.mean(0)), -1)
