from fractions import Fraction
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.domains.faas.rejection.erlang import erlang_b


def erlang_b_by_factorials(load: Fraction, n: int) -> float:
    """The textbook form (a^n / n!) / sum_k (a^k / k!), in exact fractions."""
    terms = [load**k / factorial(k) for k in range(n + 1)]
    return float(terms[-1] / sum(terms))


def test_small_systems_by_hand():
    # a = 1: terms 1, 1, 1/2, 1/6, so B_1 = 1/2, B_2 = (1/2)/(5/2) = 1/5, B_3 = (1/6)/(8/3) = 1/16.
    # a = 2: terms 1, 2, 2, 4/3, so B_1 = 2/3, B_2 = 2/5, B_3 = (4/3)/(19/3) = 4/19.
    expected = [[1 / 2, 1 / 5, 1 / 16], [2 / 3, 2 / 5, 4 / 19]]
    np.testing.assert_allclose(erlang_b([1.0, 2.0], 3), expected, rtol=1e-15)


@pytest.mark.parametrize("load", [Fraction(1, 8), Fraction(13, 4), Fraction(40), Fraction(900)])
def test_recursion_equals_the_factorial_form(load):
    expected = [erlang_b_by_factorials(load, n) for n in range(1, 51)]
    np.testing.assert_allclose(erlang_b(float(load), 50), expected, rtol=1e-13)


def test_shape_is_the_load_shape_then_replicas():
    assert erlang_b(np.ones((4, 3)), 7).shape == (4, 3, 7)
    assert erlang_b(1.0, 7).shape == (7,)


def test_extreme_loads_stay_finite():
    loads = [0.0, 5e-324, 1e-310, 1e-8, 1e8, 1.7e308, np.inf]
    rejection = erlang_b(loads, 200)
    assert np.isfinite(rejection).all()
    assert (rejection[0] == 0.0).all()
    assert (rejection[-1] == 1.0).all()


@pytest.mark.parametrize("load", [-1.0, np.nan])
def test_impossible_load_is_refused(load):
    with pytest.raises(ValueError, match=f"offered_load must be >= 0 everywhere, got {load}"):
        erlang_b([1.0, load], 3)


@given(st.floats(0, 1e300), st.floats(0, 1e300), st.integers(2, 80))
def test_laws(load, other, max_replicas):
    low, high = erlang_b(sorted((load, other)), max_replicas)
    assert ((low >= 0.0) & (high <= 1.0)).all()
    assert (np.diff(low) <= 0.0).all(), "more replicas never reject more"
    assert (high >= low * (1 - 1e-13)).all(), "more load never rejects less"
