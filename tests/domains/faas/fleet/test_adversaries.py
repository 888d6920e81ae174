"""The most load within the noise, sensors that are off, and nodes that lie."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Knowledge, Part, Shift
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.environment import Drawn
from mamo_cli.domains.faas.fleet.settings import FleetConfig, OwnConfig
from mamo_cli.workload.trace import Trace

ROUNDING = 1e-12
HEARD = 4
"""The first number of an observation that was heard, without topology."""


def fleet(own=None, **chosen):
    config = FleetConfig(**chosen).having(own or {})
    return build(config, load(config))


DRAWN, WORST = (fleet(topology="full", noise=0.3, load=load, max_replicas=5) for load in ("drawn", "worst"))
CORNERS = np.array(list(itertools.product((-0.3, 0.3), repeat=3)))


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_nothing_within_the_noise_is_worse_for_anybody_than_the_worst_load(seed):
    """All corners and some of the interior: no node's cost or rejection is above what the upper end brings it."""
    rng = np.random.default_rng(seed)
    members = len(CORNERS) + 8
    inside = rng.uniform(-0.3, 0.3, (members - len(CORNERS), 3))
    drawn, worst = DRAWN.environment(Part.TRAINING, members), WORST.environment(Part.TRAINING, 1)
    for environment in (drawn, worst):
        at = np.full(1, rng.integers(288)) if environment is drawn else drawn.at
        environment.load_state_dict({**environment.state_dict(), "steps": at})
    actions = rng.integers(0, DRAWN.spec.choices[0], 3)
    came = drawn.step(np.tile(actions, (members, 1, 1)), Drawn(np.concatenate((CORNERS, inside))[:, None])).objectives
    least_and_most = worst.step(actions[None, None]).objectives
    assert (came <= least_and_most + ROUNDING).all()
    np.testing.assert_allclose(came[len(CORNERS) - 1], least_and_most[0], rtol=1e-12)  # the last corner is the upper


def test_the_worst_load_is_the_upper_end_in_training_and_evaluation():
    for part in Part:
        environment = WORST.environment(part, 1)
        expected = WORST.evaluation.node.trace.expected_rate_rps
        kept = environment.step(np.zeros((1, 1, 3), dtype=np.int64)).measures[0, 0, :, 3]
        np.testing.assert_allclose(kept, 1.3 * expected[0], rtol=1e-12)
    np.testing.assert_allclose(WORST.conditions()[..., 1], 1.3 * WORST.conditions()[..., 0], rtol=1e-12)
    assert WORST.spec.cost_scale == DRAWN.spec.cost_scale


def test_the_worst_load_is_that_of_a_fleet_whose_load_is_so_much_higher():
    """Two ways to one number: the fleet at its worst load is a fleet without noise at 1.3 times the rates."""
    higher = fleet(topology="full", noise=0.0, max_replicas=5).shifted(Shift(load=1.3))  # the unit of cost stays
    weights = np.tile([0.2, 0.8], (3, 1))
    mine, other = (domain.answer(weights) for domain in (WORST, higher))
    np.testing.assert_allclose(*((each.objectives * weights).sum() for each in (mine, other)), rtol=1e-9)
    paid = [domain.expected(mine.plan).paid for domain in (WORST, higher)]
    np.testing.assert_allclose(*paid, rtol=1e-12)


def test_the_robust_optimum_keeps_the_limits_whatever_comes_and_costs_more():
    """The price of robustness, both ways: what the ordinary optimum breaks at the worst load, the robust one keeps."""
    drawn, worst = (fleet(topology="full", load=load) for load in ("drawn", "worst"))
    ordinary, robust = bound(drawn), bound(worst)
    assert robust.cost > ordinary.cost * 1.05

    def at_worst(mixture):
        known = worst.outlook(Part.EVALUATION, Knowledge.CAUSAL)
        plays = [drawn.answer(weights).plan for weights in mixture.weights.swapaxes(0, 1)]
        brought = np.stack([known.objectives(plan).mean(0) for plan in plays])
        return (mixture.shares[0][:, None, None] * brought).sum(0)

    assert at_worst(ordinary)[:, 1].max() > 0.06
    assert robust.objectives[:, 1].max() <= 0.05 + 1e-9
    weights = robust.weights.swapaxes(0, 1)
    calm = [drawn.outlook(Part.EVALUATION, Knowledge.CAUSAL).objectives(worst.answer(each).plan) for each in weights]
    brought = np.stack([each.mean(0) for each in calm])
    assert (robust.shares[0][:, None, None] * brought).sum(0)[:, 1].max() < 0.05


def test_traces_with_deviations_of_their_own_have_no_worst_load():
    config = FleetConfig(load="worst")
    source = load(config)
    carrying = replace(source, actual_rate_rps=source.actual_rate_rps * 1.1, period_steps=None)
    with pytest.raises(UsageError, match="--load worst is within the noise, and the trace carries deviations"):
        build(config, carrying)


def test_a_sensor_that_is_off_scales_what_is_observed_and_told_and_nothing_else():
    own = {"node2": OwnConfig(sensor=0.5)}
    straight, off = (fleet(each, topology="full", messages="full", noise=0.0) for each in ({}, own))
    environments = [domain.environment(Part.EVALUATION, 1) for domain in (straight, off)]
    rng = np.random.default_rng(0)
    for _ in range(5):
        actions = rng.integers(0, straight.spec.choices[0], (1, 1, 3))
        one, other = (environment.step(actions) for environment in environments)
        np.testing.assert_array_equal(one.objectives, other.objectives)
        np.testing.assert_array_equal(one.measures, other.measures)
        differs = one.seen.values != other.seen.values
        factors = other.seen.values[differs] / one.seen.values[differs]
        np.testing.assert_allclose(factors, 0.5, rtol=1e-6)
        # Node 2 itself, and nodes 1 and 3 what they hear of it: of each sender a rate and the room, after 6 numbers.
        np.testing.assert_array_equal(np.argwhere(differs[0, 0]), [[0, 6], [1, 0], [2, 8]])
    weights = np.tile([0.2, 0.8], (3, 1))
    for mine, same in zip(straight.answer(weights), off.answer(weights), strict=True):
        np.testing.assert_array_equal(mine, same)


def test_who_lies_claims_no_load_and_its_whole_cap():
    own = {"node3": OwnConfig(lies=True, max_replicas=6)}
    domain = fleet(own, messages="full", noise=0.0)
    environment = domain.environment(Part.EVALUATION, 1)
    seen = environment.step(np.full((1, 1, 3), 3)).seen.values[0, 0]
    rates = domain.evaluation.node.trace.expected_rate_rps[1] / domain.evaluation.node.rate_scale_rps
    np.testing.assert_allclose(seen[0, HEARD:], [rates[1], 0.5, 0.0, 6 / 8], rtol=1e-6)  # 4 of 8 run, 4 may be added
    np.testing.assert_allclose(seen[2, HEARD:], [rates[0], 0.5, rates[1], 0.5], rtol=1e-6)
    assert seen[2, 0] == pytest.approx(rates[2], rel=1e-6)  # it knows the truth itself


def test_who_nobody_hears_cannot_lie():
    config = FleetConfig().having({"node1": OwnConfig(lies=True)})
    with pytest.raises(UsageError, match=r"node\.node1 lies in its messages, and messages is none"):
        build(config, load(config))


def test_a_policy_that_reacts_meets_worse_than_the_upper_end_at_all_times():
    """8 replicas after a period that rejected more than .02, else 4; 60 requests/s for one node, 30 % more or less.

    At the upper end it runs 8 from the second period on. Who lets 42 come to its 8 replicas, and 78 to its 4, finds it
    with 4 in every second period: their mean is worse.
    """
    rates = np.full((40, 1), 60.0)
    config = FleetConfig(noise=0.3, rejection_model="erlang", max_replicas=8)
    domain = build(config, Trace(("a",), rates, rates, step_seconds=60.0, period_steps=40))

    def rejected(low):
        environment, found = domain.environment(Part.TRAINING, 1), []
        seen = environment.observe()
        for _ in range(40):
            many = seen.values[0, 0, 0, 2] > 0.02
            deviation = -0.3 if many and low else 0.3
            step = environment.step(np.array([[[7 if many else 3]]]), Drawn(np.full((1, 1, 1), deviation)))
            seen = step.seen
            found.append(step.objectives[0, 0, 0, 1])
        return found

    upper, waiting = rejected(low=False), rejected(low=True)
    high, low = (domain.case.models[0].rejection_probability(np.array([78.0, 42.0]), 8)[row] for row in (0, 1))
    np.testing.assert_allclose(upper[1:], high[7], atol=1e-4)
    np.testing.assert_allclose(waiting, np.tile([high[3], low[7]], 20), atol=1e-4)
    assert np.mean(waiting) > 2 * np.mean(upper)
