"""What a mean rejection is a mean of: the periods, or the requests, of which busy periods have more.

By requests the violation of a period is its rejection probability times its rate over the mean rate of the part, so
that the mean over the periods is `sum(rate P) / sum(rate)`, the share of all requests that is rejected. In expectation
over the noise the mean rate is that of the rates without it.
"""

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection.models import TIMED_NAMES
from mamo_cli.domains.faas.settings import BY_REQUESTS, InstanceConfig

PROXY = "rejection is counted by the period: the mean of P, in place of sum(rate P) / sum(rate)"


def refuse(settings: InstanceConfig) -> None:
    """End what is not known by requests.

    Raises:
        UsageError: says what.
    """
    if settings.counting != BY_REQUESTS:
        if settings.proxy is not None:
            raise UsageError("--proxy periods counts by the period in training alone: it needs --counting requests")
        return
    if settings.rejection_model not in TIMED_NAMES or settings.rejection_model == "simulation":
        raise UsageError(
            f"--counting requests is by a model that takes any rate, not by --rejection-model "
            f"{settings.rejection_model}: take serverless or erlang"
        )
    if settings.shield is not None:
        raise UsageError("--shield guards a period's rejection, and --counting requests is of all requests: leave one")


def mean_rates(rates_rps: FloatArray) -> FloatArray:
    """`(F,)` of rates `(T, F)`; 1 where no request comes, of which none is rejected."""
    mean = rates_rps.mean(axis=0)
    return np.where(mean > 0.0, mean, 1.0)


def share_of_requests(rates_rps: FloatArray) -> FloatArray:
    """`(T, F)` what a period's rejection weighs, 1 on average."""
    return rates_rps / mean_rates(rates_rps)
