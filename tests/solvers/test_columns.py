"""Column generation: against all plays at once, and how far it says it may be off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from mamo_cli.solvers import columns
from mamo_cli.solvers.columns import cheapest

SHARES = st.integers(0, 64).map(lambda n: n / 64)


def oracle_of(*plays):
    """The best of some plays `(J, 1 + L)` of each problem, the first of equals."""
    return lambda weights: np.stack([own[(own @ each).argmin()] for own, each in zip(plays, weights, strict=True)])


def program(plays, limits):
    return linprog(plays[:, 0], plays[:, 1:].T, limits, np.ones((1, len(plays))), [1.0])


@given(
    arrays(float, (9, 4), elements=SHARES),
    arrays(float, (9, 4), elements=SHARES),
    arrays(float, (2, 3), elements=SHARES),
)
def test_it_is_the_program_over_all_plays(first, second, limits):
    for found, plays, own in zip(cheapest(oracle_of(first, second), limits), (first, second), limits, strict=True):
        all_at_once = program(plays, own)
        if all_at_once.status == 2:  # infeasible
            assert found.excess > 1e-9
            continue
        assert found.excess == 0.0
        assert found.objectives[0] == pytest.approx(all_at_once.fun, abs=1e-9)
        assert (found.objectives[1:] <= own + 1e-12).all()
        assert found.gap <= 1e-9
        assert len(found.shares) <= 4
        # What is charged for the limits leaves the cost: complementary slackness.
        assert found.multipliers @ (found.objectives[1:] - own) == pytest.approx(0.0, abs=1e-9)


def test_the_least_excess_by_hand():
    # (cost, violations): within .1 and .1 nothing is; halves of the two lie .15 beyond both, either play .4 beyond one.
    plays = np.array([[0.2, 0.0, 0.5], [0.2, 0.5, 0.0]])
    (found,) = cheapest(oracle_of(plays), np.array([[0.1, 0.1]]))
    assert found.excess == pytest.approx(0.3, abs=1e-9)
    assert found.gap == pytest.approx(0.0, abs=1e-9)


def test_whoever_is_stopped_early_says_how_far_it_may_be_off(monkeypatch):
    angle = np.linspace(0.0, np.pi / 2, 400)
    plays = np.stack((1 - np.sin(angle), 1 - np.cos(angle)), -1)  # an arc: every play on it is best somewhere
    limits, least = np.array([[0.3]]), program(plays, [0.3]).fun
    for asked in (4, 6, 9):
        monkeypatch.setattr(columns, "MOST_ASKED", asked)
        (found,) = cheapest(oracle_of(plays), limits)
        assert found.gap > 1e-9
        assert found.objectives[0] - found.gap <= least + 1e-12 <= found.objectives[0] + 2e-12


def test_it_asks_for_few_plays():
    # Ten limits, each on a part x of its own: violation 1 - x at a cost of slope x^2, in steps.
    rng, asked, steps = np.random.default_rng(0), 0, np.linspace(0.0, 1.0, 41)
    slopes = rng.uniform(0.5, 2.0, 10)

    def oracle(weights):
        nonlocal asked
        asked += 1
        best = (weights[:, :1, None] * slopes[:, None] * steps**2 - weights[:, 1:, None] * steps).argmin(2)
        return np.concatenate(((slopes * steps[best] ** 2).sum(1)[:, None], 1.0 - steps[best]), 1)

    limits = rng.uniform(0.3, 0.7, (1, 10))
    (found,) = cheapest(oracle, limits)
    # Each cost is interpolated between two steps, whatever the others do.
    each = [np.interp(1.0 - limit, steps, slope * steps**2) for limit, slope in zip(limits[0], slopes, strict=True)]
    assert found.objectives[0] == pytest.approx(sum(each), abs=1e-9)
    assert asked <= 75  # 62; the multipliers of the program alone ask for 150
