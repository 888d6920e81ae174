"""Means of what is not known everywhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamo_cli.core.means import mean_of_known


def test_what_is_not_known_is_left_out():
    values = np.array([[1.0, np.nan, 4.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(mean_of_known(values, 1), [2.5, np.nan])
    np.testing.assert_array_equal(mean_of_known(values, 0), [1.0, np.nan, 4.0])
    assert mean_of_known(values) == 2.5


@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.floats(-1e6, 1e6)))
def test_of_numbers_it_is_numpys_to_the_last_bit(values):
    assert np.array_equal(mean_of_known(values, 1), values.mean(1))
