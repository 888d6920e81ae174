"""The quality of a set of policies, by hand and against independent counts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import trapezoid

from mamo_cli.analysis.fronts import Front, front_of, hypervolume, quality
from tests.analysis.tiny_domain import Pumps

LATTICE = 8


def test_a_hypervolume_by_hand():
    # Within (1, .5): (.2, .4) dominates .8 x .1, (.5, .1) another .5 x .3; (.6, .2) and (.1, .5) add nothing.
    points = np.array([[0.6, 0.2], [0.5, 0.1], [0.1, 0.5], [0.2, 0.4]])
    assert hypervolume(points, np.array([1.0, 0.5])) == pytest.approx(0.08 + 0.15, rel=1e-12)
    assert hypervolume(points[:1], np.array([0.6, 1.0])) == 0.0  # at the reference, or beyond it, nothing counts
    assert hypervolume(np.array([[0.0, 0.0]]), np.array([1.0, 0.5])) == 0.5


@given(arrays(np.int64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.integers(0, LATTICE + 1)))
def test_a_hypervolume_is_as_many_cells_as_a_point_dominates(points):
    cells = [
        any(cost <= x and violation <= y for cost, violation in points) for x in range(LATTICE) for y in range(LATTICE)
    ]
    assert hypervolume(points.astype(float), np.full(2, float(LATTICE))) == sum(cells)


def test_a_hypervolume_is_the_share_of_darts_that_a_point_dominates():
    rng = np.random.default_rng(3)
    points, darts = rng.random((12, 2)), rng.random((200_000, 2))
    hit = (points[:, None] <= darts).all(-1).any(0).mean()
    assert hypervolume(points, np.ones(2)) == pytest.approx(hit, abs=4 * (hit * (1 - hit) / len(darts)) ** 0.5)


def test_the_exact_front_of_a_pump_by_hand():
    # See test_bounds: (.25, .45), (.375, .25), (.5, .15), (.75, .05), (1, 0), as alpha rises.
    front = front_of(Pumps())
    plays = np.unique(front.points.round(12), axis=0)
    np.testing.assert_allclose(plays, [[0.25, 0.45], [0.375, 0.25], [0.5, 0.15], [0.75, 0.05], [1.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(front.reference, [1.0, 0.45], rtol=1e-12)
    # .625 x .2 + .5 x .1 + .25 x .1: the first stands at the reference's violation, the last at its cost.
    assert hypervolume(front.points, front.reference) == pytest.approx(0.2, rel=1e-9)
    itself = quality(front.points, front)
    assert itself == pytest.approx((0.2, 1.0, 0.0, 0.0), rel=1e-9, abs=1e-12)


def test_the_quality_of_one_policy_by_hand():
    # The best costs 1 - alpha and violates 1 - alpha: it is worth -(1 - alpha)^2 - alpha (1 - alpha) = -(1 - alpha).
    alphas = np.linspace(0.0, 1.0, 201)
    front = Front(alphas, np.stack((1 - alphas, 1 - alphas), 1))
    # The policy is worth -(.5 (1 - alpha) + .3 alpha): losses are .5 (1 - alpha) + .3 alpha - (1 - alpha), from -.5
    # up to .3, -.1 on average.
    found = quality(np.array([[0.5, 0.3]]), front)
    assert found.expected_utility_loss == pytest.approx(-0.1, rel=1e-9)
    assert found.maximum_utility_loss == pytest.approx(0.3, rel=1e-12)
    assert (found.hypervolume, found.hypervolume_share) == (pytest.approx(0.35), pytest.approx(0.35))


@given(arrays(float, st.tuples(st.integers(1, 5), st.just(2)), elements=st.floats(0.0, 1.0)))
def test_utility_losses_are_those_of_a_count_alpha_by_alpha(policies):
    front = front_of(Pumps(agents=2))
    found, losses = quality(policies, front), []
    for alpha, (cost, violation) in zip(front.alphas, front.points, strict=True):
        best = min((1 - alpha) * c + alpha * v for c, v in policies)
        losses.append(best - ((1 - alpha) * cost + alpha * violation))
    assert found.maximum_utility_loss == pytest.approx(max(losses), abs=1e-12)
    assert found.expected_utility_loss == pytest.approx(trapezoid(losses, front.alphas), abs=1e-12)


def test_more_policies_are_never_worse():
    front, rng = front_of(Pumps()), np.random.default_rng(0)
    points = rng.random((20, 2))
    each = [quality(points[:count], front) for count in range(1, 21)]
    for few, more in pairwise(each):
        assert more.hypervolume >= few.hypervolume
        assert more.expected_utility_loss <= few.expected_utility_loss + 1e-15
        assert more.maximum_utility_loss <= few.maximum_utility_loss + 1e-15
