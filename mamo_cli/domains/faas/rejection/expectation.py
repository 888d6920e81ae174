"""What rejection to expect when the rate that comes is the expected one times uniform noise."""

from collections.abc import Sequence

import numpy as np

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection.erlang import FloatArray
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.models import RejectionModel

QUADRATURE_NODES = 64


def expected_rejection(
    models: Sequence[RejectionModel],
    arrival_rate_rps: FloatArray,
    noise: float,
    max_replicas: int,
    by_requests: bool = False,
) -> FloatArray:
    """E[P(lambda (1 + u), n)] over u ~ U(-noise, noise), for every n = 1..N, from the exact models.

    A measured model knows its own mean. Else it is Gauss-Legendre quadrature with 64 nodes: the curve is smooth away
    from rate 0, so the error is below 1e-12 for a noise up to 0.5 and 1e-7 up to 0.9; at 1, where the band touches rate
    0, it may reach 1e-4 at loads of thousands.

    Args:
        models: F models, one per function.
        arrival_rate_rps: (T, F) expected rate by step, requests/s.
        noise: Half-width of the relative deviation, in [0, 1].
        max_replicas: N.
        by_requests: expect (1 + u) P instead, the rejected requests over those of the expected rate; no measured model.

    Returns:
        (T, F, N) expected rejection probability.

    Raises:
        UsageError: The noise is outside [0, 1].
    """
    if not 0.0 <= noise <= 1.0:
        raise UsageError(f"--noise must be in [0, 1], got {noise}")
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_NODES)
    expected = np.zeros((*arrival_rate_rps.shape, max_replicas))
    for function, model in enumerate(models):
        rejection, rate = None, arrival_rate_rps[:, function]
        if isinstance(model, MeasuredModel):
            expected[:, function] = model.mean_rejection(rate, noise, max_replicas)
            continue
        for deviation, weight in zip(noise * nodes, weights / 2.0, strict=True):
            if noise or rejection is None:  # without noise all nodes are one
                rejection = model.rejection_probability(rate * (1.0 + deviation), max_replicas)
            expected[:, function] += (weight * (1.0 + deviation) if by_requests else weight) * rejection
    return expected
