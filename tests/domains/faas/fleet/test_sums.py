"""Rules of sums against products of rules, and against moments by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.domains.faas.fleet.sums import POINTS, rule
from mamo_cli.domains.faas.rejection.models import make_model


def product_rule(means, noise, count):
    """Every combination of points of each term's own rule."""
    nodes, shares = np.polynomial.legendre.leggauss(count)
    deviations = np.array(list(itertools.product(noise * nodes, repeat=len(means))))
    weights = np.array(list(itertools.product(shares / 2, repeat=len(means)))).prod(1)
    return ((1 + deviations) * means).sum(1), weights


def test_the_fourth_moment_of_two_terms_by_hand():
    """Of a u + b v, u and v uniform in +-1: a^4 / 5 + 6 a^2 b^2 / 9 + b^4 / 5; for a = 3, b = 2: 16.2 + 24 + 3.2."""
    points, weights = rule(np.array([[3.0, 2.0]]) / 0.5, 0.5)
    assert weights.sum() == pytest.approx(1, abs=1e-13)
    assert (weights * (points - 10) ** 4).sum() == pytest.approx(43.4, rel=1e-12)


@given(
    st.lists(st.sampled_from([0.0, 1e-9, 0.3, 5.0, 60.0]) | st.floats(0.0, 90.0), min_size=1, max_size=3),
    st.sampled_from([0.0, 0.2, 0.5]),
    st.sampled_from(["erlang", "serverless"]),
)
def test_what_is_rejected_is_as_by_many_more_points(means, noise, model):
    model = make_model(model, 0.065, 0.25, 60.0)
    points, weights = rule(np.array([means]), noise)
    few = weights[0] @ model.rejection_probability(points[0], 8)
    rates, shares = product_rule(np.array(means), noise, 24)
    np.testing.assert_allclose(few, shares @ model.rejection_probability(rates, 8), atol=2e-8)


def test_ten_terms_have_as_few_points_and_the_moments_of_their_sum():
    means, noise = np.random.default_rng(0).uniform(0, 50, (1, 10)), 0.3
    points, weights = rule(means, noise)
    assert points.shape == (1, POINTS)
    assert (weights * points).sum() == pytest.approx(means.sum(), rel=1e-12)
    variance = (noise**2 * means**2 / 3).sum()
    assert (weights * (points - means.sum()) ** 2).sum() == pytest.approx(variance, rel=1e-12)
