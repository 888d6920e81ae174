"""The search over knobs, on surfaces whose best is known."""

import pytest

from mamo_cli.domains.faas.baselines.tuning import GRID, Knob, search


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
