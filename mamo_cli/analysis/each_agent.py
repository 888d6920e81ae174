"""Rows of agents.csv: what each agent of a member brings, beside its own limits."""

from pathlib import Path
from typing import Any

from mamo_cli.analysis.summaries import holding, means_of, member_means, read_evaluation
from mamo_cli.core.seam import Domain, Played
from mamo_cli.core.words import Words


def agents_columns(words: Words) -> tuple[str, ...]:
    """The head of agents.csv."""
    return ("seed", *words.each("alpha"), words.agent, *words.each("tolerance"), *means_of(words), "holds")


def agents_rows(folder: Path, domain: Domain) -> list[list[Any]]:
    """A row for each member and agent of a run's evaluation.csv: means over the steps, and whether its limits hold."""
    rows, spec = [], domain.spec
    for member in read_evaluation(folder, domain):
        held = holding(domain, member)
        for a, name in enumerate(spec.agents):
            own = Played(*(part[:, a : a + 1] for part in member.played))
            start = [member.seed, *member.alphas[a], name, *spec.limits[a]]
            rows.append([*start, *member_means(domain, own), None if held is None else int(held[a])])
    return rows
