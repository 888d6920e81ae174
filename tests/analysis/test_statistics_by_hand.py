"""What the bootstrap hands to a statistic: how many resamples, and never more numbers at once than it may hold."""

import numpy as np
import pytest

from mamo_cli.analysis import statistics
from mamo_cli.analysis.statistics import bootstrap_interval, interquartile_mean, median
from mamo_cli.core.seeding import stream


def blocks_of(values, **settings):
    """The shapes that a statistic is asked about."""
    shapes = []

    def asked(drawn):
        shapes.append(drawn.shape)
        return drawn.mean(axis=0)

    bootstrap_interval(values, asked, rng=stream(0, "bootstrap"), **settings)
    return shapes


def test_two_thousand_resamples_unless_told_otherwise():
    assert blocks_of(np.zeros((3, 5))) == [(3, 2000, 5)]


@pytest.mark.parametrize(
    ("most", "widths"),
    [
        (400, [5]),  # 8 seeds in 10 resamples are 80 numbers a point: five points at once
        (399, [4, 1]),
        (160, [2, 2, 1]),
        (79, [1, 1, 1, 1, 1]),  # not even one fits, but one it must be
    ],
)
def test_points_are_taken_in_blocks_that_can_be_held(monkeypatch, most, widths):
    monkeypatch.setattr(statistics, "MAX_RESAMPLED_VALUES", most)
    assert blocks_of(np.zeros((8, 5)), resamples=10) == [(8, 10, width) for width in widths]


@pytest.mark.parametrize("estimate", [interquartile_mean, median])
def test_one_number_is_not_a_set_of_seeds(estimate):
    with pytest.raises(ValueError, match="at least one seed"):
        estimate(3.0)
