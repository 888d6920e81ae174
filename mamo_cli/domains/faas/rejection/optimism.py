"""Where the serverless model promises less rejection than a node that never cools down can give."""

from collections.abc import Sequence

import numpy as np

from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.models import ErlangModel, RejectionModel, ServerlessModel, SimulationModel
from mamo_cli.domains.faas.rejection.table import RejectionTable

OPTIMISM_THRESHOLD = 0.01


SAFE = (SimulationModel.name, ErlangModel.name)


def optimism_warning(models: Sequence[RejectionModel], table: RejectionTable, functions: Sequence[str]) -> str | None:
    """One warning if the serverless model lies more than 0.01 below Erlang-B anywhere in the node's table, else None.

    Erlang-B is the rejection of n replicas that are always warm, and a cold start takes longer than a warm request.
    A value far below it is therefore the model's error: it counts rejections only while all n replicas are warm, and
    with a short idle timeout they hardly ever are.

    Args:
        models: F models, one per function; those of other kinds are passed over.
        table: The node's table, built from these models.
        functions: Their names.
    """
    rates = table.rates_rps
    worst_gap, warning = OPTIMISM_THRESHOLD, None
    for function, model in enumerate(models):
        if not isinstance(model, ServerlessModel):
            continue
        values = table.values[function]
        erlang = erlang_b(rates * model.warm_service_time_s, table.max_replicas).T
        n, point = np.unravel_index(np.argmax(erlang - values), values.shape)
        gap = float(erlang[n, point] - values[n, point])
        if gap > worst_gap:
            worst_gap = gap
            warning = (
                "the serverless rejection model is too optimistic for this node's idle timeout of "
                f"{model.idle_timeout_s:g} s: for function {functions[function]} at {rates[point]:.4g} requests/s and "
                f"{n + 1} replicas it gives {values[n, point]:.3f}, below the {erlang[n, point]:.3f} of Erlang-B; "
                f"where a run is made, --rejection-model {' or '.join(SAFE)} is the safe choice"
            )
    return warning
