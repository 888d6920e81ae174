"""Models held to measurements that they have not seen: fitted on one half of the traces, judged on the other."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import DataError
from mamo_cli.domains.faas.rejection.measured import fit, standard_errors
from mamo_cli.domains.faas.rejection.models import ErlangModel, RejectionModel, ServerlessModel
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.faas.validation import replicas_for
from mamo_cli.workload.measurements import Measurements

HELD_OUT = (
    *("model", "times", "warm_service_time_s", "fitted_rows", "held_out_rows", "mean_absolute_error"),
    *("root_mean_square_error", "mean_error", "tolerance", "rates_held", "replicas_mape", "rates_short"),
)
MEASURED = ("replicas", "arrival_rate_rps", "weight", "rejection_mean", "rejection_fitted", "standard_error")
"""Heads of held_out.csv, and of measured.csv, which has every cell that was measured."""

GIVEN, FITTED, HINDSIGHT = "as given", "fitted", "in hindsight"
TRIED = 200


def halves(measured: Measurements) -> tuple[Measurements, Measurements]:
    """The half to fit and the half to be held to; see `Measurements.halves`.

    Raises:
        DataError: one has no traffic.
    """
    both = measured.halves()
    for half in both:
        if not half.arrival_rate_rps.any():
            raise DataError(f"{measured.name}: half of its traces holds no traffic to fit, or to be held to")
    return both


def held_out_rows(measured: Measurements, config: InstanceConfig) -> list[dict[str, Any]]:
    """How far each model is from the half that was not fitted, row by row and in replicas at the tolerance.

    The analytic models are judged by the service times that are given, and by the warm service time that fits the first
    half best in least squares (the cold one keeps its ratio). The last row is fitted on the half that it is judged on:
    so near can a function of rate and replicas come.
    """
    fitted, held_out = halves(measured)
    judged = [_judged(*one, held_out, config.tolerance) for one in _models(fitted, held_out, config)]
    return [{"fitted_rows": fitted.rows, "held_out_rows": held_out.rows, **row} for row in judged]


def cell_rows(measured: Measurements) -> Iterator[list[Any]]:
    """Rows of measured.csv: what was measured in each cell, the fit of all of it, and how certain that is."""
    model, errors = fit(measured), standard_errors(measured)
    for n, knot in np.argwhere(model.weight > 0.0):
        place = (n, knot)
        numbers = (model.weight[place], model.mean[place], model.values[place], errors[place])
        yield [int(n) + 1, float(model.roots[knot] ** 2), *map(float, numbers)]


def _models(
    fitted: Measurements, held_out: Measurements, config: InstanceConfig
) -> Iterator[tuple[RejectionModel, str, float]]:
    """Models, where their service times are from, and the warm one."""
    warm, cold_over_warm = config.warm_service_time, config.cold_service_time / config.warm_service_time
    kinds: dict[str, Callable[[float], RejectionModel]] = {
        ErlangModel.name: ErlangModel,
        ServerlessModel.name: lambda time: ServerlessModel(time, time * cold_over_warm, config.idle_timeout),
    }
    yield fit(fitted), "", np.nan
    for kind in kinds.values():
        yield kind(warm), GIVEN, warm
        best = _best_time(kind, fitted)
        yield kind(best), FITTED, best
    yield fit(held_out), HINDSIGHT, np.nan


def _best_time(kind: Callable[[float], RejectionModel], rows: Measurements) -> float:
    """The warm service time of least squares, s: the best of a grid from idle to overloaded, refined beside it."""

    def loss(log_time: float) -> float:
        return float((rows.weight * (said_of(kind(float(np.exp(log_time))), rows) - rows.rejection) ** 2).sum())

    rates = rows.arrival_rate_rps[rows.arrival_rate_rps > 0.0]
    grid = np.linspace(np.log(1e-3 / rates.max()), np.log(1e3 * rows.whole_replicas.max() / rates.min()), TRIED)
    best = int(np.argmin([loss(one) for one in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, TRIED - 1)]
    return float(np.exp(minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-9}).x))


def said_of(model: RejectionModel, rows: Measurements) -> FloatArray:
    """`(R,)` rejection that a model gives where something was measured."""
    replicas = rows.whole_replicas
    every = model.rejection_probability(rows.arrival_rate_rps, int(replicas.max()))
    said: FloatArray = np.take_along_axis(every, replicas[:, None] - 1, 1)[:, 0]
    return said


def _judged(
    model: RejectionModel, times: str, warm_service_time_s: float, rows: Measurements, tolerance: float
) -> dict[str, Any]:
    """Errors weigh by what was measured; replicas are those that the best monotone function of these rows needs."""
    error, most = said_of(model, rows) - rows.rejection, int(rows.whole_replicas.max())
    needed, planned = (
        replicas_for(one.rejection_probability(rows.arrival_rate_rps, most), tolerance) for one in (fit(rows), model)
    )
    can, weight = needed <= most, rows.weight
    return {
        "model": model.name,
        "times": times,
        "warm_service_time_s": warm_service_time_s,
        "mean_absolute_error": float(np.average(np.abs(error), weights=weight)),
        "root_mean_square_error": float(np.sqrt(np.average(error**2, weights=weight))),
        "mean_error": float(np.average(error, weights=weight)),
        "tolerance": tolerance,
        "rates_held": int(can.sum()),
        "replicas_mape": float((np.abs(planned - needed)[can] / needed[can]).mean()) if can.any() else float("nan"),
        "rates_short": int((planned < needed).sum()),
    }
