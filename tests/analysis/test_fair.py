"""Exact fairness of whole domains: a hundred random small fleets, all of whose joint plans are enumerated."""

import functools
import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from mamo_cli.analysis.fair import fairest_mixture
from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.core.fairness import KINDS, means_of
from mamo_cli.domains.registry import about, build
from mamo_cli.solvers.fair_plans import fairest_plan
from mamo_cli.solvers.highs import open_highs
from mamo_cli.workload.trace import Trace

STEPS = 2


@functools.cache
def random_fleet(seed):
    """Two nodes that may forward to one another, or three that may not; loads and caps of their own, two steps."""
    rng = np.random.default_rng(seed)
    nodes, topology = ((2, "full"), (3, "none"))[seed // 2 % 2]
    rates = rng.uniform(2.0, 60.0, (STEPS, nodes))
    source = Trace(tuple("abc"[:nodes]), rates, rates, step_seconds=300.0, period_steps=STEPS)
    settings = about("fleet").SETTINGS(
        topology=topology,
        rejection_model="erlang",
        max_replicas=2 if topology == "full" else 3,
        noise=0.0,
        warm_service_time=float(rng.uniform(0.02, 0.1)),
    )
    return build("fleet", settings, source)


@functools.cache
def joint_choices(domain):
    """`(T, J, 1 + A)` what each joint choice of a step adds to mean cost and violations."""
    every = itertools.product(*(range(count) for count in domain.spec.choices))
    told = [domain.expected(np.tile(one, (STEPS, 1))) for one in every]
    cost = np.stack([each.paid.mean(-1) for each in told], 1) / domain.spec.cost_scale
    return np.concatenate((cost[..., None], np.stack([each.violations[..., 0] for each in told], 1)), -1) / STEPS


def first_to_last(plans, means, budget):
    """The enumerated plan that is least in the first mean, of those in the second, and so on."""
    left = plans[plans[:, 0] <= budget]
    for mean in means:
        values = mean.of(left[:, 1:])
        left = left[values <= values.min() + 1e-7]
    return [float(mean.of(left[0, 1:])) for mean in means]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_small_fleets_by_enumeration(kind):
    for seed in range(KINDS.index(kind) % 2, 100, 2):  # each fleet is asked for two kinds
        domain = random_fleet(seed)
        steps = joint_choices(domain)
        plans = (steps[0][:, None] + steps[1][None]).reshape(-1, steps.shape[-1])
        agents = len(domain.spec.agents)
        means = means_of(kind, agents, aversion=1.0 + seed % 3, loads=np.arange(1.0, agents + 1))
        budget = float(np.quantile(plans[:, 0], 0.2 + 0.1 * (seed % 5)))
        plan = fairest_plan(open_highs, means, list(steps), budget)
        np.testing.assert_allclose(plan.values, first_to_last(plans, means, budget), atol=3e-7)
        assert plan.brought[0] <= budget + 1e-9
        if seed % 8 >= 4:  # mixtures take longest
            continue
        mixed = fairest_mixture(domain, means, budget)
        assert mixed.gap <= 1e-8
        assert mixed.brought[0] <= budget + 1e-9
        assert mixed.values[0] <= plan.values[0] + 1e-8
        for mean, value in zip(means, mixed.values, strict=True):  # nothing on its tangent is less, in any mixture
            if kind in ("alpha-fair", "utilitarian"):
                slope, offset = mean.tangent(mixed.brought[1:])
                one = np.ones((1, len(plans)))
                least = linprog(plans[:, 1:] @ slope, plans[:, :1].T, [budget], one, [1.0]).fun + offset
                assert value == pytest.approx(least, abs=1e-4)


def test_a_budget_that_nothing_keeps_is_refused():
    domain = random_fleet(0)
    least = float(joint_choices(domain).min(1).sum(0)[0])
    with pytest.raises(UnreachableError, match="no play of the evaluation part has a mean cost of"):
        fairest_mixture(domain, means_of("ggf", 2), 0.9 * least)
    assert fairest_mixture(domain, means_of("ggf", 2), least).brought[0] == pytest.approx(least, rel=1e-9)
