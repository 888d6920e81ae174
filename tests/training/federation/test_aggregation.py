"""Aggregates of updates, by hand and by their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.training.federation.aggregation import BY_NAME, geometric_median, median, multi_krum, trimmed_mean

FAULTY = {"mean": 0, "median": 0, "trimmed": 1, "krum": 1, "geometric": 0}
NAMES = sorted(BY_NAME)


def aggregate(name, updates, faulty=None):
    return BY_NAME[name](np.asarray(updates, dtype=np.float64), FAULTY[name] if faulty is None else faulty)


def test_each_aggregate_by_hand():
    # Columns 0, 1, 2, 3, 100 and 0, 0, 5, 10, 10.
    updates = np.array([[0.0, 10.0], [100.0, 0.0], [2.0, 5.0], [1.0, 0.0], [3.0, 10.0]])
    assert aggregate("mean", updates).tolist() == [106 / 5, 5.0]
    assert aggregate("median", updates).tolist() == [2.0, 5.0]
    assert trimmed_mean(updates, 1).tolist() == [(1 + 2 + 3) / 3, (0 + 5 + 10) / 3]
    assert trimmed_mean(updates, 2).tolist() == median(updates).tolist()
    assert median(updates[:4]).tolist() == [1.5, 2.5]  # of 0, 1, 2, 100 and 0, 0, 5, 10


def test_multi_krum_by_hand():
    # Five rows, one faulty: each is scored by its 5 - 1 - 2 = 2 closest. On a line: 0, 1, 3, 7, 20.
    #  0: 1 + 9 = 10    1: 1 + 4 = 5    3: 4 + 9 = 13    7: 16 + 36 = 52    20: 169 + 289 = 458
    line = np.array([[20.0], [7.0], [3.0], [1.0], [0.0]])
    assert multi_krum(line, 1).tolist() == [(7 + 3 + 1 + 0) / 4]
    # Seven rows, two faulty: 7 - 2 - 2 = 3 closest. On a line: 0, 1, 2, 4, 8, 9, 9.
    #  0: 1 + 4 + 16 = 21   1: 1 + 1 + 9 = 11   2: 1 + 4 + 4 = 9   4: 4 + 9 + 16 = 29
    #  8: 1 + 1 + 16 = 18   9: 0 + 1 + 25 = 26, twice. All but 4 and one 9, the later: 0, 1, 2, 8, 9.
    assert multi_krum(np.array([[0.0], [1.0], [2.0], [4.0], [8.0], [9.0], [9.0]]), 2).tolist() == [20 / 5]


def test_of_equal_scores_the_first_row_is_taken():
    # 5 - 1 - 2 = 2 closest of -3, -1, 0, 1, 3: scores 4 + 9, 1 + 4, 1 + 1, 1 + 4, 4 + 9. Left out is the later 3.
    line = np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]])
    assert multi_krum(line, 1).tolist() == [-3 / 4]
    assert multi_krum(line[::-1], 1).tolist() == [3 / 4]


def test_the_geometric_median_at_a_row_is_exact():
    assert geometric_median(np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])).tolist() == [4.0, 5.0, 6.0]
    assert geometric_median(np.array([[7.0, 8, 9], [4, 5, 6], [1, 2, 3]])).tolist() == [4.0, 5.0, 6.0]
    # A triangle with an angle of 120 degrees or more has its median at that corner: here cos = -0.8.
    assert geometric_median(np.array([[-2.0, 1], [0, 0], [2, 1]])).tolist() == [0.0, 0.0]
    # Most rows are one point, however far the others are.
    assert geometric_median(np.array([[1.0, 1], [1, 1], [1, 1], [1e6, 0], [0, 1e9]])).tolist() == [1.0, 1.0]


def test_the_geometric_median_between_rows_by_hand():
    # Corners of a square and their centre; an equilateral triangle and its centre, Fermat's point.
    square = np.array([[0.0, 0], [2, 0], [0, 2], [2, 2]])
    np.testing.assert_allclose(geometric_median(square), [1.0, 1.0], atol=1e-8)
    triangle = np.array([[0.0, 0], [2, 0], [1, np.sqrt(3)]])
    np.testing.assert_allclose(geometric_median(triangle), [1.0, np.sqrt(3) / 3], atol=1e-8)
    # A right triangle of legs 1: the median (x, x) sees both legs' ends under 120 degrees, x = (3 - sqrt 3) / 6.
    right = np.array([[0.0, 0], [1, 0], [0, 1]])
    np.testing.assert_allclose(geometric_median(right), np.full(2, (3 - np.sqrt(3)) / 6), atol=1e-8)


many_rows = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=150, deadline=None)
@given(many_rows, st.integers(1, 12), st.integers(1, 5), st.booleans())
def test_no_direction_lessens_the_distances_from_a_geometric_median(rng, rows, wide, on_a_grid):
    # Optimal: the sum of unit vectors towards the rows elsewhere is no longer than the number of rows here.
    updates = rng.integers(-2, 3, (rows, wide)).astype(np.float64) if on_a_grid else rng.normal(size=(rows, wide))
    point = geometric_median(updates)
    apart = updates - point
    distances = np.sqrt((apart**2).sum(1))
    away = distances > 0.0
    pull = (apart[away] / distances[away, None]).sum(0)
    assert np.sqrt((pull**2).sum()) <= (~away).sum() + 1e-8 * rows
    for direction in rng.normal(size=(8, wide)):
        moved = np.sqrt(((updates - point - 1e-3 * direction) ** 2).sum(1)).sum()
        assert moved >= distances.sum() - 1e-8


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(many_rows, st.integers(5, 11), st.integers(2, 4))  # on a line of even rows many points are the median
def test_aggregates_follow_their_rows(name, rng, rows, wide):
    updates, shift = rng.normal(size=(rows, wide)), rng.normal(size=wide)
    found = aggregate(name, updates)
    assert found.shape == (wide,)
    np.testing.assert_allclose(aggregate(name, updates[rng.permutation(rows)]), found, atol=1e-7)
    np.testing.assert_allclose(aggregate(name, updates + shift), found + shift, atol=1e-7)
    np.testing.assert_allclose(aggregate(name, -3.0 * updates), -3.0 * found, atol=1e-7)
    np.testing.assert_allclose(aggregate(name, np.tile(updates[0], (rows, 1))), updates[0], atol=1e-12)
    assert np.all(found <= updates.max(0) + 1e-9)
    assert np.all(found >= updates.min(0) - 1e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mean"])
@pytest.mark.parametrize("far", [1e3, 1e9])
def test_four_of_twenty_rows_cannot_carry_a_robust_aggregate_away(name, far):
    rng = np.random.default_rng(5)
    honest, bad = rng.normal(size=(16, 3)), far * np.ones((4, 3))
    found = aggregate(name, np.concatenate((honest, bad)), 4 if FAULTY[name] else 0)
    assert np.abs(found).max() < 3.0  # no honest number is larger
    if name == "krum":
        np.testing.assert_allclose(found, honest.mean(0), rtol=1e-12)


def test_a_mean_is_carried_away_and_so_is_what_is_made_for_fewer():
    rng = np.random.default_rng(5)
    updates = np.concatenate((rng.normal(size=(16, 3)), 1e6 * np.ones((4, 3))))
    assert aggregate("mean", updates).min() > 1e5
    assert trimmed_mean(updates, 3).min() > 1e4
    # Three of the four are left out by a Krum for three, and one, near its equals, is not.
    assert multi_krum(updates, 2).min() > 1e4
