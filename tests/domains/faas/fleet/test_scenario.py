"""The scenario `fleet`: caps bind at the peaks, so that only together limits are kept, and its bound is certified."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.domains import registry
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.scenarios import read_scenario

SETTINGS = read_scenario("fleet").settings


def nodes(**instance):
    config = configured(MamoConfig, SETTINGS, {"instance": instance})
    return registry.build("fleet", config.instance, registry.load_source("fleet", config.instance))


def test_without_forwarding_all_replicas_all_the_time_do_not_keep_the_limit():
    alone = nodes(topology="none", forward_cost=5e-5)  # which is the default, as there is nothing to pay for
    caps = alone.case.evaluation.max_replicas
    rejected = alone.expected(caps - 1).violations[..., 0]
    np.testing.assert_allclose(rejected.mean(0), 0.0617, atol=1e-4)
    assert (rejected.max(0) > 3 * alone.spec.limits[:, 0]).all()  # at a node's peak
    with pytest.raises(UnreachableError, match=r"of node1 within 0\.05: the least is 0\.0617"):
        bound(alone)


def test_together_the_limits_are_kept_at_a_cost_that_no_play_undercuts():
    """Weak duality: no play under the limits' prices costs less, the excess charged for, than the mixture costs."""
    domain = nodes()
    found = bound(domain)
    assert found.cost == pytest.approx(0.7516, abs=1e-4)
    assert found.gap <= 1e-9
    np.testing.assert_allclose(found.objectives[:, 1], 0.05, atol=1e-9)
    weights = np.stack((np.ones(3), found.prices[:, 0]), 1)
    best = domain.answer(weights).objectives
    least = (best[:, 0] + found.prices[:, 0] * (best[:, 1] - 0.05)).mean()
    assert least == pytest.approx(found.cost, rel=1e-9)
    rng, sizes = np.random.default_rng(0), np.array(domain.spec.choices)
    known = domain.expected(rng.integers(0, sizes, (len(domain.conditions()), 3)))
    cost, rejected = known.paid.mean(0) / domain.spec.cost_scale, known.violations[..., 0].mean(0)
    assert (cost + found.prices[:, 0] * (rejected - 0.05)).mean() > found.cost
