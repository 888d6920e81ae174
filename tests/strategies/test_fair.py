"""Fairness within a budget: where its weights lead beside a perfect agent, and what it delivers."""

import numpy as np
import pytest

from mamo_cli.analysis.fair import fairest_mixture
from mamo_cli.core.errors import UsageError
from mamo_cli.core.fairness import KINDS, means_of
from mamo_cli.core.seam import Domain
from mamo_cli.domains.registry import about, build
from mamo_cli.strategies.fair import FairSettings
from mamo_cli.training.readout import Kept, places_of
from mamo_cli.workload.trace import Trace
from tests.analysis.tables import Tables
from tests.strategies.exact_learner import Exactly, Stairs, keeps_members_apart, play, resumes, strategy_of

BUDGET = 0.45
TWO = Stairs([[0.1, 0.8], [0.5, 0.3], [0.9, 0.0]], [[0.1], [0.1]])


def fleet(topology) -> Domain:
    rates = np.random.default_rng(1).uniform([20, 10, 5], [60, 30, 20], (12, 3))
    source = Trace(("a", "b", "c"), rates, rates, step_seconds=300.0, period_steps=12)
    settings = {"topology": topology, "rejection_model": "erlang", "max_replicas": 4, "warm_service_time": 0.06}
    return build("fleet", about("fleet").SETTINGS(**settings), source)


def delivered(strategy, readout, objectives):
    """Mean cost and violations `(1 + A,)` of what a readout makes of objectives `(C, K, A, 2)`."""
    plays = np.c_[objectives[:, 0, :, 0].mean(1), objectives[:, 0, :, 1]]
    return strategy.readouts[readout](plays, np.zeros(0)) @ plays


@pytest.mark.parametrize("topology", ["none", "ring"])
@pytest.mark.parametrize("kind", KINDS)
def test_with_a_perfect_agent_it_delivers_the_fairest_mixture(kind, topology):
    """Of nodes that forward to one another, and of such as share the budget alone; within thirty cycles."""
    domain = fleet(topology)
    best = fairest_mixture(domain, means_of(kind, 3), BUDGET)
    strategy = strategy_of("fair", Exactly(domain), fairness=kind, budget=BUDGET)
    _, objectives, told = play(strategy, Exactly(domain), range(30))
    brought = delivered(strategy, "mix", objectives)
    assert brought[0] <= BUDGET + 1e-9
    for mean, value in zip(means_of(kind, 3), best.values, strict=True):
        assert float(mean.of(brought[1:])) == pytest.approx(value, abs=1e-4)
    assert told["fair_mean"][-1, 0, 0] == pytest.approx(best.values[0], abs=1e-4)
    single = delivered(strategy, "best", objectives)
    assert single[0] <= BUDGET
    assert means_of(kind, 3)[0].of(single[1:]) >= best.values[0] - 1e-9


def test_shared_memory_is_shared_fairly_whatever_the_priorities():
    """(cost, violation) of each of two: one of them may have the dear choice; both take turns, whoever is favoured."""
    cost, violation = np.array([[[0.25, 0.75], [0.25, 0.75]]]), np.array([[[1.0, 0.0], [1.0, 0.0]]])[..., None]
    use = np.array([[1, 2], [1, 2]])
    for priorities in (None, [0.1, 0.9]):
        domain = Tables(cost, violation, np.array([[0.1], [0.1]]), use, [3], priorities)
        strategy = strategy_of("fair", Exactly(domain), fairness="max-min", budget=0.6)
        _, objectives, _ = play(strategy, Exactly(domain), range(12))
        np.testing.assert_allclose(delivered(strategy, "mix", objectives), [0.5, 0.5, 0.5], atol=1e-6)


def test_weights_by_hand():
    """Prices of .5 for the cost and .25 for each violation: .25 of each cost beside .25, so that alpha is a half."""
    strategy = strategy_of("fair", TWO, budget=0.5)
    np.testing.assert_allclose(strategy.propose(0), [[[0.5, 0.5], [0.5, 0.5]]], rtol=1e-12)
    # The first answer costs .5 each, (.5 + .3) / 2 being least, and is within the budget, which is then free: what is
    # first of equals has weight 2/3 of ggf, the other 1/3; halfway there the prices are .25, .25/2 + 1/3, .25/2 + 1/6.
    _, objectives, told = play(strategy, TWO, range(1))
    assert objectives[0, 0].tolist() == [[0.5, 0.3], [0.5, 0.3]]
    assert told["price"].tolist() == [[[0.25, 0.25]]]
    assert told["fair_mean"] == pytest.approx(0.3, rel=1e-9)
    first, second = 0.125 + 1 / 3, 0.125 + 1 / 6
    assert told["choice"][0, 0] == pytest.approx([first / (first + 0.125), second / (second + 0.125)], rel=1e-9)


def test_nothing_within_the_budget_makes_it_cheaper():
    strategy = strategy_of("fair", TWO, budget=0.05, initial_alpha=0.8)
    _, objectives, told = play(strategy, TWO, range(6))
    assert told["price"][:, 0, 0].tolist() == pytest.approx([1 - 0.8 / 2**n for n in range(1, 7)])
    assert objectives[-1, 0].tolist() == [[0.1, 0.8], [0.1, 0.8]]


def test_of_policies_that_are_dear_and_unfair_those_are_kept_that_a_fair_mixture_needs():
    strategy = strategy_of("fair", TWO, budget=0.5)
    spec = TWO.spec
    assert places_of("mix", spec, together=True) == 2 * 3
    kept = Kept("mix", spec, 1, strategy.readouts)
    for cycle, violations in enumerate(([0.2, 0.8], [0.8, 0.2], [0.6, 0.6])):
        objectives = np.array([[[0.5, violation] for violation in violations]])
        kept.add(cycle, np.full((1, 2, 2), 0.5), objectives, np.full((1, 1), cycle, dtype=np.float32))
    delivery = kept.delivery()
    np.testing.assert_allclose(delivery.shares[:, 0], [[0.5, 0.5], [0.5, 0.5]], atol=1e-9)  # both at .5 on average
    assert delivery.cycles[:, 0].tolist() == [0, 1]


def test_it_resumes_and_keeps_members_apart():
    for fairness in ("ggf", "max-min"):
        resumes("fair", TWO, fairness=fairness)
        keeps_members_apart("fair", TWO, fairness=fairness)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rank_discount": 0.25, "fairness": "max-min"}, "rank_discount is of ggf, and fairness is max-min"),
        ({"aversion": 1.0}, "aversion is of alpha-fair, and fairness is ggf"),
        ({"loads": (1.0, 2.0)}, "loads is of utilitarian and alpha-fair, and fairness is ggf"),
    ],
)
def test_settings_that_count_for_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FairSettings(**settings)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(UsageError, match="each has 2"):
        strategy_of("fair", Stairs([[0.1, 0.5, 0.5]], [[0.25, 0.2]]))
    with pytest.raises(UsageError, match="--loads: one for each of 2 agents, got 3"):
        strategy_of("fair", TWO, fairness="utilitarian", loads=(1.0, 2.0, 3.0))
