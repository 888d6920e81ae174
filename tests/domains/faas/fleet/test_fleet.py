"""A fleet: alone as nodes are, together as computed by hand, and never worse than what anybody else finds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Knowledge, Part, Shift
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas import domain as single
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig, OwnConfig
from tests.domains.faas.fleet.brute_force import every, random_fleet

KEEP, QUARTER, HALF = 0, 1, 2  # options, the latter to the first neighbour


def fleet(**settings):
    chosen = FleetConfig(**settings)
    return build(chosen, load(chosen))


def alone(domain_settings):
    return single.build(domain_settings.node(), load(domain_settings))


def choice(domain, option, replicas):
    return option * domain.evaluation.node.replica_choices + replicas - 1


def random_play(environment, steps, seed):
    rng = np.random.default_rng(seed)
    draws = environment.draw(steps, [MemberStreams(seed, "te"), MemberStreams(seed + 1, "te")])
    seen, told = environment.observe(), []
    for draw in draws:
        told.append((seen.values, seen.mask))
        step = environment.step((rng.random(seen.mask.shape) * seen.mask).argmax(-1), draw)
        told.append((step.paid, step.objectives, step.measures[..., 0]))
        seen = step.seen
    return [array for each in told for array in each]


def test_without_neighbours_it_is_single_nodes_to_the_last_bit():
    settings = FleetConfig(tolerance=0.1).having({"node2": OwnConfig(max_replicas=5, replica_cost=2.0)})
    ours, theirs = build(settings, load(settings)), alone(settings)
    assert ours.spec.observation == theirs.spec.observation
    assert ours.spec.choices == theirs.spec.choices
    assert ours.spec.cost_scale == theirs.spec.cost_scale
    for part in Part:
        played = [random_play(domain.environment(part, 2, 3), 40, seed=7) for domain in (ours, theirs)]
        for mine, other in zip(*played, strict=True):
            np.testing.assert_array_equal(mine, other)
    for alpha, known in itertools.product((0.2, 0.6, 0.9), Knowledge):
        weights = weights_of(np.array([alpha, 0.5, alpha]))
        mine, other = (domain.answer(weights, knowledge=known) for domain in (ours, theirs))
        np.testing.assert_array_equal(mine.plan, other.plan)
        np.testing.assert_array_equal(mine.objectives, other.objectives)


def test_a_period_by_hand():
    """Node 1 keeps half of its requests and node 2 serves the rest; both reject by Erlang's formula.

    Loads of 2 requests/s take 1 s each: node 1 has 1 Erlang on 1 replica, B(1, 1) = 1/2; node 2 has 2 + 1 = 3 on 2,
    B(2, 3) = (9/2) / (1 + 3 + 9/2) = 9/17. Of node 1's requests (1/2 + 9/17) / 2 = 35/68 are rejected.
    """
    settings = {"nodes": 2, "topology": "ring", "rejection_model": "erlang", "warm_service_time": 1.0, "noise": 0.0}
    domain = fleet(**settings, forward_cost=0.001)
    fixed = domain.evaluation.node.trace
    rates = np.full_like(fixed.actual_rate_rps, 2.0)
    source = type(fixed)(fixed.functions, rates, rates, step_seconds=300.0, period_steps=len(rates))
    domain = build(FleetConfig(**settings, forward_cost=0.001), source)
    step = domain.environment(Part.EVALUATION, 1).step(np.array([[[choice(domain, HALF, 1), choice(domain, KEEP, 2)]]]))
    np.testing.assert_allclose(step.objectives[0, 0, :, 1], [35 / 68, 9 / 17], atol=2e-4)
    np.testing.assert_allclose(step.paid[0, 0], [1 + 0.001 * 300 * 1.0, 2.0])  # 1 request/s for 300 s at .001 each
    np.testing.assert_allclose(step.measures[0, 0], [[1, 0.5, 2, 1.0], [2, 0.0, np.nan, 3.0]])
    np.testing.assert_allclose(step.seen.values[0, 0, :, 4:], [[0.5, 0.5], [0.0, 1.5]])  # over the largest rate, 2
    # The most that a node pays: 8 replicas, and half of its 2 requests/s, times 1.2, for 300 s.
    assert domain.spec.cost_scale == pytest.approx(8 + 0.001 * 300 * 1.2)
    plan = np.tile([choice(domain, HALF, 1), choice(domain, KEEP, 2)], (len(rates), 1))
    exact = domain.expected(plan)
    np.testing.assert_allclose(exact.violations[0, :, 0], [35 / 68, 9 / 17], atol=1e-9)
    np.testing.assert_allclose(exact.paid[0], step.paid[0, 0])
    np.testing.assert_array_equal(domain.choices_of(exact.measures), plan)


def test_what_is_expected_is_the_mean_of_what_comes():
    domain = fleet(topology="full", noise=0.4)
    rng = np.random.default_rng(0)
    choices = np.array(domain.spec.choices)
    plan = rng.integers(0, choices, (domain.evaluation.node.trace.steps, 3))
    environment = domain.environment(Part.TRAINING, 2, 1)
    passes, steps = 150, environment.steps
    draws = environment.draw(passes * steps, [MemberStreams(seed, "te") for seed in (0, 1)])
    played = [environment.step(np.tile(plan[t % steps], (2, 1, 1)), draw) for t, draw in enumerate(draws)]
    lost = np.stack([step.objectives[:, 0, :, 1] for step in played]).reshape(passes, steps, 2, 3)
    each = lost.mean((1,)).reshape(-1, 3)  # of independent passes
    error = each.std(0, ddof=1) / np.sqrt(len(each))
    expected = domain.expected(plan).violations[..., 0].mean(0)
    assert (abs(each.mean(0) - expected) < 4 * error + 1e-4).all()  # the table is within 1e-4
    assert (error < 1e-3).all()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_no_joint_choice_weighs_less_than_the_best(seed):
    """Small fleets at random weights: all replicas and flows of all nodes, tried one by one."""
    rng = np.random.default_rng(seed)
    domain = SMALL[seed % len(SMALL)]
    outlook = domain.outlook(Part.EVALUATION, Knowledge.CAUSAL)
    weights = weights_of(rng.uniform(0.2, 0.99, 3))
    best = domain.answer(weights).plan
    weighed = lambda plan: (outlook.objectives(plan) * weights).sum((1, 2))  # noqa: E731
    joint = np.array(list(itertools.product(*(range(count) for count in domain.spec.choices))))
    step = int(rng.integers(len(best)))
    caps = domain.evaluation.node.max_replicas[step]
    assert (joint % domain.evaluation.node.replica_choices < caps).all()
    least = np.inf
    for some in np.array_split(joint, 1 + len(joint) // len(best)):
        plan = best.copy()
        totals = []
        for option in some:
            plan[step] = option
            totals.append(weighed(plan)[step])
        least = min(least, *totals)
    assert weighed(best)[step] == pytest.approx(least, abs=1e-12)


def small(topology):
    cost = {} if topology == "none" else {"forward_cost": 1e-4}
    return fleet(topology=topology, max_replicas=2, nodes=3, noise=0.2, warm_service_time=0.02, **cost)


SMALL = [small("star"), small("none")]


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from(["star", "ring"]), st.booleans())
def test_the_best_is_the_least_of_all_joint_choices_by_the_models_alone(seed, topology, own):
    """Without noise, each node at a weight of its own: neither the table nor the outlook is asked what is rejected."""
    domain = random_fleet(seed, topology=topology, own=own)
    weights = np.random.default_rng(seed).uniform(0.2, 0.99, (3, 2))
    weights[:, 0] = weights[0, 0]  # costs are known in sum
    found = domain.answer(weights)
    indices, paid, lost = every(domain)
    weighed = weights[0, 0] * paid / domain.spec.cost_scale + lost @ weights[:, 1]
    chosen = [int(np.flatnonzero((indices == row).all(1))[0]) for row in found.plan]
    told, steps = (found.objectives * weights).sum(), np.arange(len(weighed))
    np.testing.assert_allclose(weighed[steps, chosen], weighed.min(1), atol=1e-8)
    assert told == pytest.approx(weighed.min(1).mean(), abs=1e-8)


def test_settings_that_say_nothing_are_refused():
    with pytest.raises(ValueError, match="degree is of a random graph"):
        FleetConfig(topology="ring", degree=3)
    with pytest.raises(ValueError, match="forward_cost is of what is forwarded, and topology is none"):
        FleetConfig(messages="ring", forward_cost=1e-4)
    with pytest.raises(ValueError, match=r"load worst is the most within \+- noise, and noise is 0"):
        FleetConfig(load="worst", noise=0.0)
    FleetConfig(topology="ring", forward_cost=1e-4)
    settings = FleetConfig().having({"elsewhere": OwnConfig(tolerance=0.1)})
    with pytest.raises(UsageError, match=r"node\.elsewhere: there is no such node, but node1, node2, node3"):
        load(settings)


@pytest.mark.parametrize("changed", [{"noise": 0.0}, {"noise": 0.7}, {"load": "worst"}, {"counted": 0.5}])
def test_the_unit_of_cost_is_that_which_policies_learnt_by_whatever_they_are_judged_under(changed):
    """At the default noise a node forwards at most half of 1.2 times its largest rate."""
    domain = fleet(topology="ring", forward_cost=1e-3)
    largest = domain.training.node.trace.expected_rate_rps.max(0)
    assert domain.spec.cost_scale == pytest.approx(8 + 1e-3 * 300 * 0.5 * 1.2 * largest.mean(), rel=1e-12)
    assert fleet(topology="ring", forward_cost=1e-3, **changed).spec.cost_scale == domain.spec.cost_scale
    assert domain.shifted(Shift(load=2.0, noise=3.0)).spec.cost_scale == domain.spec.cost_scale


@pytest.mark.parametrize("topology", ["none", "ring"])
def test_where_cost_weighs_nothing_everybody_runs_what_its_cap_allows(topology):
    settings = FleetConfig(topology=topology, noise=0.0).having({"node2": OwnConfig(max_replicas=5)})
    domain = build(settings, load(settings))
    answer = domain.answer(np.tile([0.0, 1.0], (3, 1)))
    replicas = answer.plan % domain.evaluation.node.replica_choices + 1
    assert (replicas == [8, 5, 8]).all()
    little = domain.answer(np.tile([1e-9, 1.0], (3, 1)))
    np.testing.assert_allclose(answer.objectives[:, 1].sum(), little.objectives[:, 1].sum(), atol=1e-7)
