"""What rules that people run today brought, as rows: step by step, and one row a play beside the bounds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mamo_cli.analysis.bounds import Bounds
from mamo_cli.analysis.perfect import reached
from mamo_cli.analysis.summaries import BOUNDS, means_of, member_means, over, tolerances
from mamo_cli.core.arrays import BoolArray
from mamo_cli.core.seam import Domain, Played
from mamo_cli.core.words import Words
from mamo_cli.domains.rules import Ruled


def baselines_columns(words: Words) -> tuple[str, ...]:
    """The head of baselines.csv."""
    conditions, measures, violations = (
        [one.name for one in each] for each in (words.conditions, words.measures, words.violations)
    )
    return ("rule", "knobs", "seed", "step", words.agent, *conditions, *measures, "cost", *violations)


def baselines_rows(domain: Domain, plays: Sequence[Ruled]) -> list[list[Any]]:
    """A row for each play, step and agent; measures are means over the period, as a rule may change them within it."""
    conditions, rows = domain.conditions(), []
    for play in plays:
        paid, measures, violations = play.played
        numbers = np.concatenate((conditions, measures, paid[..., None], violations), -1)
        for step, agent in np.ndindex(paid.shape):
            start = [play.rule, play.knobs, play.seed, step, domain.spec.agents[agent]]
            rows.append([*start, *numbers[step, agent].tolist()])
    return rows


def rules_columns(words: Words) -> tuple[str, ...]:
    """The head of a `baselines` run's summary.csv."""
    start = ("rule", "knobs", "seed", "setting", *words.each("tolerance"), "step_seconds")
    return (*start, *means_of(words), "holds", "held_in_training", *BOUNDS)


def rules_summary(domain: Domain, plays: Sequence[Ruled], bounds: Bounds | None) -> list[list[Any]]:
    """Rows of it: means over steps and agents, whether every agent's limits hold, and the cost over both bounds.

    They hold on the evaluation part, `holds`, and held on the training part, by which knobs are tuned.
    """
    rows = []
    for play in plays:
        means = member_means(domain, play.played)
        held = _holding(domain, play).all()
        start = [play.rule, play.knobs, play.seed, play.setting, *tolerances(domain), domain.spec.step_seconds]
        cost = means[len(domain.spec.words.measures)]
        rows.append([*start, *means, int(held), int(play.reached), *over(bounds, cost)])
    return rows


def agents_columns(words: Words) -> tuple[str, ...]:
    """The head of a `baselines` run's agents.csv."""
    return ("rule", "knobs", "seed", words.agent, *words.each("tolerance"), *means_of(words), "holds")


def agents_rows(domain: Domain, plays: Sequence[Ruled]) -> list[list[Any]]:
    """Rows of it: what a rule brought each agent, beside its own limits."""
    rows: list[list[Any]] = []
    for play in plays:
        for agent, (name, held) in enumerate(zip(domain.spec.agents, _holding(domain, play), strict=True)):
            own = Played(*(part[:, agent : agent + 1] for part in play.played))
            start = [play.rule, play.knobs, play.seed, name, *domain.spec.limits[agent]]
            rows.append([*start, *member_means(domain, own), int(held)])
    return rows


def _holding(domain: Domain, play: Ruled) -> BoolArray:
    """`(A,)` whose mean violations are all within their limits."""
    return np.asarray((play.played.violations.mean(0) <= reached(domain.spec.limits)).all(-1))
