"""What is exactly achievable, and how far agents are from it: the frontier over alpha, the bound, the regret."""

from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Domain, Played
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.core.words import Words


def frontier_columns(words: Words) -> tuple[str, ...]:
    """The head of frontier.csv."""
    names = [one.name for one in (*words.measures, *words.violations)]
    return ("kind", "alpha", "mean_cost", *(f"mean_{name}" for name in names))


def frontier(domain: Domain, alphas: FloatArray, step_plan: IntArray, average_plan: IntArray) -> list[list[Any]]:
    """Rows of frontier.csv: the exact cost-violation curve over alpha, and the offline scopes, under the noise."""
    plans: list[tuple[str, float | None, IntArray]]
    plans = [("alpha", float(alpha), domain.perfect(everywhere(domain, alpha))) for alpha in alphas]
    plans += [("step", None, step_plan), ("average", None, average_plan)]
    return [[kind, alpha, *summarised(domain, domain.expected(plan))] for kind, alpha, plan in plans]


def summarised(domain: Domain, played: Played) -> list[float]:
    """Means over steps and agents: the normalised cost, the measures, the violations."""
    numbers = np.concatenate((played.measures, played.violations), -1)
    means = [float(np.ascontiguousarray(numbers[..., i]).mean()) for i in range(numbers.shape[-1])]
    return [float(played.paid.mean()) / domain.spec.cost_scale, *means]


def everywhere(domain: Domain, alpha: float) -> FloatArray:
    """Weights `(A, 2)` of one alpha for all agents."""
    return weights_of(np.full(len(domain.spec.agents), alpha))


def exact_alpha(domain: Domain, alphas: FloatArray) -> float | None:
    """The smallest alpha whose perfect agent keeps every agent's mean violations within their limits."""
    for alpha in alphas:
        violations = domain.expected(domain.perfect(everywhere(domain, alpha))).violations
        if np.all(violations.mean(0) <= domain.spec.limits):
            return float(alpha)
    return None


def expected_reward(domain: Domain, plan: IntArray, weights: FloatArray) -> float:
    """Mean reward, in expectation over the noise, of playing a plan `(T, A)` under weights `(A, M)`."""
    played = domain.expected(plan)
    objectives = np.concatenate((played.paid[..., None], played.violations), -1)
    return float(rewards(objectives, weights, domain.spec.cost_scale).mean())


def regret(achieved: float, optimal: float) -> float:
    """How far a mean reward falls short of the optimum, as a share of it. Rewards are negative: costs turned round."""
    return (optimal - achieved) / abs(optimal) if optimal else optimal - achieved
