"""What a table of weights, one for each regime of the expected load, gains over one weight: exactly, nothing learnt.

    python -m benchmarks.regimes [SCENARIO ...]

The regimes are the terciles of what is expected of each period. A perfect agent plays a period by the weight of its
regime; of all tables the cheapest is searched that keeps the limit, by weights of a grid of the step told. Costs are
over the causal bound, the cheapest mixture of plays under one weight. No table, nor any mixture of tables, can be below
it where it is a bound: at the bound's multiplier the play under one weight has the least cost plus multiplier times
violation of all plays, and the mixture attains that sum (weak duality, which has no gap where plays may be mixed).
"""

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mamo_cli.analysis.bounds import Grid, bound, on_grid
from mamo_cli.analysis.perfect import reached
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Domain
from mamo_cli.core.weights import alpha_grid, weights_of
from mamo_cli.experiments.members import members
from mamo_cli.experiments.scenarios import configuration_of, read_scenario, source_of
from mamo_cli.training.shards import build_domain

REGIMES = 3
STEPS = (0.1, 0.02, 0.002)  # of the grids of weights


class Gain(NamedTuple):
    """Normalised costs of the cheapest plays within an agent's limit, by weights of a grid."""

    one: float
    table: float
    mixture: float  # of plays under one weight each
    bound: float


def gains(domain: Domain, step: float) -> Iterator[Gain]:
    """Of each agent, which has one limit and shares nothing."""
    alphas, agents = alpha_grid(step), len(domain.spec.agents)
    plans = [domain.answer(weights_of(np.full(agents, alpha))).plan for alpha in alphas]
    played = [domain.expected(plan) for plan in plans]
    costs = np.stack([one.paid for one in played]) / domain.spec.cost_scale  # (G, T, A)
    violations = np.stack([one.violations[..., 0] for one in played])
    bounds = bound(domain).objectives[:, 0]
    mixtures = on_grid(domain, Grid(weights_of(alphas))).objectives[:, 0]
    for agent, limit in enumerate(reached(domain.spec.limits[:, 0])):
        regimes = regimes_of(domain.conditions()[:, agent, 0])
        share = [np.flatnonzero(regimes == regime) for regime in range(REGIMES)]
        parts = [
            np.stack([each[:, steps, agent].sum(1) for steps in share], 1) / len(regimes)
            for each in (costs, violations)
        ]
        yield Gain(one_weight(*parts, limit), cheapest(*parts, limit), float(mixtures[agent]), float(bounds[agent]))


def regimes_of(expected: FloatArray) -> IntArray:
    """`(T,)` the tercile of each period: 0 for the least load."""
    edges = np.quantile(expected, np.arange(1, REGIMES) / REGIMES)
    return np.searchsorted(edges, expected, side="left")


def one_weight(costs: FloatArray, violations: FloatArray, limit: float) -> float:
    """The least cost within the limit of parts `(G, R)` that all have the same row."""
    return float(costs.sum(1)[violations.sum(1) <= limit].min())


def cheapest(costs: FloatArray, violations: FloatArray, limit: float) -> float:
    """The least cost within the limit of parts `(G, 3)`, any row of each: for each pair the best third that is left."""
    last = np.lexsort((costs[:, 2], violations[:, 2]))
    least, found = np.minimum.accumulate(costs[last, 2]), np.inf
    for cost, violation in zip(costs[:, 0], violations[:, 0], strict=True):
        left = limit - violation - violations[:, 1]
        count = np.searchsorted(violations[last, 2], left, side="right")
        some = count > 0
        if some.any():
            found = min(found, float((cost + costs[some, 1] + least[count[some] - 1]).min()))
    return found


def main(names: Sequence[str]) -> None:
    """Print a table of each scenario's agents."""
    print("| scenario | agent | step of the weights | one weight | a table of three | one weight at a time, mixed |")
    print("|---|---|---|---|---|---|")
    for name in names:
        scenario = read_scenario(name)
        source = source_of(scenario)
        domain = build_domain(members(configuration_of(scenario, "bisect", source), source))
        for step in STEPS:
            for agent, gain in zip(domain.spec.agents, gains(domain, step), strict=True):
                over = (f"{100 * (cost / gain.bound - 1):.2f} %" for cost in (gain.one, gain.table, gain.mixture))
                print(f"| {scenario.name} | {agent} | {step:g} | {' | '.join(over)} |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["reference", "three"])
