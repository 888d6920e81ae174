"""Schedules of what shifts, by hand."""

import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Shift
from mamo_cli.core.settings import resolve
from mamo_cli.training.conditions import DriftConfig


def drift(**given):
    return resolve(DriftConfig, given)


def test_without_points_nothing_changes():
    assert [Shift(**drift().at(cycle)) for cycle in (0, 7)] == [AS_CONFIGURED] * 2
    assert drift().changes(100) == []


def test_a_step_holds_until_the_next():
    steps = drift(load=[[2, 1.5], [4, 0.5]], cap=[[3, 7]], tolerance=[[0, 0.1]])
    assert [Shift(**steps.at(cycle)) for cycle in range(6)] == [
        Shift(tolerance=0.1),
        Shift(tolerance=0.1),
        Shift(load=1.5, tolerance=0.1),
        Shift(load=1.5, cap=7, tolerance=0.1),
        Shift(load=0.5, cap=7, tolerance=0.1),
        Shift(load=0.5, cap=7, tolerance=0.1),
    ]
    assert steps.changes(6) == [2, 3, 4]
    assert steps.changes(3) == [2]


def test_a_ramp_goes_straight_and_then_stays():
    ramp = drift(shape="ramp", service=[[0, 1.0], [4, 2.0]], cap=[[0, 10], [4, 7]])
    # A quarter of the way a step: 10, 9.25, 8.5, 7.75 replicas, of which whole ones are there.
    assert [ramp.at(cycle)["service"] for cycle in range(6)] == [1.0, 1.25, 1.5, 1.75, 2.0, 2.0]
    assert [ramp.at(cycle)["cap"] for cycle in range(6)] == [10, 9, 8, 7, 7, 7]
    assert ramp.changes(6) == [1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"load": [[5, 1.0], [5, 2.0]]}, "with the cycle rising"),
        ({"load": [[-1, 1.0]]}, "greater than or equal to 0"),
        ({"service": [[0, 0.0]]}, "greater than 0"),
        ({"cap": [[0, 0]]}, "greater than or equal to 1"),
        ({"tolerance": [[0, 1.5]]}, "less than or equal to 1"),
        ({"shape": "ramp", "load": [[5, 2.0]]}, "the ramp of load must say where it begins"),
        ({"shape": "sine"}, "'step' or 'ramp'"),
    ],
)
def test_what_makes_no_schedule_is_refused(given, said):
    with pytest.raises(UsageError, match=said):
        drift(**given)
