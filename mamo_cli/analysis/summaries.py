"""One row a member: what a run's summary.csv and the table on the screen show."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mamo_cli.analysis.bounds import Bounds
from mamo_cli.analysis.decomposition import TERMS, Stage
from mamo_cli.analysis.exact import expected_reward, regret, summarised
from mamo_cli.analysis.fronts import Front, Quality, quality
from mamo_cli.analysis.perfect import reached
from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Domain, Played
from mamo_cli.core.weights import weights_beside
from mamo_cli.core.words import Words

LAST_CYCLES = 5

BOUNDS = ("bound_cost", "cost_over_bound", "causal_bound_cost", "cost_over_causal_bound")


def means_of(words: Words) -> tuple[str, ...]:
    """Columns of a member's means, in the order of summary.csv."""
    measures, violations = ([f"mean_{one.name}" for one in each] for each in (words.measures, words.violations))
    return (*measures, "mean_cost", *violations)


def train_columns(words: Words) -> tuple[str, ...]:
    """The head of a `train` run's summary.csv."""
    start = ("seed", *words.each("alpha"), *words.each("tolerance"), "step_seconds")
    return (*start, *means_of(words), "expected_reward", "optimal_reward", "regret")


def mamo_columns(words: Words) -> tuple[str, ...]:
    """The head of a `run-mamo` run's summary.csv."""
    start = ("seed", *words.each("alpha"), "final_alpha", "exact_alpha", *words.each("tolerance"), "step_seconds")
    return (*start, *means_of(words), "feasible_share", "holds", *BOUNDS, *TERMS, *Quality._fields)


class MemberEvaluation(NamedTuple):
    """A member's greedy play; NaN throughout where it diverged."""

    seed: int
    alphas: FloatArray  # (A, M - 1): weights of the violations, the cost's being what is left to 1
    played: Played  # (T, ...)


def read_evaluation(folder: Path, domain: Domain) -> list[MemberEvaluation]:
    """A run's evaluation.csv, member by member in the order of the file, which is member-major."""
    words, agents = domain.spec.words, len(domain.spec.agents)
    table = pd.read_csv(folder / "evaluation.csv")
    rows = domain.conditions().shape[0] * agents

    def numbers(block: pd.DataFrame, names: Sequence[str]) -> FloatArray:
        return block[list(names)].to_numpy(dtype=float).reshape(-1, agents, len(names))

    return [
        MemberEvaluation(
            seed=int(block["seed"].iloc[0]),
            alphas=block[list(words.each("alpha"))].to_numpy(dtype=float)[:agents],
            played=Played(
                paid=np.ascontiguousarray(numbers(block, ["cost"])[..., 0]),
                measures=numbers(block, [one.name for one in words.measures]),
                violations=numbers(block, [one.name for one in words.violations]),
            ),
        )
        for _, block in table.groupby(np.arange(len(table)) // rows)
    ]


def member_means(domain: Domain, played: Played) -> list[float]:
    """A member's means in the order of `means_of`."""
    cost, *others = summarised(domain, played)
    measures = len(domain.spec.words.measures)
    return [*others[:measures], cost, *others[measures:]]


def train_summary(folder: Path, domain: Domain) -> list[list[Any]]:
    """Rows of a `train` run's summary: greedy means, and regret in expected reward under the noise."""
    rows: list[list[Any]] = []
    for member in read_evaluation(folder, domain):
        weights = weights_beside(member.alphas)
        start = [member.seed, *_alphas(member), *tolerances(domain), domain.spec.step_seconds]
        rows.append([*start, *member_means(domain, member.played), *_judged(domain, member, weights)])
    return rows


def _alphas(member: MemberEvaluation) -> list[float]:
    """Alpha of each violation: that of all agents, or their mean, which rounding would tell apart from it."""
    alphas = member.alphas
    shared: list[float] = np.where((alphas == alphas[0]).all(0), alphas[0], alphas.mean(0)).tolist()
    return shared


def _judged(domain: Domain, member: MemberEvaluation, weights: FloatArray) -> list[float | None]:
    """A member's expected reward, the best there is and the regret: blank where it diverged or nothing is known."""
    try:
        best = expected_reward(domain, domain.perfect(weights), weights)
    except NothingExactError:
        return [None, None, None]
    if np.isnan(member.played.paid).any():
        return [None, best, None]
    try:
        achieved = expected_reward(domain, domain.choices_of(member.played.measures), weights)
    except NothingExactError:  # more than one policy was played, or too little of one
        return [None, best, None]
    return [achieved, best, regret(achieved, best)]


class Yardstick(NamedTuple):
    """What the members of a loop stand beside, as far as it is known."""

    exact: float | None = None  # alpha that the exact solution says it must settle at
    bounds: Bounds | None = None
    stages: Mapping[int, Sequence[Stage]] = MappingProxyType({})  # of the members, by seed
    front: Front | None = None


def mamo_summary(folder: Path, domain: Domain, choice: str, beside: Yardstick) -> list[list[Any]]:
    """Rows of a `run-mamo` run's summary: what a member delivered, and what the strategy would settle on.

    All but `final_alpha` is of what was delivered: the alpha it was trained at, what it brings, whether it holds every
    agent's limit, its cost over both bounds, and the terms that its cost over the first is made of. Who violates more
    than it may can cost less than a bound. The last columns are of all the policies that a member had, one a cycle, as
    a set. Alphas are means over the agents; `final_alpha` is what all violations of an agent weigh together.

    Args:
        folder: the run.
        domain: what was controlled.
        choice: the strategy's column of the alpha it would settle on.
        beside: what to measure it by.
    """
    cycles = pd.read_csv(folder / "cycles.csv")
    last = cycles[cycles["cycle"] > cycles["cycle"].max() - LAST_CYCLES]
    rows: list[list[Any]] = []
    for member in read_evaluation(folder, domain):
        own = last[last["seed"] == member.seed]
        chosen = own.loc[own["cycle"] == own["cycle"].max(), choice].mean()
        alphas = [np.ascontiguousarray(each).mean() for each in member.alphas.T]
        start = [member.seed, *alphas, chosen, beside.exact, *tolerances(domain), domain.spec.step_seconds]
        means = member_means(domain, member.played)
        cost = means[len(domain.spec.words.measures)]
        own_stages = beside.stages.get(member.seed)
        shares: list[float | None] = [None for _ in TERMS]
        if own_stages is not None:
            shares = [None if stage.missing else stage.term for stage in own_stages[1:]]
        rows.append(
            [*start, *means, own["feasible"].mean(), _holds(domain, member), *over(beside.bounds, cost), *shares]
        )
        rows[-1] += _quality(cycles[cycles["seed"] == member.seed], domain, beside.front)
    return rows


def _quality(cycles: pd.DataFrame, domain: Domain, front: Front | None) -> list[float | None]:
    """Of the policies of one member, each a point of means over agents; blank where there are none, or no front."""
    names = [f"eval_{name}" for name in ("cost", *(one.name for one in domain.spec.words.violations))]
    policies = cycles.groupby("cycle")[names].mean().dropna().to_numpy(dtype=float)
    return [None for _ in Quality._fields] if front is None or not len(policies) else [*quality(policies, front)]


def over(bounds: Bounds | None, cost: float) -> list[float | None]:
    """Each bound, and a cost over it; blank where there is none, or nothing to be a multiple of."""
    if bounds is None:
        return [None for _ in BOUNDS]
    return [number for bound in bounds for number in (bound.cost, cost / bound.cost if bound.cost else None)]


def _holds(domain: Domain, member: MemberEvaluation) -> int | None:
    """Whether every agent's mean violations are within their limits; None where the member diverged."""
    held = holding(domain, member)
    return None if held is None else int(held.all())


def holding(domain: Domain, member: MemberEvaluation) -> BoolArray | None:
    """`(A,)` whose mean violations are all within their limits; None where the member diverged."""
    violations = member.played.violations.mean(0)
    return None if np.isnan(violations).any() else np.asarray((violations <= reached(domain.spec.limits)).all(-1))


def tolerances(domain: Domain) -> list[float | None]:
    """The limit of each violation; None where agents have limits of their own, which agents.csv holds."""
    limits = domain.spec.limits
    return [float(own[0]) if (own == own[0]).all() else None for own in limits.T]
