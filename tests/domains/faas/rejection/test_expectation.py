import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection.expectation import expected_rejection
from mamo_cli.domains.faas.rejection.models import ErlangModel, ServerlessModel

MODELS = [ServerlessModel(0.065, 0.25, 60.0), ServerlessModel(0.1, 0.25, 0.05), ErlangModel(1.0)]
RATES = np.array([[0.0, 2.0, 0.5], [50.0, 100.0, 45.0], [90.0, 700.0, 300.0]])


def test_one_replica_in_closed_form():
    # B_1 = 1 - 1/(1 + a (1 + u)); its mean over u in (-d, d) is 1 - ln((1 + a + a d) / (1 + a - a d)) / (2 a d).
    load, noise = 3.0, 0.4
    expected = 1 - np.log((1 + load + load * noise) / (1 + load - load * noise)) / (2 * load * noise)
    assert expected_rejection([ErlangModel(1.0)], np.array([[load]]), noise, 1) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("noise", "tolerance"), [(0.2, 1e-7), (0.9, 1e-6), (1.0, 5e-5)])
def test_quadrature_equals_a_dense_trapezoid(noise, tolerance):
    deviations = np.linspace(-noise, noise, 4001)
    answer = expected_rejection(MODELS, RATES, noise, 50)
    assert answer.shape == (3, 3, 50)
    for function, model in enumerate(MODELS):
        dense = model.rejection_probability(np.multiply.outer(1 + deviations, RATES[:, function]), 50)
        mean = (dense[1:] + dense[:-1]).mean(axis=0) / 2
        np.testing.assert_allclose(answer[:, function], mean, rtol=0, atol=tolerance)


def test_no_noise_is_the_model_itself():
    answer = expected_rejection(MODELS, RATES, 0.0, 10)
    for function, model in enumerate(MODELS):
        np.testing.assert_allclose(answer[:, function], model.rejection_probability(RATES[:, function], 10), rtol=1e-13)


@pytest.mark.parametrize("noise", [-0.1, 1.5, np.nan])
def test_noise_outside_its_range_is_refused(noise):
    with pytest.raises(UsageError, match="noise must be in"):
        expected_rejection(MODELS, RATES, noise, 3)
