import numpy as np
import pytest

from mamo_cli.learners.schedules import piecewise_linear

POINTS = ((0.2, 1.0), (0.6, 0.2), (0.8, 0.0))


def test_linear_between_the_points_and_constant_outside():
    # Half way from 0.2 to 0.6 the value is half way from 1 to 0.2: 0.6. A quarter of the way from 0.6 to 0.8: 0.15.
    progress = np.array([0.0, 0.2, 0.4, 0.6, 0.65, 0.8, 1.0])
    np.testing.assert_allclose(piecewise_linear(POINTS, progress), [1.0, 1.0, 0.6, 0.2, 0.15, 0.0, 0.0], atol=1e-15)


def test_one_point_is_a_constant_and_the_shape_is_the_progress_own():
    values = piecewise_linear(((0.5, 3.0),), np.array([[0.0, 0.5], [0.7, 1.0]]))
    assert values.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_two_points_at_one_place_make_a_step():
    values = piecewise_linear(((0.5, 1.0), (0.5, 0.0)), np.array([0.499999, 0.500001]))
    assert values.tolist() == [1.0, 0.0]


def test_a_point_is_a_pair():
    with pytest.raises(ValueError, match="longer"):
        piecewise_linear(((0.0, 1.0), (1.0, 2.0, 3.0)), np.zeros(1))
