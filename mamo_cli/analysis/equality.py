"""Who of several agents is worst off, how equally they are served, and how fair that is beside the fairest there is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mamo_cli.analysis.fair import fairest_mixture
from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.analysis.summaries import read_evaluation
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.fairness import Mean, jain
from mamo_cli.core.seam import Domain, Spec
from mamo_cli.core.words import Words
from mamo_cli.runs.logs import LOGGER

WORST, JAIN = "worst", "jain"
FAIR = ("budget", "fair_mean", "least_fair_mean")


def compared(spec: Spec) -> bool:
    """Whether it is told how equal agents are: they play together, and each has one violation of its own."""
    return spec.coupled and spec.objectives == 2 and len(spec.agents) > 1


def equality_columns(words: Words) -> tuple[str, ...]:
    """What is told of agents that are compared, the worst first."""
    return (WORST, f"worst_{words.violations[0].name}", JAIN)


def equality_of(spec: Spec, violations: FloatArray) -> list[Any]:
    """Who has the largest of mean violations `(A,)`, that, and Jain's index of the served shares, 1 less violation.

    Blank where a member diverged.
    """
    if np.isnan(violations).any():
        return [None, None, None]
    worst = int(violations.argmax())
    return [spec.agents[worst], float(violations[worst]), float(jain(1.0 - violations))]


def with_equality(
    folder: Path, domain: Domain, columns: Sequence[str], rows: Sequence[Sequence[Any]], aimed_at: bool = False
) -> tuple[tuple[str, ...], list[list[Any]]]:
    """A head and rows of summary.csv, one for each member of evaluation.csv, with what is told of agents compared.

    So it is of others, too, where this is what was aimed at.
    """
    if not (compared(domain.spec) or aimed_at):
        return tuple(columns), [list(row) for row in rows]
    told = [equality_of(domain.spec, own) for own in _violations(folder, domain)]
    head = (*columns, *equality_columns(domain.spec.words))
    return head, [[*row, *own] for row, own in zip(rows, told, strict=True)]


def fair_rows(folder: Path, domain: Domain, means: Sequence[Mean], budget: float) -> list[list[Any]]:
    """`FAIR` of each member: the budget, what is made small, and the least of it that anybody could reach within that.

    The first of the means, where there are several; the least is of mixtures, by who sees what agents see, on the
    evaluation part.
    """
    try:
        least: float | None = float(fairest_mixture(domain, means, budget).values[0])
    except UnreachableError as error:
        LOGGER.warning("%s: the cheapest is delivered, whatever is fair", error)
        least = None
    except NothingExactError:
        least = None
    told = [float(means[0].of(own)) for own in _violations(folder, domain)]
    return [[budget, None if np.isnan(one) else one, least] for one in told]


def _violations(folder: Path, domain: Domain) -> list[FloatArray]:
    """`(A,)` mean violations of each member."""
    return [member.played.violations[..., 0].mean(0) for member in read_evaluation(folder, domain)]


def plan_equality(domain: Domain, violations: FloatArray) -> Mapping[str, Any]:
    """The same facts of a plan that brings violations `(T, A, M - 1)`; nothing where agents are not compared."""
    if not compared(domain.spec):
        return {}
    return dict(
        zip(equality_columns(domain.spec.words), equality_of(domain.spec, violations[..., 0].mean(0)), strict=True)
    )
