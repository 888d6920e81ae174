"""What poisoned nodes send, by hand."""

import numpy as np
import pytest
from scipy.stats import norm

from mamo_cli.training.federation.aggregation import mean
from mamo_cli.training.federation.attacks import BY_NAME, alie, inner_product, most_deviations, noise, sign_flip

HONEST = np.array([[1.0, -2.0], [3.0, -2.0], [5.0, 4.0]])  # means 3, 0; deviations sqrt(8 / 3), sqrt 8
OWN = np.array([[2.0, 1.0], [-1.0, 0.5]])


def rng():
    return np.random.default_rng(3)


def test_a_sign_flip_is_each_ones_own_update_turned_round():
    assert sign_flip(HONEST, OWN, 1.0, rng()).tolist() == [[-2.0, -1.0], [1.0, -0.5]]
    assert sign_flip(HONEST, OWN, 5.0, rng()).tolist() == [[-10.0, -5.0], [5.0, -2.5]]


def test_noise_is_as_large_as_the_honest_updates():
    # Mean square of the six numbers: (1 + 4 + 9 + 4 + 25 + 16) / 6.
    sent = noise(HONEST, np.zeros((2, 50_000)), 2.0, rng())
    assert sent.std() == pytest.approx(2.0 * np.sqrt(59 / 6), rel=0.01)
    assert abs(sent.mean()) < 0.06  # four standard errors
    assert not np.allclose(sent[0], sent[1])


def test_a_little_is_enough_by_hand():
    # 5 nodes, 2 poisoned: a majority of 3 needs 1 of the 3 honest; z leaves 2 of 3 below: the 2/3 quantile, 0.4307.
    z = norm.ppf(2 / 3)
    assert z == pytest.approx(0.43073, abs=1e-5)
    expected = [3.0 - z * np.sqrt(8 / 3), -z * np.sqrt(8.0)]
    np.testing.assert_allclose(alie(HONEST, OWN, 1.0, rng()), [expected, expected], rtol=1e-12)
    thrice = [3.0 - 3.0 * z * np.sqrt(8 / 3), -3.0 * z * np.sqrt(8.0)]
    np.testing.assert_allclose(alie(HONEST, OWN, 3.0, rng()), [thrice, thrice], rtol=1e-12)


@pytest.mark.parametrize(
    # The paper's: 50 workers of which 24 are corrupted: s = 26 - 24 = 2, 24 of 26 below, z = 1.43 or so.
    ("nodes", "poisoned", "share"), [(50, 24, 24 / 26), (20, 4, 9 / 16), (51, 12, 25 / 39), (4, 1, 1 / 3)]
)  # fmt: skip
def test_how_many_deviations_hide(nodes, poisoned, share):
    assert most_deviations(nodes, poisoned) == pytest.approx(norm.ppf(share), rel=1e-9)


def test_inner_products_with_what_is_honest_turn_negative():
    sent = inner_product(HONEST, OWN, 0.5, rng())
    assert sent.tolist() == [[-1.5, 0.0], [-1.5, 0.0]]
    # With n of m nodes poisoned the mean turns round where the scale is above (n - m) / m = 1.5, and not before.
    turned = [mean(np.concatenate((HONEST, inner_product(HONEST, OWN, scale, rng()))))[0] for scale in (1.4, 1.6)]
    assert [np.sign(one) for one in turned] == [1.0, -1.0]


@pytest.mark.parametrize("name", BY_NAME)
def test_poisoned_nodes_send_a_row_each_and_none_is_without_scale(name):
    sent = BY_NAME[name](HONEST, OWN, 0.0, rng())
    assert sent.shape == OWN.shape
    np.testing.assert_allclose(sent, np.tile(HONEST.mean(0), (2, 1)) if name == "alie" else np.zeros((2, 2)), atol=0)
