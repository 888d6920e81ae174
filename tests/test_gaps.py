"""The benchmark of worlds sets trainings against one another seed by seed."""

import pytest

from benchmarks.worlds import FACTORS, PAIRS, differences

SEEDS = (1000, 1001, 1002, 1003)


def test_differences_are_those_of_the_same_seed():
    """Seeds differ by more than trainings, and stand in another order. By hand: 1, 2, -3 and 4 points more."""
    own = {1000: 1.0, 1001: 2.0, 1002: -3.0, 1003: 4.0}
    rows = [(PAIRS[0][1], factor, seed, 10.0 * seed, 0.0, 0.0) for factor in FACTORS for seed in SEEDS]
    rows += [
        (who, factor, seed, 10.0 * seed + (own[seed] if who == PAIRS[0][0] else -0.5), 0.0, 0.0)
        for who in {name for pair in PAIRS for name in pair} - {PAIRS[0][1]}
        for factor in FACTORS
        for seed in reversed(SEEDS)
    ]
    told = list(differences(rows))
    assert [one[:3] for one in told] == [(who, than, factor) for who, than in PAIRS for factor in FACTORS]
    assert told[0][3] == pytest.approx(1.0)
    assert -3.0 <= told[0][4] < 1.0 < told[0][5] <= 4.0
    assert told[0][6] == 0.75
    # -0.5 in every seed against a mean of 1.
    assert told[3][3] == pytest.approx(-1.5)
    # Both of the last pair have the same: so has the whole interval.
    assert told[6][3:] == (0.0, 0.0, 0.0, 0.0)
