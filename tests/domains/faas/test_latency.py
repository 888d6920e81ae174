"""A second limit, on slow responses: what is counted, and what is known of it without a simulation."""

import numpy as np
import pytest
from pydantic import ValidationError

from mamo_cli.analysis.bounds import bounds_of
from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import FunctionConfig, InstanceConfig, Planning
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace


def node(source, own=None, **settings):
    simulated = {"rejection_model": "simulation", "noise": 0.0, "latency_limit": 0.13, "latency_tolerance": 0.15}
    return build(InstanceConfig(**{**simulated, **settings}).having(own or {}), source, source)


def steady(rate, steps=6, functions=1, seconds=300.0):
    rates = np.full((steps, functions), float(rate))
    return Trace(tuple(f"f{i}" for i in range(functions)), rates, rates, step_seconds=seconds)


def test_a_latency_limit_is_a_second_violation_with_its_own_limit():
    spec = node(steady(20.0)).spec
    assert [one.name for one in spec.words.violations] == ["rejection", "slow"]
    assert spec.limits.tolist() == [[0.05, 0.15]]
    assert spec.objectives == 3
    alone = node(steady(20.0), latency_limit=None, latency_tolerance=0.05)
    assert [one.name for one in alone.spec.words.violations] == ["rejection"]
    step = alone.environment(Part.EVALUATION, 1).step(np.zeros((1, 1, 1), dtype=np.int64))
    assert step.objectives.shape == (1, 1, 1, 2)


def test_where_replicas_stay_warm_the_share_is_that_of_the_exponential_whatever_the_choice():
    # exp(-.13 / .065) = e^-2 = .1353; 300 s at 40 requests/s are 12,000 a period, less what is rejected.
    domain = node(steady(40.0, steps=8), idle_timeout=1e6)
    for choice in (0, 4, 9):
        plan = np.full((8, 1), choice)
        planned, came = domain.replayed(plan)
        assert came.violations[1:, 0, 1].mean() == pytest.approx(np.exp(-2.0), abs=4 * np.sqrt(0.117 / (7 * 2000)))
        np.testing.assert_allclose(planned.violations[..., 1], np.exp(-2.0), rtol=1e-12)
        np.testing.assert_array_equal(domain.expected(plan).violations[..., 1], planned.violations[..., 1])


def test_cold_starts_add_to_it_by_their_share():
    # A replica ends at once: all are served cold, exp(-.13 / .25) = .5945 of them slowly.
    domain = node(steady(20.0, steps=4), idle_timeout=0.0)
    came = domain.replayed(np.full((4, 1), 9))[1]
    assert came.measures[:, 0, 1].min() == 1.0
    assert came.violations[..., 1].mean() == pytest.approx(np.exp(-0.13 / 0.25), abs=0.02)


def test_each_function_is_slow_by_its_own_service():
    own = {"f1": FunctionConfig(warm_service_time=0.13, cold_service_time=0.13)}
    domain = node(steady(20.0, functions=2), own, idle_timeout=1e6)
    slow = domain.expected(np.full((6, 2), 5)).violations[..., 1]
    np.testing.assert_allclose(slow, np.tile(np.exp([-2.0, -1.0]), (6, 1)), rtol=1e-12)
    came = domain.replayed(np.full((6, 2), 9))[1].violations[..., 1].mean(0)
    np.testing.assert_allclose(came, np.exp([-2.0, -1.0]), atol=0.015)


def test_nothing_is_slow_where_nothing_comes():
    domain = node(steady(0.0))
    assert not domain.replayed(np.zeros((6, 1), dtype=np.int64))[1].violations.any()
    assert not domain.expected(np.zeros((6, 1), dtype=np.int64)).violations.any()
    # At .01 requests/s a period of 10 s has any with probability 1 - e^-.1.
    rare = node(steady(0.01, seconds=10.0)).expected(np.zeros((6, 1), dtype=np.int64)).violations[0, 0, 1]
    assert rare == pytest.approx(-np.expm1(-0.1) * np.exp(-2.0), rel=1e-12)


def test_the_bound_is_that_of_rejection_where_warm_replicas_are_fast_enough_and_none_where_they_are_not():
    source = made_trace(1, steps=10, period=10)
    free, limited = (bounds_of(node(source, **one)) for one in
                     ({"latency_limit": None, "latency_tolerance": 0.05}, {}))  # fmt: skip
    for one, other in zip(free, limited, strict=True):
        assert other.cost == pytest.approx(one.cost, rel=1e-6)
    with pytest.raises(UnreachableError):
        bounds_of(node(source, latency_tolerance=0.13))
    assert node(source).prospect(Part.TRAINING, Knowledge.CAUSAL).objectives.shape == (10, 1, 10, 3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rejection_model": "erlang"}, "it needs rejection_model simulation"),
        ({"latency_limit": None}, "latency_tolerance is how many may be slower than latency_limit: it needs one"),
    ],
)
def test_what_cannot_be_known_is_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        node(steady(20.0), **settings)


def test_a_strategy_that_picks_one_alpha_is_refused_before_anything_is_written(tmp_path):
    asked = {"seeds": 1, "instance": {"rejection_model": "simulation", "latency_limit": 0.2}}
    for strategy in ("wa-dqn", "bisect", "ols"):
        with pytest.raises(UsageError, match=f"--strategy {strategy} picks one alpha"):
            run_mamo(configured(MamoConfig, {"strategy": strategy, **asked}), Place(tmp_path))
    assert not any(tmp_path.iterdir())


def test_no_plan_knows_of_responses():
    source = steady(20.0)
    settings = InstanceConfig(rejection_model="simulation", latency_limit=0.2)
    with pytest.raises(UsageError, match="--latency-limit is of simulated responses"):
        build(settings, source, source, Planning())
