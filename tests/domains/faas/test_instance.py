"""What is trained on, what is evaluated on, and that the two never meet."""

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.domains.faas.domain import load
from mamo_cli.domains.faas.node import build_case
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.generators import noisy, sinusoidal
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace

REFERENCE = InstanceConfig()


def test_a_periodic_trace_is_trained_on_whole_and_evaluated_on_noise_of_its_own():
    source = load(REFERENCE)
    case = build_case(REFERENCE, source)
    deviation = case.evaluation.trace.actual_rate_rps / source.actual_rate_rps - 1
    assert case.training.trace is source
    assert 0.15 < np.abs(deviation).max() <= 0.2
    assert np.abs(deviation).min() > 0
    np.testing.assert_array_equal(case.evaluation.trace.expected_rate_rps, source.expected_rate_rps)
    np.testing.assert_array_equal(case.known_rate_rps, source.actual_rate_rps)
    assert case.evaluation_noise == 0.2


def test_the_evaluation_noise_follows_its_own_seed():
    source = load(REFERENCE)
    rates = [build_case(InstanceConfig(noise_seed=seed), source).evaluation.trace.actual_rate_rps for seed in (0, 0, 1)]
    np.testing.assert_array_equal(rates[0], rates[1])
    assert not np.any(rates[0] == rates[2])


def test_any_other_trace_is_split_in_time():
    source = made_trace(2, steps=20)
    case = build_case(InstanceConfig(train_share=0.7), source)
    parts = (case.training.trace.expected_rate_rps, case.evaluation.trace.expected_rate_rps)
    assert [len(part) for part in parts] == [14, 6]
    np.testing.assert_array_equal(np.concatenate(parts), source.expected_rate_rps)  # no step is in both
    assert case.evaluation_noise == 0.2
    assert case.training.rate_scale_rps == case.evaluation.rate_scale_rps == parts[0].max()


def test_a_trace_with_its_own_deviations_is_evaluated_as_it_is():
    source = noisy(sinusoidal(), seed=4)
    case = build_case(REFERENCE, source)
    cut = round(0.7 * 288)
    np.testing.assert_array_equal(case.evaluation.trace.actual_rate_rps, source.actual_rate_rps[cut:])
    np.testing.assert_array_equal(case.known_rate_rps, source.actual_rate_rps[cut:])
    np.testing.assert_array_equal(case.expected_rejection(), case.planned_rejection())
    assert case.evaluation_noise == 0.0


def test_another_evaluation_trace_is_used_whole_and_the_table_reaches_it():
    source, other = sinusoidal(), noisy(sinusoidal(mean=150), seed=1)
    case = build_case(REFERENCE, source, other)
    assert case.training.trace is source
    np.testing.assert_array_equal(case.evaluation.trace.actual_rate_rps, other.actual_rate_rps)
    assert case.training.table.max_rate_rps >= other.actual_rate_rps.max()
    assert case.evaluation.rate_scale_rps == 90.0  # the policies' own scale, not the new trace's
    with pytest.raises(DataError, match="functions"):
        build_case(REFERENCE, source, made_trace(2))


def test_caps_come_from_the_trace_else_from_the_configuration():
    capped, free = made_trace(2, caps=True), made_trace(2)
    case = build_case(InstanceConfig(max_replicas=9), capped)
    np.testing.assert_array_equal(case.training.max_replicas, capped.max_replicas[:14])
    np.testing.assert_array_equal(case.evaluation.max_replicas, capped.max_replicas[14:])
    assert case.training.replica_choices == capped.max_replicas.max()
    assert np.all(build_case(InstanceConfig(max_replicas=9), free).training.max_replicas == 9)
    many = Trace(("f",), np.ones((9, 1)), np.ones((9, 1)), max_replicas=np.full((9, 1), 1001))
    with pytest.raises(DataError, match="goes up to 1001; agents choose among at most 1000"):
        build_case(REFERENCE, many)


def test_expectation_over_the_noise_is_the_mean_over_many_draws():
    case = build_case(REFERENCE, load(REFERENCE))
    rng, replicas = np.random.default_rng(0), np.full((288, 1), 6)
    drawn = [
        case.exact_rejection(case.known_rate_rps * rng.uniform(0.8, 1.2, (288, 1)), replicas).mean() for _ in range(20)
    ]
    assert np.mean(drawn) == pytest.approx(case.expected_rejection()[:, 0, 5].mean(), abs=1e-3)
    at_known = case.exact_rejection(case.known_rate_rps, replicas)
    np.testing.assert_array_equal(at_known, case.planned_rejection()[:, :, 5])
