"""What the benchmark of adversaries tells: who is isolated after how much, and differences seed by seed."""

import numpy as np
import pytest

from benchmarks.adversaries import ARMS, ORDINARY, differences, first_alarm, numbers_of


def test_an_alarm_is_of_the_neighbour_that_was_sent_to_when_it_was_raised():
    """Sent to 1, 2, 1, nobody, 2, 2; isolated 1 in the third period and 2 in the last."""
    to, isolated = [1, 2, 1, -1, 2, 2], [0, 0, 1, 1, 1, 2]
    day = np.stack((np.ones(6), to, isolated), -1)
    assert first_alarm(day, 1) == (True, 2)
    assert first_alarm(day, 2) == (True, 3)
    assert first_alarm(day[:5], 2) == (False, 2)
    assert first_alarm(day, 0) == (False, 0)


def test_differences_are_seed_by_seed_and_against_the_ordinary_policies_under_the_same_attack():
    rows = [
        (arm.attack, arm.name, seed, 10.0 * (arm.name == ORDINARY) + seed * (1 + place), 0.5, 0.05, 7.0, 0.1)
        for place, arm in enumerate(ARMS)
        for seed in (0, 1)
    ]
    told = {row[:2]: row[2:] for row in differences(numbers_of(rows))}
    assert len(told) == sum(arm.name != ORDINARY for arm in ARMS)
    more, low, high, less = told["liar", "trained under it"]  # -10 of seed 0, and 1 - 10 of seed 1
    assert (more, low, high, less) == pytest.approx((-9.5, -10.0, -9.0, 1.0))
