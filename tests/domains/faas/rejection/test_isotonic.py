"""Monotone least squares: the conditions that make the optimum, and a solver of another kind."""

from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import lsq_linear

from mamo_cli.domains.faas.rejection.isotonic import isotonic


def upper_sets(rows, columns):
    """Every staircase: of column j the rows from first[j] on, which never rises."""
    for first in combinations_with_replacement(range(rows + 1), columns):
        yield np.arange(rows)[:, None] >= np.array(first[::-1])


SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_it_is_the_projection_onto_what_is_monotone(data):
    """On a cone the projection f of y is in it, y - f is orthogonal to f, and no ray of the cone improves.

    The cone of functions that never fall is spanned by the upper sets and by minus the set of all.
    """
    shape = data.draw(SHAPES)
    values = data.draw(arrays(np.float64, shape, elements=st.floats(0, 1, width=32)))
    weights = data.draw(arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.5, 1.0, 3.0, 250.0])))
    fitted, scale = isotonic(values, weights), max(float(weights.sum()), 1.0)
    seen = np.argwhere(weights > 0)
    for low, high in product(seen, seen):
        assert not (low <= high).all() or fitted[tuple(low)] <= fitted[tuple(high)] + 1e-12
    residual = weights * (values - fitted)
    assert abs((residual * fitted).sum()) <= 1e-11 * scale
    assert abs(residual.sum()) <= 1e-11 * scale
    for upper in upper_sets(*shape):
        assert residual[upper].sum() <= 1e-11 * scale


def test_one_axis_is_pool_adjacent_violators():
    """By hand: 3 and 1 meet at 2; 5 and 4, which weighs three times as much, at (5 + 3 x 4) / 4."""
    fitted = isotonic(np.array([[3.0, 1.0, 5.0, 4.0]]), np.array([[1.0, 1.0, 1.0, 3.0]]))
    np.testing.assert_allclose(fitted, [[2.0, 2.0, 4.25, 4.25]], rtol=1e-15)


def test_two_axes_by_hand():
    """Only 4 above 0 breaks the order: the pair meets at its weighted mean, (4 + 3 x 0) / 4; the others stay."""
    fitted = isotonic(np.array([[0.5, 4.0], [0.75, 0.0]]), np.array([[1.0, 1.0], [1.0, 3.0]]))
    np.testing.assert_allclose(fitted, [[0.5, 1.0], [0.75, 1.0]], rtol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_a_bounded_least_squares_solver_agrees(seed):
    """Every function of one axis is a sum of steps >= 0: scipy's solver on those, on a path through the grid."""
    rng = np.random.default_rng(seed)
    values, weights = rng.random((1, 30)), rng.uniform(0.1, 5.0, (1, 30))
    steps = np.tril(np.ones((30, 30))) * np.sqrt(weights.T)
    bounds = (np.r_[-np.inf, np.zeros(29)], np.inf)
    solved = lsq_linear(steps, values[0] * np.sqrt(weights[0]), bounds, tol=1e-14)
    np.testing.assert_allclose(isotonic(values, weights)[0], np.cumsum(solved.x), atol=1e-6)
    np.testing.assert_array_equal(isotonic(values.T, weights.T).T, isotonic(values, weights))
