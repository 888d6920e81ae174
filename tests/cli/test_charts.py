"""Plots of characters, laid out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.cli.charts import ASCII, BRAILLE, chart, spread


def test_a_curve_in_ascii_stands_where_its_numbers_say():
    # Of four lines 1 is the first, .6 the second (.4 of the 3 steps is 1.2), 0 the last, and the limit .25 the third;
    # on its way from the second to the last the curve passes the third.
    drawn = chart([1.0, 0.6, 0.0, 0.0], [0.25] * 4, 7, 4, ASCII)
    assert drawn == ["1 |*", "  | *", "  |--*-", "0 |  **"]


def test_a_curve_in_braille_has_eight_dots_a_character():
    # Eight lines of dots: 7, 6, 1, 0 stand on the lines 0, 1, 6, 7 from the top, two dots of each character across.
    assert chart([7.0, 6.0, 1.0, 0.0], [], 5, 2, BRAILLE) == ["7 │⠑⡄", "0 │ ⢇"]


def test_the_limit_is_drawn_where_no_dot_is_and_counts_for_the_scale():
    assert chart([0.0, 0.0], [10.0, 10.0], 6, 2, BRAILLE) == ["10 │╌╌", " 0 │⣀⣀"]
    assert chart([0.0, 1.0], [None, 2.0], 5, 3, ASCII) == ["2 | -", "  | *", "0 |*"]


def test_what_is_not_known_is_left_out():
    assert chart([1.0, None, 1.0], [], 6, 3, ASCII) == ["1 |", "  |* *", "1 |"]
    assert chart([], [], 40, 4, ASCII) == chart([None], [None], 40, 4, ASCII) == ["", "", "", ""]


@pytest.mark.parametrize(
    ("values", "columns", "expected"),
    [
        ([1.0, 2.0], 4, [1.0, 1.0, 2.0, 2.0]),
        ([1.0, 3.0, 5.0, 8.0], 2, [2.0, 6.5]),
        ([1.0, None, None, None], 2, [1.0, None]),
        ([], 3, []),
    ],
)
def test_few_values_are_widened_and_many_are_averaged(values, columns, expected):
    assert spread(values, columns) == expected


numbers = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=30)


@given(numbers, numbers, st.integers(1, 60), st.integers(2, 8), st.sampled_from([ASCII, BRAILLE]))
def test_every_plot_is_as_high_as_asked_and_no_wider_but_for_its_scale(values, limits, width, height, kind):
    drawn = chart(values, limits, width, height, kind)
    assert len(drawn) == height
    assert all(len(line) <= max(width, line.find(kind.edge) + 2) for line in drawn)
    if any(value is not None for value in values):
        assert any(set(line) - {" ", kind.edge, kind.limit} for line in drawn)
