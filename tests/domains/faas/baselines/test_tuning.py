"""The search over knobs, on surfaces whose best is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.domains.faas.baselines.tuning import GRID, Knob, least_excess, search


def surface(cost, violation):
    """What is tried, and every setting that was."""
    asked = []

    def tried(setting):
        asked.append(setting)
        return cost(*setting), violation(*setting)

    return tried, asked


def test_one_knob_ends_at_the_limit_within_the_finest_grid():
    # Cheaper and more violating as it rises; the limit is met up to .437. Twice a step of 1 / 15 is quartered.
    tried, asked = surface(lambda x: 1.0 - x, lambda x: x)
    found = search([Knob("x", 0.5, (0.0, 1.0))], tried, 0.437)
    assert found.holds
    assert 0.437 - 1 / 240 <= found.knobs[0] <= 0.437
    assert found.cost == 1.0 - found.knobs[0]
    assert len(asked) == len(set(asked)) <= GRID[1] + 2 * 9


def test_a_knob_without_a_span_stays_at_its_default():
    tried, asked = surface(lambda x, y: x, lambda x, y: 0.0)
    found = search([Knob("x", 0.5, (0.0, 1.0)), Knob("y", 0.9)], tried, 0.1)
    assert found.knobs == (0.0, 0.9)
    assert {y for _, y in asked} == {0.9}


def test_two_knobs_one_of_them_whole():
    # Violation is least at 4: from there on the cost counts, which wants x small: x >= .62 holds with 4 alone.
    # A step of 1 / 6 is halved twice.
    tried, asked = surface(lambda x, n: x + n, lambda x, n: abs(n - 4) + (1.0 if x < 0.62 else 0.0))
    found = search([Knob("x", 0.5, (0.0, 1.0)), Knob("n", 5, (1, 9), whole=True)], tried, 0.5)
    assert found.knobs[1] == 4
    assert 0.62 <= found.knobs[0] <= 0.62 + 1 / 24
    assert all(n == int(n) for _, n in asked)


def test_where_nothing_holds_it_is_what_violates_least_the_cheaper_of_equals():
    tried, _ = surface(lambda x: x, lambda x: 0.3 if 0.2 <= x <= 0.6 else 0.8)
    found = search([Knob("x", 0.5, (0.0, 1.0))], tried, 0.1)
    assert not found.holds
    assert found.violation == 0.3
    assert found.cost == pytest.approx(0.2)


def test_a_span_of_one_value_is_tried_once():
    tried, asked = surface(lambda n: n, lambda n: 0.0)
    assert search([Knob("n", 1, (1, 1), whole=True)], tried, 0.1).knobs == (1.0,)
    assert asked == [(1.0,)]


def test_a_default_that_holds_beyond_the_span_is_no_dearer_than_what_is_found():
    # Within the span nothing costs less than 1.5; the default, 50, costs 1, and from 40 on all do.
    tried, asked = surface(lambda x: 1.0 + max(40.0 - x, 0.0) / 20.0, lambda x: 0.0)
    found = search([Knob("x", 50.0, (0.0, 30.0)), Knob("y", 0.9)], lambda setting: tried(setting[:1]), 0.1)
    assert found == ((50.0, 0.9), 1.0, 0.0, True)
    assert any(30.0 < x < 50.0 for (x,) in asked)


def test_between_the_span_and_such_a_default_is_looked_for_too():
    # Cheaper up to 45, dearer after it; at the limit all the way. From 28 to 50 a step of 2.75 is quartered.
    tried, _ = surface(lambda x: abs(x - 45.0), lambda x: 0.0)
    found = search([Knob("x", 50.0, (0.0, 30.0))], tried, 0.1)
    assert abs(found.knobs[0] - 45.0) <= 2.75 / 4


@given(st.lists(st.lists(st.sampled_from((-1.0, 0.0, 0.5, 1.0)), min_size=2, max_size=2), min_size=1, max_size=9))
def test_of_candidates_in_no_order_each_function_has_its_first_without_excess_or_that_of_the_least(excesses):
    table, asked = np.array(excesses), []

    def excess(places):
        asked.append(places.tolist())
        return table[places, range(2)]

    expected = []
    for column in table.T.tolist():
        held = [place for place, value in enumerate(column) if value <= 0.0]
        expected.append(held[0] if held else column.index(min(column)))
    assert least_excess(len(table), 2, excess).tolist() == expected
    assert len(asked) <= len(table)
