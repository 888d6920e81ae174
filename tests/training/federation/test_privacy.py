"""Clipping, noise, and the epsilon that is stated, by hand and against the exact one."""

from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from mamo_cli.training.federation.privacy import DELTA, clipped, epsilon, noised


def test_clipping_by_hand():
    # Norms 5, 0.5 and 0: the first is scaled by 2 / 5.
    found = clipped(np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]), 2.0)
    np.testing.assert_allclose(found, [[1.2, 1.6], [0.3, 0.4], [0.0, 0.0]], rtol=1e-15)


def test_the_noise_is_that_share_of_the_clip():
    found = noised(np.full((4, 50_000), 7.0), 0.25, 3.0, np.random.default_rng(2))
    assert found.std() == pytest.approx(0.75, rel=0.01)
    assert found.mean() == pytest.approx(7.0, abs=0.01)


def test_epsilon_by_hand():
    # One round at noise 2: rho = 2 / 4 = 0.5, and 2 sqrt(0.5 ln 100,000) = 2 sqrt(5.7565) = 4.7985.
    assert epsilon(1, 2.0) == pytest.approx(0.5 + 4.7985, abs=1e-4)
    # Eight rounds at noise 4 are as much as two at noise 2: rho = 1, 2 sqrt(11.5129) = 6.7861.
    assert epsilon(8, 4.0) == epsilon(2, 2.0) == pytest.approx(1.0 + 6.7861, abs=1e-4)
    assert epsilon(1, 2.0, exp(-2.0)) == pytest.approx(0.5 + 2.0)


def spent(at, mu):
    """Delta of a normal mechanism whose outputs lie mu deviations apart, at an epsilon (Balle and Wang, 2018)."""
    return norm.cdf(mu / 2 - at / mu) - np.exp(at + norm.logcdf(-mu / 2 - at / mu))


@pytest.mark.parametrize("rounds", [1, 20])
@pytest.mark.parametrize("noise", [0.5, 2.0, 20.0])
def test_epsilon_is_never_below_the_exact_one_and_not_far_above(rounds, noise):
    # Two updates of a node are up to 2 clips apart, 2 / noise deviations; rounds add as squares.
    mu = 2.0 * sqrt(rounds) / noise
    exact = brentq(lambda at: spent(at, mu) - DELTA, 1e-9, 10.0 + 20.0 * mu**2 + 20.0 * mu)
    assert exact <= epsilon(rounds, noise) <= 1.5 * exact
    # A sensitivity of one clip, as if a node were added and not replaced, would promise too much.
    rho = rounds / (2.0 * noise**2)
    assert rho + 2.0 * sqrt(rho * log(1.0 / DELTA)) < exact
