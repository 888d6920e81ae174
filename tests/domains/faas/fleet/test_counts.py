"""What nodes count in place of knowing their rates: by Poisson's law, each draw of its own stream."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import AS_CONFIGURED, Knowledge, Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet.domain import build, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig, OwnConfig

RATE, SECONDS = 50.0, 0.4  # 20 requests on average
HEARD = 4


def fleet(own=None, **chosen):
    config = FleetConfig(**chosen).having(own or {})
    return build(config, load(config))


def steady(steps, **chosen):
    """Three nodes at one rate for ever."""
    config = FleetConfig(counted=SECONDS, noise=0.0, **chosen)
    trace = load(config)
    rates = np.full((steps, 3), RATE)
    return build(config, replace(trace, expected_rate_rps=rates, actual_rate_rps=rates, period_steps=steps))


def streams(*seeds):
    return [MemberStreams(seed, "te") for seed in seeds]


def observed(environment, draws):
    """`(steps, K, E, M, O)`."""
    still = np.zeros(environment.observe().values.shape[:3], dtype=np.int64)
    return np.stack([environment.step(still, draw).seen.values for draw in draws])


def test_counts_are_of_poissons_law():
    """Mean 50 requests/s and variance 50 / .4 = 125: of 120,000, within four standard errors, each well below 1 %."""
    domain = steady(100)
    environment = domain.environment(Part.TRAINING, 2, 20)
    rates = observed(environment, environment.draw(1000, streams(0, 1)))[..., 0] * RATE
    assert rates.mean() == pytest.approx(50, abs=4 * np.sqrt(125 / rates.size))
    assert rates.var() == pytest.approx(125, rel=4 * np.sqrt(2.05 / rates.size))  # of kurtosis 3 + 1 / 20
    requests = np.rint(rates * SECONDS).astype(int)
    np.testing.assert_allclose(rates * SECONDS, requests, atol=1e-4)
    found = np.bincount(requests.ravel(), minlength=60)[:60] / requests.size
    np.testing.assert_allclose(found, stats.poisson.pmf(np.arange(60), 20), atol=4 * np.sqrt(0.09 / requests.size))
    several = rates.reshape(1000, -1).T
    assert abs(np.corrcoef(several[:6])[np.triu_indices(6, 1)]).max() < 4 / np.sqrt(1000)  # nobody counts for another


def test_the_evaluation_counts_by_the_noise_seed_the_same_for_all_members():
    seeds = (0, 0, 1)
    plays = [observed(steady(20_000, noise_seed=seed).environment(Part.EVALUATION, 2), [None] * 40) for seed in seeds]
    np.testing.assert_array_equal(plays[0], plays[1])
    np.testing.assert_array_equal(plays[0][:, 0], plays[0][:, 1])
    assert (plays[0][..., 0] != plays[2][..., 0]).mean() > 0.9
    played = steady(20_000).environment(Part.EVALUATION, 1)
    rates = observed(played, [None] * 19_999)[..., 0] * RATE
    assert rates.mean() == pytest.approx(50, abs=4 * np.sqrt(125 / rates.size))
    assert rates.var() == pytest.approx(125, rel=4 * np.sqrt(2.05 / rates.size))


def test_counts_follow_the_rates_of_the_steps_to_come():
    """Over so many seconds that a count is hardly off: it is the rate of the period that is about to be played."""
    told, known = (fleet(counted=seconds, messages="ring") for seconds in (1e6, None))
    for part in Part:
        environments = [domain.environment(part, 2, 3) for domain in (told, known)]
        draws = [each.draw(300, streams(0, 1)) if part is Part.TRAINING else [None] * 300 for each in environments]
        counted, expected = map(observed, environments, draws)
        np.testing.assert_allclose(counted, expected, rtol=2e-3, atol=2e-3)
        assert (counted[..., 0] != expected[..., 0]).mean() > 0.9
        np.testing.assert_array_equal(counted[..., 1:4], expected[..., 1:4])


def test_neighbours_are_told_the_very_counts():
    domain = fleet(counted=SECONDS, messages="full")
    for part in Part:
        environment = domain.environment(part, 2, 2)
        seen = observed(environment, environment.draw(30, streams(0, 1)) if part is Part.TRAINING else [None] * 30)
        for m in range(3):
            others = [j for j in range(3) if j != m]
            np.testing.assert_array_equal(seen[..., m, [HEARD, HEARD + 2]], seen[..., others, 0])


def test_a_member_counts_alone_as_among_others_and_in_one_go_as_in_two():
    domain = fleet(counted=SECONDS, messages="star", loss=0.3)
    alone, among, halves = (domain.environment(Part.TRAINING, members, 2) for members in (1, 3, 1))
    whole = observed(alone, alone.draw(20, streams(5)))
    np.testing.assert_array_equal(observed(among, among.draw(20, streams(4, 5, 6)))[:, [1]], whole)
    own = streams(5)
    parts = [observed(halves, halves.draw(10, own)) for _ in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_who_counts_draws_all_else_as_who_knows():
    draws = []
    for seconds in (SECONDS, None):
        environment = fleet(counted=seconds, messages="ring", loss=0.5).environment(Part.TRAINING, 2, 2)
        draws.append(environment.draw(10, streams(0, 1)))
    for one, other in zip(*draws, strict=True):
        np.testing.assert_array_equal(one.deviations, other.deviations)
        np.testing.assert_array_equal(one.lost, other.lost)
        assert other.counts is None


def test_a_window_of_the_evaluation_counts_and_loses_what_the_whole_does():
    domain = fleet(counted=SECONDS, messages="ring", loss=0.5)
    whole, window = (each.environment(Part.EVALUATION, 1) for each in (domain, domain.shifted(AS_CONFIGURED, (50, 90))))
    seen, part = observed(whole, [None] * 89), observed(window, [None] * 39)
    np.testing.assert_array_equal(part[..., 0], seen[50:, ..., 0])
    later = 10  # by then each has heard each, and what was heard before the window is forgotten
    np.testing.assert_array_equal(part[later:, ..., HEARD::2], seen[50 + later :, ..., HEARD::2])


def test_a_sensor_that_is_off_scales_its_count():
    own = {"node2": OwnConfig(sensor=0.5)}
    fair, off = (fleet(each, counted=SECONDS).environment(Part.EVALUATION, 1) for each in ({}, own))
    one, other = (observed(each, [None] * 20)[..., 0] for each in (fair, off))
    np.testing.assert_array_equal(other, one * np.float32([1, 0.5, 1]))


def test_who_knows_the_rates_is_a_bound_for_who_counts_and_the_best_by_counts_is_not_known():
    counting, knowing = (fleet(counted=seconds, messages="ring") for seconds in (SECONDS, None))
    weights = weights_of(np.full(3, 0.8))
    with pytest.raises(NothingExactError, match="the best that nodes can do by counts and messages is not known"):
        counting.answer(weights)
    one, other = (domain.answer(weights, knowledge=Knowledge.CLAIRVOYANT) for domain in (counting, knowing))
    np.testing.assert_array_equal(one.plan, other.plan)
    one, other = (domain.expected(one.plan) for domain in (counting, knowing))
    np.testing.assert_array_equal(one.violations, other.violations)
