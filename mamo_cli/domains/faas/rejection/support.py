"""What a node asks of measurements beyond what was measured: said once, or refused where that is all it asks."""

from collections.abc import Sequence

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import DataError
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.models import RejectionModel
from mamo_cli.workload.trace import Trace


def support_warning(
    models: Sequence[RejectionModel], parts: Sequence[Trace], noise: float, max_replicas: int
) -> str | None:
    """One warning of the function that asks most for rates and replicas beyond what was measured, else None.

    Args:
        models: F models, one per function; those of other kinds are passed over.
        parts: the workload, trained on and evaluated on.
        noise: relative deviation that the rates may have.
        max_replicas: the most that a function may have.

    Raises:
        DataError: nothing that a function may ask for was measured.
    """
    most, warning = 0.0, None
    for function, model in enumerate(models):
        if not isinstance(model, MeasuredModel):
            continue
        rates = np.concatenate([part.actual_rate_rps[:, function] for part in parts])
        low, high = rates[rates > 0.0] * (1.0 - noise), rates * (1.0 + noise)
        reach = model.reach_rps[:max_replicas].max(initial=0.0)
        if len(low) and low.min() > reach:
            raise DataError(_nothing(model, low.min(), high.max(), max_replicas))
        beyond = float((~model.supported(high, max_replicas)).mean())
        if beyond > most:
            most, warning = beyond, _beyond(model, parts[0].functions[function], high, max_replicas, beyond)
    return warning


def _nothing(model: MeasuredModel, low_rps: float, high_rps: float, max_replicas: int) -> str:
    return (
        f"{model.source.name}: nothing was measured of what the node asks, {low_rps:.4g} to {high_rps:.4g} requests/s "
        f"with 1 to {max_replicas} replicas: {_extent(model)} were"
    )


def _beyond(model: MeasuredModel, function: str, rates_rps: FloatArray, max_replicas: int, share: float) -> str:
    asked = f"{rates_rps.max():.4g} requests/s and {max_replicas} replicas"
    return (
        f"{model.source.name}: {_extent(model)} were measured; the node asks for up to {asked}, and of what {function} "
        f"may ask, step by step, {share:.0%} was not: there stands the most that can be, with more replicas "
        "the rejection of the most that were measured, with fewer or at higher rates 1"
    )


def _extent(model: MeasuredModel) -> str:
    measured = model.source
    rate, replicas = measured.arrival_rate_rps, measured.whole_replicas
    return f"{rate.min():.4g} to {rate.max():.4g} requests/s with {replicas.min()} to {replicas.max()} replicas"
