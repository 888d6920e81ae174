"""What is exactly achievable, and how far agents are from it: the frontier over alpha, the bound, the regret."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.means import mean_of_known, of_measures
from mamo_cli.core.seam import Domain, Played
from mamo_cli.core.weights import rewards, shared_alpha
from mamo_cli.core.words import Words


def frontier_columns(words: Words) -> tuple[str, ...]:
    """The head of frontier.csv."""
    names = [one.name for one in (*words.measures, *words.violations)]
    return ("kind", "alpha", "mean_cost", *(f"mean_{name}" for name in names))


def frontier(
    domain: Domain, alphas: FloatArray, plans: Mapping[str, IntArray], bounds: Mapping[str, FloatArray]
) -> list[list[Any]]:
    """Rows of frontier.csv, under the noise.

    Args:
        domain: what is controlled.
        alphas: of the exact cost-violation curve.
        plans: `(T, A)` of the offline scopes, by their names.
        bounds: objectives `(A, M)` of mixtures, by their names; their measures are blank.
    """
    curve = [["alpha", float(alpha), *_at(domain, alpha)] for alpha in alphas]
    scopes = [[kind, None, *summarised(domain, domain.expected(plan))] for kind, plan in plans.items()]
    mixtures = [[kind, None, *_without_measures(domain, objectives)] for kind, objectives in bounds.items()]
    return [*curve, *scopes, *mixtures]


def _at(domain: Domain, alpha: float) -> list[float | None]:
    """What a perfect agent brings; without measures where its play is no plan by step."""
    weights = everywhere(domain, alpha)
    try:
        return [*summarised(domain, domain.expected(domain.perfect(weights)))]
    except NothingExactError:
        return _without_measures(domain, domain.answer(weights).objectives)


def _without_measures(domain: Domain, objectives: FloatArray) -> list[float | None]:
    cost, *violations = objectives.mean(0).tolist()
    return [cost, *[None] * len(domain.spec.words.measures), *violations]


def summarised(domain: Domain, played: Played) -> list[float]:
    """Means over steps and agents: the normalised cost, the measures where they are known, the violations."""
    measures, violations = (
        [float(mean(np.ascontiguousarray(numbers[..., i]))) for i in range(numbers.shape[-1])]
        for numbers, mean in ((played.measures, mean_of_known), (played.violations, np.mean))
    )
    told: list[float] = of_measures(np.array(measures), domain.spec.words).tolist()
    return [float(played.paid.mean()) / domain.spec.cost_scale, *told, *violations]


def everywhere(domain: Domain, alpha: float) -> FloatArray:
    """Weights `(A, M)` of one alpha for all agents; of several violations, each weighs as much as another."""
    return shared_alpha(np.full(len(domain.spec.agents), alpha), domain.spec.objectives - 1)


def exact_alpha(domain: Domain, alphas: FloatArray, refinements: int = 0) -> float | None:
    """The smallest alpha whose perfect agent keeps every agent's mean violations within their limits; None: unknown.

    With several violations there is no such alpha: each has a weight of its own.

    Args:
        domain: what is controlled.
        alphas: `(G,)` to choose from.
        refinements: how often G of them are laid anew between the one found and its neighbour below.
    """
    if domain.spec.objectives > 2:
        return None
    try:
        place = _first_holding(domain, alphas)
        for _ in range(refinements if place else 0):
            assert place is not None
            alphas = np.linspace(alphas[place - 1], alphas[place], len(alphas))
            place = _first_holding(domain, alphas)
    except NothingExactError:
        return None
    return None if place is None else float(alphas[place])


def _first_holding(domain: Domain, alphas: FloatArray) -> int | None:
    held = (np.all(_violations(domain, everywhere(domain, alpha)) <= domain.spec.limits) for alpha in alphas)
    return next((place for place, holds in enumerate(held) if holds), None)


def _violations(domain: Domain, weights: FloatArray) -> FloatArray:
    """`(A, M - 1)` mean violations of a perfect agent."""
    try:
        return np.asarray(domain.expected(domain.perfect(weights)).violations.mean(0))
    except NothingExactError:
        return domain.answer(weights).objectives[:, 1:]


def expected_reward(domain: Domain, plan: IntArray, weights: FloatArray) -> float:
    """Mean joint reward, in expectation over the noise, of playing a plan `(T, A)` under weights `(A, M)`."""
    played = domain.expected(plan)
    objectives = np.concatenate((played.paid[..., None], played.violations), -1)
    each = rewards(objectives, weights, domain.spec.cost_scale)
    priorities = domain.spec.priorities
    return float(each.mean() if priorities is None else (each @ priorities).mean())


def regret(achieved: float, optimal: float) -> float:
    """How far a mean reward falls short of the optimum, as a share of it. Rewards are negative: costs turned round."""
    return (optimal - achieved) / abs(optimal) if optimal else optimal - achieved
