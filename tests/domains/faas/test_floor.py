"""What a shield makes of choices, where a memory ties them together: by hand, and beside every joint choice."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.domains.faas.floor import raised, replicas_for

SMALL, LARGE = 1, 5


@pytest.mark.parametrize(
    ("asked", "floor", "played"),
    [
        ((5, 0), (0, 1), (0, 1)),  # 6 and 1 replicas fill it; the large one's floor of 2 costs the small one five
        ((0, 0), (5, 1), (5, 0)),  # floors of 6 and 2 take 16: one replica short is better than five
        ((5, 1), (0, 0), (5, 0)),  # 16 asked, floors of 1: cut by one
        ((5, 0), (5, 0), (5, 0)),  # 11 fits
    ],
)
def test_what_is_above_the_floors_yields_before_any_floor_does(asked, floor, played):
    use = np.outer((SMALL, LARGE), np.arange(1, 9))
    found = raised(np.array([asked]), np.array([floor]), use, np.array([11]))
    assert found.tolist() == [list(played)]


@given(
    asked=st.tuples(*[st.integers(0, 4)] * 3),
    floor=st.tuples(*[st.integers(0, 4)] * 3),
    each=st.tuples(*[st.integers(1, 6)] * 3),
    spare=st.integers(0, 40),
)
def test_no_joint_choice_that_fits_is_short_of_less_or_cuts_less(asked, floor, each, spare):
    use, budget = np.outer(each, np.arange(1, 6)), sum(each) + spare
    wanted = np.maximum(asked, floor)

    def badness(choice):
        return np.maximum(np.array(floor) - choice, 0).sum(), (wanted - choice).sum()

    found = raised(np.array([asked]), np.array([floor]), use, np.array([budget]))[0]
    every = map(np.array, itertools.product(*(range(most + 1) for most in wanted.tolist())))
    assert (found <= wanted).all()
    assert use[np.arange(3), found].sum() <= budget
    assert badness(found) == min(badness(one) for one in every if use[np.arange(3), one].sum() <= budget)


def test_a_floor_is_the_least_that_is_enough_and_all_there_are_where_none_is():
    enough = np.array([[-1.0, 4.0, 9.0]])
    readings = np.array([[0.0], [4.0], [4.5], [9.0], [99.0]])
    assert replicas_for(enough, readings)[:, 0].tolist() == [2, 2, 3, 3, 3]
    assert raised(np.array([[0, 2]]), np.array([[1, 1]])).tolist() == [[1, 2]]
