"""The models of how a node rejects, held to the simulation of its requests over the rates and caps it may see."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import DataError
from mamo_cli.core.seeding import stream
from mamo_cli.domains.faas.functions import caps_of, check_functions
from mamo_cli.domains.faas.node import MOST_REPLICAS
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.models import ErlangModel, RejectionModel, ServerlessModel, SimulationModel
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.faas.simulation.pool import Service
from mamo_cli.domains.faas.simulation.steady import Steady, steady
from mamo_cli.workload.trace import Trace

VALIDATION = (
    *("function", "model", "arrival_rate_rps", "replicas", "rejection_model", "rejection_simulated"),
    *("standard_error", "cold_share", "mean_response_s", "requests", "supported", "unsafe"),
)
VALIDATED = (
    *("function", "model", "cells", "mean_absolute_error", "largest_error", "largest_at_rate_rps"),
    *("largest_at_replicas", "unsafe_cells", "worst_unsafe", "worst_at_rate_rps", "worst_at_replicas"),
    *("worst_rejection_model", "worst_rejection_simulated", "worst_standard_error"),
    *("tolerance", "rates_held", "replicas_mape", "rates_short"),
)
"""Heads of validation.csv and of its summary.

Errors are the model's rejection less the simulation's. At the tolerance a plan by the model is held to one by the
simulation: `replicas_mape` over the `rates_held`, at which the latter can hold it; `rates_short` counts at how many of
all the model plans too few, or some where none would do.
"""

LEAST_UNSAFE, STANDARD_ERRORS = 0.01, 3.0
MOST_NAMED = 3


class Asked(NamedTuple):
    """A function on a node, or several that are served alike, and what they may see."""

    name: str
    service: Service
    tolerance: float
    replicas: int  # the cap
    rates_rps: FloatArray  # (L,) rising, > 0


class Held(NamedTuple):
    """What a model says of a function's cells, beside their simulation."""

    function: Asked
    model: str
    rejection: FloatArray  # (L, N)
    supported: BoolArray  # (L, N) whether the model speaks of what it knows
    simulated: list[list[Steady]]  # (L, N)

    @property
    def error(self) -> FloatArray:
        """`(L, N)` the model less the simulation."""
        return self.rejection - self.of("rejection")

    @property
    def unsafe(self) -> BoolArray:
        """`(L, N)` where the model promises less rejection than there is, beyond chance and by more than 0.01."""
        beyond = np.maximum(LEAST_UNSAFE, STANDARD_ERRORS * self.of("standard_error"))
        unsafe: BoolArray = self.supported & (-self.error > beyond)
        return unsafe

    def of(self, name: str) -> FloatArray:
        """`(L, N)` what is so called of the simulation."""
        return np.array([[getattr(cell, name) for cell in row] for row in self.simulated])


def asked_of(config: InstanceConfig, source: Trace, rates: int) -> list[Asked]:
    """What a node's functions may be asked, over the whole trace and its noise.

    Args:
        config: the instance.
        source: its workload.
        rates: how many, evenly from the least to the largest.

    Raises:
        DataError: there is no traffic, or there are more replicas than choices.
        UsageError: settings are of a function that is not there.
    """
    check_functions(config, source.functions)
    caps = caps_of(source, config).max(0)
    if caps.max() > MOST_REPLICAS:
        raise DataError(f"the trace's column max_replicas goes up to {caps.max()}, beyond {MOST_REPLICAS} replicas")
    if not source.actual_rate_rps.any():
        raise DataError("the trace has no traffic: there is nothing to simulate")
    alike: dict[tuple[Service, float], list[int]] = {}
    for function in np.flatnonzero(source.actual_rate_rps.any(0)):
        own = config.of(source.functions[function])
        service = Service(own.warm_service_time, own.cold_service_time, own.idle_timeout)
        alike.setdefault((service, own.tolerance), []).append(int(function))
    found = []
    for (service, tolerance), those in alike.items():
        seen = source.actual_rate_rps[:, those]
        low, high = seen[seen > 0.0].min() * (1.0 - config.noise), seen.max() * (1.0 + config.noise)
        name = _named([source.functions[function] for function in those])
        found.append(Asked(name, service, tolerance, int(caps[those].max()), np.unique(np.linspace(low, high, rates))))
    return found


def held_to_simulation(
    functions: Sequence[Asked], measured: MeasuredModel | None, standard_error: float, seed: int
) -> list[Held]:
    """Every model of every function, held to the simulation of its cells.

    Args:
        functions: what they may be asked.
        measured: what was measured of the node, if that is to be held to the simulation, too.
        standard_error: of the rejection simulated; see `steady`.
        seed: every cell has a stream of its own, whatever others there are.
    """
    found = []
    for function in functions:
        cells = [
            [_simulated(function, float(rate), n, standard_error, seed) for n in range(1, function.replicas + 1)]
            for rate in function.rates_rps
        ]
        for model in _models(function.service, measured):
            rejection = model.rejection_probability(function.rates_rps, function.replicas)
            known = np.ones(rejection.shape, dtype=np.bool_)
            if isinstance(model, MeasuredModel):
                known = model.supported(function.rates_rps, function.replicas)
            found.append(Held(function, model.name, rejection, known, cells))
    return found


def validation_rows(held: Held) -> Iterator[list[Any]]:
    """Rows of validation.csv."""
    unsafe = held.unsafe
    for (at, n), rejection in np.ndenumerate(held.rejection):
        cell, rate = held.simulated[at][n], float(held.function.rates_rps[at])
        yield [
            *(held.function.name, held.model, rate, n + 1, float(rejection), *cell[:4], cell.requests),
            *(int(held.supported[at, n]), int(unsafe[at, n])),
        ]


def validated(held: Held) -> dict[str, Any]:
    """How far a model is from the simulation, where most, and what that means for a plan at the tolerance."""
    error, known, unsafe = held.error, held.supported, held.unsafe
    facts: dict[str, Any] = {"function": held.function.name, "model": held.model, "cells": int(known.sum())}
    facts |= {"mean_absolute_error": _mean(np.abs(error[known])), **_at(held, np.where(known, np.abs(error), -1.0))}
    facts |= {"unsafe_cells": int(unsafe.sum()), **_worst(held, np.where(unsafe, -error, -1.0))}
    return {name: facts.get(name) for name in VALIDATED} | _planned(held)


def unsafe_warning(row: dict[str, Any]) -> str | None:
    """One line where a model errs on the unsafe side, else None; see `validated`."""
    if not row["unsafe_cells"]:
        return None
    choice = f"`mamo run-mamo --rejection-model {SimulationModel.name}`"
    safe = "" if row["model"] == MeasuredModel.name else f"; {choice} is the safe choice"
    return (
        f"{row['model']} promises less rejection than there is at {row['unsafe_cells']} of {row['cells']} rates and "
        f"replicas of {row['function']}: worst at {row['worst_at_rate_rps']:.4g} requests/s and "
        f"{row['worst_at_replicas']} replicas, {row['worst_rejection_model']:.3f} where simulation gives "
        f"{row['worst_rejection_simulated']:.3f} (standard error {row['worst_standard_error']:.1g}){safe}"
    )


def replicas_for(rejection: FloatArray, tolerance: float) -> FloatArray:
    """`(L,)` the least number of replicas that keeps the tolerance, one more than there are where none does."""
    holds = rejection <= tolerance
    least: FloatArray = np.where(holds.any(-1), holds.argmax(-1), holds.shape[-1]) + 1.0
    return least


def _planned(held: Held) -> dict[str, Any]:
    needed = replicas_for(held.of("rejection"), held.function.tolerance)
    planned = replicas_for(held.rejection, held.function.tolerance)
    known = held.supported.any(-1)
    can = known & (needed <= held.function.replicas)
    return {
        "tolerance": held.function.tolerance,
        "rates_held": int(can.sum()),
        "replicas_mape": _mean(np.abs(planned - needed)[can] / needed[can]),
        "rates_short": int((planned < needed)[known].sum()),
    }


def _at(held: Held, size: FloatArray) -> dict[str, Any]:
    place = np.unravel_index(int(size.argmax()), size.shape)
    if size[place] < 0.0:
        return {}
    rate, replicas = float(held.function.rates_rps[place[0]]), int(place[1]) + 1
    return {
        "largest_error": float(held.error[place]),
        "largest_at_rate_rps": rate,
        "largest_at_replicas": replicas,
    }


def _worst(held: Held, size: FloatArray) -> dict[str, Any]:
    place = np.unravel_index(int(size.argmax()), size.shape)
    if size[place] < 0.0:
        return {"worst_unsafe": 0.0}
    cell = held.simulated[place[0]][place[1]]
    return {
        "worst_unsafe": float(size[place]),
        "worst_at_rate_rps": float(held.function.rates_rps[place[0]]),
        "worst_at_replicas": int(place[1]) + 1,
        "worst_rejection_model": float(held.rejection[place]),
        "worst_rejection_simulated": cell.rejection,
        "worst_standard_error": cell.standard_error,
    }


def _simulated(function: Asked, rate_rps: float, replicas: int, standard_error: float, seed: int) -> Steady:
    rng = stream(seed, "validation", function.name, repr(rate_rps), str(replicas))
    return steady(rate_rps, replicas, function.service, standard_error, rng)


def _models(service: Service, measured: MeasuredModel | None) -> list[RejectionModel]:
    serverless = ServerlessModel(service.warm_s, service.cold_s, service.idle_timeout_s)
    return [ErlangModel(service.warm_s), serverless, *([] if measured is None else [measured])]


def _named(functions: Sequence[str]) -> str:
    more = len(functions) - MOST_NAMED
    return "+".join([*functions[:MOST_NAMED], *([f"{more}-more"] if more > 0 else [])])


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")
