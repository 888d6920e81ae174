"""Means of what is not known everywhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamo_cli.core.means import mean_of_known, of_measures
from mamo_cli.core.words import Quantity
from mamo_cli.domains.faas.settings import WORDS


def test_what_is_not_known_is_left_out():
    values = np.array([[1.0, np.nan, 4.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(mean_of_known(values, 1), [2.5, np.nan])
    np.testing.assert_array_equal(mean_of_known(values, 0), [1.0, np.nan, 4.0])
    assert mean_of_known(values) == 2.5


@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.floats(-1e6, 1e6)))
def test_of_numbers_it_is_numpys_to_the_last_bit(values):
    assert np.array_equal(mean_of_known(values, 1), values.mean(1))


def test_of_numbers_that_are_names_no_mean_is_told():
    words = WORDS._replace(measures=(*WORDS.measures, Quantity("to", "To", nominal=True), Quantity("late", "Late")))
    means = np.array([[3.0, 1.5, 0.25]])
    np.testing.assert_array_equal(of_measures(means, words), [[3.0, np.nan, 0.25]])
    np.testing.assert_array_equal(means, [[3.0, 1.5, 0.25]])
    np.testing.assert_array_equal(of_measures(means[:, :1], WORDS), [[3.0]])
    assert [one.name for one in words.averaged] == ["replicas", "late"]
