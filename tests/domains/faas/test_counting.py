"""Rejection counted by requests: a period weighs as many as come in it; and agents who are told it by periods."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Knowledge, Part, Scope, Shift
from mamo_cli.core.seeding import stream
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.baselines.registry import ruled
from mamo_cli.domains.faas.domain import build, load
from mamo_cli.domains.faas.gym_env import ReplicaScalingEnv
from mamo_cli.domains.faas.settings import InstanceConfig, Planning
from mamo_cli.workload.trace import Trace

RATES = np.array([[10.0], [30.0]])
TWO = Trace(("f0",), RATES, RATES, period_steps=2)
ONE = {"rejection_model": "erlang", "max_replicas": 1, "warm_service_time": 0.1, "counting": "requests"}


def node(trace=TWO, **settings):
    return build(InstanceConfig(**{**ONE, **settings}), trace)


def played(domain, part, choices=0, steps=2):
    environment = domain.environment(part, 1)
    told = [environment.step(np.full((1, 1, 1), choices)).objectives[0, 0, 0, 1] for _ in range(steps)]
    return np.array(told)


def test_by_hand_busy_periods_weigh_more():
    # One replica rejects a / (1 + a) of its requests: 1/2 of 10 and 3/4 of 30 a second, 27.5 of 40, not 5/8 of them.
    still = node(noise=0.0)
    assert played(still, Part.EVALUATION) == pytest.approx([0.25, 1.125], abs=1e-4)  # of the table
    nothing = np.zeros((2, 1), np.int64)
    for brought in (still.expected(nothing), *still.replayed(nothing)):
        assert brought.violations[:, 0, 0] == pytest.approx([0.25, 1.125], rel=1e-12)
    for part in Part:
        for knowledge in Knowledge:
            answer = still.answer(weights_of(np.array([0.5])), part, knowledge)
            assert answer.objectives[0, 1] == pytest.approx(27.5 / 40, rel=1e-12)
    by_periods = node(noise=0.0, counting="periods")
    assert played(by_periods, Part.EVALUATION).mean() == pytest.approx(5 / 8, abs=1e-4)
    told = node(noise=0.0, proxy="periods")
    assert played(told, Part.TRAINING).mean() == pytest.approx(5 / 8, abs=1e-4)
    assert played(told, Part.EVALUATION).mean() == pytest.approx(27.5 / 40, abs=1e-4)


def test_the_mean_of_an_evaluation_is_the_share_of_its_requests_whatever_rates_came():
    domain = build(InstanceConfig(counting="requests"), load(InstanceConfig()))
    rates = domain.conditions()[:, 0, 1]
    brought = played(domain, Part.EVALUATION, choices=5, steps=len(rates))
    rejection = domain.case.exact_rejection(rates[:, None], np.full((len(rates), 1), 6))[:, 0]
    assert brought.mean() == pytest.approx((rates * rejection).sum() / rates.sum(), abs=1e-4)
    # The same, counted: requests of each period, and of these whose turn it is not.
    rng = stream(0, "test")
    requests = rng.poisson(rates * 300.0, (20, len(rates)))
    rejected = rng.binomial(requests, rejection)
    assert rejected.sum() / requests.sum() == pytest.approx(brought.mean(), rel=0.005)


def test_what_is_expected_under_noise_is_the_mean_of_what_training_draws():
    domain = node(noise=0.5, max_replicas=3)
    environment = domain.environment(Part.TRAINING, 1, 2)
    deviations = stream(0, "test").uniform(-0.5, 0.5, (4000, 1, 2, 1))
    drawn = np.array([environment.step(np.ones((1, 2, 1), np.int64), one).objectives[0, :, 0, 1] for one in deviations])
    exact = domain.prospect(Part.TRAINING, Knowledge.CAUSAL).objectives[:, 0, 1, 1].mean()
    assert drawn.mean() == pytest.approx(exact, abs=5 * drawn.mean(1).std() / np.sqrt(len(drawn)))
    assert domain.expected(np.ones((2, 1), np.int64)).violations.mean() == pytest.approx(exact, rel=1e-12)


def test_exact_agents_that_count_by_the_period_reject_a_quarter_more_requests_than_they_may():
    config = InstanceConfig(counting="requests")
    told, control = (build(each, load(each)) for each in (config.model_copy(update={"proxy": "periods"}), config))
    believed, honest = bound(told, Part.TRAINING), bound(control)
    each = [told.expected(told.believed(own)) for own in believed.weights.swapaxes(0, 1)]
    true = believed.shares[0] @ [[one.paid.mean() / told.spec.cost_scale, one.violations.mean()] for one in each]
    # SPEC 12: of the reference instance by periods, the causal bound is 6.229 of 10 replicas.
    assert believed.objectives[0] == pytest.approx([0.6229, 0.05], rel=1e-3)
    assert true == pytest.approx([0.6228, 0.06183], rel=0.002)
    assert honest.objectives[0] == pytest.approx([0.6281, 0.05], rel=0.002)
    assert bound(told).objectives == pytest.approx(honest.objectives, rel=1e-12)
    assert told.spec.proxy == "rejection is counted by the period: the mean of P, in place of sum(rate P) / sum(rate)"


def test_what_is_not_known_by_requests_is_refused():
    domain = node()
    with pytest.raises(NothingExactError, match="plan by the period"):
        domain.optimum(Scope.AVERAGE)
    for settings, message in (
        ({"rejection_model": "simulation"}, "not by --rejection-model simulation: take serverless or erlang"),
        ({"shield": 0.01}, "--shield guards a period's rejection"),
        ({"counting": "periods", "proxy": "periods"}, "it needs --counting requests"),
    ):
        with pytest.raises(UsageError, match=message):
            node(**settings)
    with pytest.raises(UsageError, match="solve-offline plans by the period"):
        build(InstanceConfig(**ONE), TWO, None, Planning())
    with pytest.raises(UsageError, match="rules are tuned to rejection by the period"):
        next(iter(ruled(domain, None)))
    with pytest.raises(UsageError, match="no windows of its own"):
        domain.shifted(Shift(), (0, 1))
    with pytest.raises(UsageError, match="counts by the period"):
        ReplicaScalingEnv(instance=InstanceConfig(**ONE))
