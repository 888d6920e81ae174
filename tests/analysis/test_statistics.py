import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import trim_mean

from mamo_cli.analysis import statistics
from mamo_cli.analysis.statistics import bootstrap_interval, interquartile_mean, median
from mamo_cli.core.seeding import stream


def test_the_middle_half_by_hand():
    # 8 values: a quarter is 2, so 1, 2 and 50, 100 go; (3 + 4 + 5 + 8) / 4 = 5. The plain mean would be 21.625.
    assert interquartile_mean([100, 3, 1, 8, 4, 2, 50, 5]) == 5.0
    # 6 values: a quarter is 1.5, rounded down 1; (2 + 3 + 4 + 7) / 4 = 4.
    assert interquartile_mean([7, 1, 2, 3, 4, 900]) == 4.0
    # 3 values: nothing goes.
    assert interquartile_mean([0, 0, 9]) == 3.0


def test_each_point_is_sorted_by_itself():
    values = [[1.0, 40.0], [2.0, 30.0], [3.0, 20.0], [4.0, 10.0]]
    np.testing.assert_array_equal(interquartile_mean(values), [2.5, 25.0])
    np.testing.assert_array_equal(median([*values, [9.0, 0.0]]), [3.0, 20.0])


@given(arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=st.floats(-1e6, 1e6)))
def test_interquartile_mean_is_scipys_trimmed_mean(values):
    np.testing.assert_allclose(interquartile_mean(values), trim_mean(values, 0.25), rtol=1e-12, atol=1e-6)


@pytest.mark.parametrize("estimate", [interquartile_mean, median])
def test_a_diverged_seed_is_refused_rather_than_sorted_to_the_end(estimate):
    with pytest.raises(ValueError, match="drop diverged seeds first"):
        estimate([1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="at least one seed"):
        estimate([])


def test_the_interval_of_two_seeds_by_hand():
    # Of seeds 0 and 1 a resample is (0,0), (0,1), (1,0) or (1,1): mean 0, 1/2, 1/2, 1 with chance 1/4, 1/2, 1/4.
    # So the 2.5 % and 97.5 % quantiles are 0 and 1, and the 30 % and 70 % quantiles are both 1/2.
    assert bootstrap_interval([0.0, 1.0], interquartile_mean, rng=stream(0, "bootstrap")) == (0.0, 1.0)
    assert bootstrap_interval([0.0, 1.0], interquartile_mean, level=0.4, rng=stream(0, "bootstrap")) == (0.5, 0.5)


def test_one_seed_has_an_interval_of_no_width():
    low, high = bootstrap_interval([[3.0, 4.0]], interquartile_mean, rng=stream(0, "bootstrap"))
    np.testing.assert_array_equal([low, high], [[3.0, 4.0]] * 2)


def test_the_same_stream_gives_the_same_interval_however_it_is_cut_up(monkeypatch):
    values = np.random.default_rng(1).normal(size=(8, 5, 3))
    whole = bootstrap_interval(values, interquartile_mean, rng=stream(0, "bootstrap"))
    monkeypatch.setattr(statistics, "MAX_RESAMPLED_VALUES", 1)
    np.testing.assert_array_equal(whole, bootstrap_interval(values, interquartile_mean, rng=stream(0, "bootstrap")))
    assert whole[0].shape == (5, 3)


@pytest.mark.parametrize("statistic", [interquartile_mean, median])
def test_ranks_drawn_of_many_seeds_follow_the_same_law_as_seeds_drawn(statistic, monkeypatch):
    # The ends of 40 points on average: two bootstraps of 2000 resamples differ there by about 0.3 % of the width.
    values = np.random.default_rng(3).gamma(2.0, size=(51, 40))
    ranks = bootstrap_interval(values, statistic, rng=stream(0, "bootstrap"))
    monkeypatch.setattr(statistics, "FEW_SEEDS", 51)
    seeds = bootstrap_interval(values, statistic, rng=stream(1, "bootstrap"))
    width = (seeds[1] - seeds[0]).mean()
    np.testing.assert_allclose(np.mean(ranks, axis=1), np.mean(seeds, axis=1), rtol=0, atol=0.02 * width)


def test_many_seeds_are_resampled_alike_however_the_work_is_cut_up(monkeypatch):
    values = np.random.default_rng(1).normal(size=(60, 3))
    whole = bootstrap_interval(values, median, rng=stream(0, "bootstrap"))
    monkeypatch.setattr(statistics, "MAX_RESAMPLED_VALUES", 1)
    np.testing.assert_array_equal(whole, bootstrap_interval(values, median, rng=stream(0, "bootstrap")))


def test_coverage_is_what_the_docstring_says():
    # 1500 experiments: a share near 0.93 has a standard error of 0.007, one near 0.71 of 0.012.
    rng = np.random.default_rng(0)
    for seeds, stated in ((8, 0.93), (3, 0.71)):
        low, high = bootstrap_interval(rng.normal(size=(seeds, 1500)), interquartile_mean, resamples=500, rng=rng)
        assert np.mean((low <= 0.0) & (high >= 0.0)) == pytest.approx(stated, abs=0.035)
