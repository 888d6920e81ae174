"""Real workloads brought into the trace schema: read strictly, rescaled on request only, all noted."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.azure_2019 import read_azure_2019
from mamo_cli.workload.imported import Imported, function_names, note_text
from mamo_cli.workload.request_log import read_requests
from mamo_cli.workload.timestamps import MAX_SECONDS
from mamo_cli.workload.trace import FloatArray, Trace
from mamo_cli.workload.wide_table import read_wide

FORMATS = ("azure-2019", "requests", "wide")
FORECASTS = ("persistence", "perfect")


def import_trace(
    path: str | Path,
    format_name: str,
    *,
    step_seconds: float = 300.0,
    functions: Sequence[str] | None = None,
    forecast: str = "persistence",
    scale_to_peak: float | None = None,
    scale_to_mean: float | None = None,
    time_column: str | None = None,
    where: tuple[str, str] | None = None,
) -> Trace:
    """Return the workload in `path` as a trace; its notes say where it is from and all that was done to it.

    With the forecast `persistence` a controller expects the rate of the period before. The first period is then
    dropped, because nothing was seen before it. With `perfect` it expects the truth.

    Args:
        path: the file.
        format_name: `azure-2019`, `requests` or `wide`; each module of that name tells what it takes.
        step_seconds: length of a control period, in 1e-9..MAX_SECONDS.
        functions: which functions to keep, by name or beginning; None or nothing keeps all.
        forecast: `persistence` or `perfect`.
        scale_to_peak: wanted highest actual rate of all functions together, requests/s. One factor scales every
            rate, so that each function keeps its share.
        scale_to_mean: wanted mean actual rate of all functions together, requests/s, likewise.
        time_column: for `requests`, the column with the time.
        where: for `wide`, the (column, value) that a row must have.

    Raises:
        UsageError: an option is out of range, unknown, not for this format, or asks for what the file has not.
        DataError: the file is not in the format; one line `path:line:column: ...` for each fault.
    """
    if forecast not in FORECASTS:
        raise UsageError(f"--forecast must be one of {', '.join(FORECASTS)}, got {forecast!r}")
    if not 1e-9 <= step_seconds <= MAX_SECONDS:
        raise UsageError(f"--step-seconds must be in 1e-9..{MAX_SECONDS}, got {step_seconds!r}")
    source = Path(path)
    imported = _read(source, format_name, step_seconds, functions, time_column=time_column, where=where)
    expected, actual = _forecast(source, imported.rate_rps, forecast)
    factor, scale_notes = _scale(source, actual, scale_to_peak, scale_to_mean)
    with np.errstate(over="ignore"):  # the trace itself refuses what is no longer finite
        expected, actual = expected * factor, actual * factor
    return Trace(
        functions=function_names(imported.names),
        expected_rate_rps=expected,
        actual_rate_rps=actual,
        step_seconds=step_seconds,
        notes={
            "source": note_text(source.name),
            "format": format_name,
            **imported.notes,
            "forecast": forecast,
            **scale_notes,
        },
    )


def _read(
    path: Path,
    format_name: str,
    step_seconds: float,
    functions: Sequence[str] | None,
    *,
    time_column: str | None,
    where: tuple[str, str] | None,
) -> Imported:
    if time_column is not None and format_name != "requests":
        raise UsageError(f"--time-column is for the format requests only, got {format_name!r}")
    if where is not None and format_name != "wide":
        raise UsageError(f"--where is for the format wide only, got {format_name!r}")
    match format_name:
        case "azure-2019":
            return read_azure_2019(path, step_seconds, functions)
        case "requests":
            return read_requests(path, step_seconds, functions, time_column)
        case "wide":
            return read_wide(path, step_seconds, functions, where)
    raise UsageError(f"--format must be one of {', '.join(FORMATS)}, got {format_name!r}")


def _forecast(path: Path, rate: FloatArray, forecast: str) -> tuple[FloatArray, FloatArray]:
    """Return what is expected and what comes, (T, F) or with persistence (T - 1, F)."""
    if forecast == "perfect":
        return rate, rate
    if len(rate) < 2:
        raise DataError(
            f"{path}: one control period is too short for the forecast persistence, which looks at the one before: "
            "use a shorter --step-seconds or --forecast perfect"
        )
    return rate[:-1], rate[1:]


def _scale(
    path: Path, actual: FloatArray, scale_to_peak: float | None, scale_to_mean: float | None
) -> tuple[float, dict[str, str]]:
    """Return the one factor for all rates, and the notes that record it."""
    if scale_to_peak is not None and scale_to_mean is not None:
        raise UsageError("--scale-to-peak and --scale-to-mean exclude each other")
    with np.errstate(over="ignore"):
        total = actual.sum(axis=1)
        peak, mean = float(total.max()), float(total.mean())
    if scale_to_peak is not None:
        name, target, present = "peak", scale_to_peak, peak
    elif scale_to_mean is not None:
        name, target, present = "mean", scale_to_mean, mean
    else:
        return 1.0, {}
    if not (math.isfinite(target) and target > 0):
        raise UsageError(f"--scale-to-{name} must be a finite number of requests/s > 0, got {target!r}")
    factor = target / present if present > 0 else math.inf
    if not 0 < factor < math.inf:
        raise DataError(f"{path}: the {name} rate is {present:g} requests/s: it cannot be scaled to {target:g}")
    return factor, {f"scaled_to_{name}": repr(float(target)), "scale_factor": repr(factor)}
