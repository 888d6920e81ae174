"""One algorithm against another on the same seeds: by hand, and by SciPy's Mann and Whitney."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import mannwhitneyu

from mamo_cli.analysis import statistics
from mamo_cli.analysis.statistics import bootstrap_interval, compared, mean, stratified_mean
from mamo_cli.core.seeding import stream

PAIRS = st.integers(1, 12).flatmap(lambda n: arrays(np.float64, (2, n), elements=st.integers(0, 5).map(float)))


def against(values, others, **options):
    return compared(values, others, rng=stream(0, "bootstrap"), **options)


def test_the_probability_of_improvement_by_hand():
    # Less is better. 1 beats 2, 2 and 4; 2 ties with 2 and 2 and beats 4; 3 beats 4 alone: (3 + 2 + 1) / 9.
    # On the same seeds: 1 beats 2, 2 ties with 2, 3 beats 4: 2.5 / 3.
    found = against([1.0, 2.0, 3.0], [2.0, 2.0, 4.0])
    assert found.improvement[0] == pytest.approx(6 / 9)
    assert found.paired == pytest.approx(2.5 / 3)
    assert found.difference[0] == pytest.approx(2.0 - 8.0 / 3.0)  # of three seeds nothing is cut off


@given(PAIRS)
def test_it_is_mann_and_whitneys_u_over_the_pairs_and_the_two_sides_add_up(pair):
    ours, theirs = pair
    found, turned = against(ours, theirs, resamples=10), against(theirs, ours, resamples=10)
    wins = mannwhitneyu(theirs, ours).statistic if len({*ours, *theirs}) > 1 else len(ours) ** 2 / 2
    assert found.improvement[0] == pytest.approx(wins / len(ours) ** 2)
    assert found.improvement[0] + turned.improvement[0] == pytest.approx(1.0)
    assert found.paired + turned.paired == pytest.approx(1.0)
    assert found.difference[0] == -turned.difference[0]


def test_what_seeds_share_cancels_in_the_interval_of_a_difference():
    # The other is worse by exactly 1 on every seed: whatever seeds are drawn, the difference is -1. Drawn for each by
    # itself, the spread of the seeds (0 to 70) would drown it.
    ours = np.arange(8.0) * 10.0
    assert against(ours, ours + 1.0).difference == pytest.approx((-1.0, -1.0, -1.0))
    assert against(ours, ours + 1.0).paired == 1.0


def test_the_interval_of_an_improvement_of_two_seeds_by_hand():
    # Seeds (0, 1) and (3, 2) of (ours, theirs). Drawn twice the first: sure to improve; twice the second: sure not to;
    # one of each: ours 0 and 3 against 1 and 2, two pairs of four. Chances 1/4, 1/4, 1/2.
    values, others = [0.0, 3.0], [1.0, 2.0]
    assert against(values, others).improvement == (0.5, 0.0, 1.0)
    assert against(values, others, level=0.4).improvement == (0.5, 0.5, 0.5)


def test_runs_of_other_seeds_are_no_pairs():
    with pytest.raises(ValueError, match="the same seeds"):
        against([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="drop diverged seeds first"):
        against([1.0, np.nan], [1.0, 2.0])


def test_the_interval_of_a_mean_knows_every_seed(monkeypatch):
    # Of 0, 0, 0 and 8 the mean is 2; the interquartile mean, which cuts one off at either end, would be 0.
    assert mean([0.0, 0.0, 0.0, 8.0]) == 2.0
    low, high = bootstrap_interval([0.0, 0.0, 0.0, 8.0], mean, rng=stream(0, "bootstrap"))
    assert (low, high) == (0.0, 6.0)  # no eight: (3/4)^4 = .32; more than three of four eights: .004
    monkeypatch.setattr(statistics, "FEW_SEEDS", 3)
    assert bootstrap_interval([0.0, 0.0, 0.0, 8.0], mean, rng=stream(0, "bootstrap")) == (0.0, 6.0)


def test_runs_of_several_tasks_are_drawn_within_their_own_and_pooled():
    # Tasks 0, 0 and 1, 1: whatever is drawn, two zeros and two ones; of four a quarter goes at either end: (0 + 1) / 2.
    # Drawn from all four together, there would be resamples of zeros alone.
    assert stratified_mean([[0.0, 0.0], [1.0, 1.0]], rng=stream(0, "bootstrap")) == (0.5, 0.5, 0.5)
    # 0, 4 and 8, 8: the middle two of (0, 4, 8, 8) are 4 and 8. Of the first task 0, 0 or 4, 4 or one of each is drawn,
    # with chances 1/4, 1/4, 1/2: middles (0 + 8) / 2, (4 + 8) / 2, (4 + 8) / 2.
    assert stratified_mean([[0.0, 4.0], [8.0, 8.0]], rng=stream(0, "bootstrap")) == (6.0, 4.0, 6.0)
    with pytest.raises(ValueError, match="at least one seed"):
        stratified_mean([[1.0], []], rng=stream(0, "bootstrap"))
