"""Values at points in time, turned into mean rates by control period."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import DataError
from mamo_cli.workload.options import DEFAULT_STEP_SECONDS, MAX_CELLS
from mamo_cli.workload.trace import FloatArray, IntArray

# A hundredth, for clocks that tick unevenly and for rounded decimals.
_UNEVEN = 0.01
GAP = 1.5
_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Samples:
    """Values of F functions at N points in time.

    Attributes:
        at_ns: (N,) nanoseconds, rising.
        value: (N, F), NaN where there is none.
        spacing_ns: from a row to the next, as most rows have it.
    """

    at_ns: IntArray
    value: FloatArray
    spacing_ns: int


@dataclass(frozen=True)
class Resampled:
    """Mean rates (T, F) by period, and what was left out at the end."""

    rate_rps: FloatArray
    step_seconds: float
    said: list[str] = field(default_factory=list)
    dropped: list[tuple[int, str]] = field(default_factory=list)


def spacing_of(at_ns: IntArray) -> int:
    """Return the nanoseconds from a row to the next, as most rows have it; 0 for a single row."""
    return int(np.quantile(np.diff(at_ns), 0.5, method="lower")) if len(at_ns) > 1 else 0


def refuse_months(path: Path, at_ns: IntArray) -> None:
    """Raise where rows stand a month or more apart by the calendar: a month would be taken as long as most others.

    Args:
        path: the file, for the message.
        at_ns: (N,) nanoseconds since 1970, rising.
    """
    spacing, steps = spacing_of(at_ns), np.diff(at_ns)
    if spacing < 28 * _DAY_NS - _DAY_NS // 2:
        return
    near = steps[steps < GAP * spacing]
    # Half a day, for zones: midnight of a zone may be the evening before in UTC.
    moments = (at_ns + _DAY_NS // 2).astype("datetime64[ns]").astype("datetime64[D]")
    days = moments - moments.astype("datetime64[M]").astype("datetime64[D]")
    if np.ptp(near) > _DAY_NS // 2 or len(np.unique(days)) == 1:
        raise DataError(
            f"{path}: its rows stand months apart, mostly {spacing / _DAY_NS:.0f} days, and months are not of one "
            "length: give the rows by day"
        )


def increases(samples: Samples) -> Samples:
    """Return what counters rose by from each row to the next; a fall is a restart from 0, as Prometheus takes it.

    Over missing values the rise is spread evenly, since a counter knows how much came and not when.
    """
    value = samples.value
    rise = np.zeros((len(value) - 1, value.shape[1]))
    for column in range(value.shape[1]):
        known = np.flatnonzero(~np.isnan(value[:, column]))
        counts = value[known, column]
        step = np.diff(counts)
        step = np.where(step < 0, counts[1:], step)
        for start, stop, total in zip(known[:-1], known[1:], step, strict=True):
            length = samples.at_ns[stop] - samples.at_ns[start]
            parts = np.diff(samples.at_ns[start : stop + 1]) / length
            rise[start:stop, column] = total * parts
        if len(known) < 2:
            rise[:, column] = math.nan
        else:
            rise[: known[0], column] = rise[known[-1] :, column] = math.nan
    return Samples(samples.at_ns[:-1], rise, samples.spacing_ns)


def missing_rows(samples: Samples) -> IntArray:
    """Return how many rows are missing after each row but the last, (N - 1,)."""
    steps, spacing = np.diff(samples.at_ns), samples.spacing_ns
    if not spacing:
        return np.zeros_like(steps)
    return np.where(steps > GAP * spacing, np.rint(steps / spacing).astype(np.int64) - 1, 0)


def evened(samples: Samples) -> Samples:
    """Return the values with a row of NaN for every row that is missing.

    Raises:
        DataError: too many are.
    """
    missing = missing_rows(samples)
    if (missing.sum() + len(samples.at_ns)) * samples.value.shape[1] > MAX_CELLS:
        raise DataError(f"{int(missing.sum())} rows are missing between its rows: take a part of the file")
    repeats = np.append(missing, 0) + 1
    index = np.repeat(np.arange(len(samples.at_ns)), repeats)
    within = np.arange(len(index)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    value = samples.value[index]
    value[within > 0] = np.nan
    return Samples(samples.at_ns[index] + within * samples.spacing_ns, value, samples.spacing_ns)


def filled(samples: Samples, fill: str) -> Samples:
    """Return the values with 0 for NaN, or with `hold` the value before it, 0 where there was none."""
    value = samples.value
    if fill == "hold":
        last = np.where(np.isnan(value), -1, np.arange(len(value))[:, None])
        last = np.maximum.accumulate(last, axis=0)
        value = np.where(last >= 0, np.take_along_axis(value, np.maximum(last, 0), axis=0), 0.0)
    return replace(samples, value=np.where(np.isnan(value), 0.0, value))


def resampled(samples: Samples, counted: bool, step_seconds: float | None) -> Resampled:
    """Return the mean rate of each control period, the first of which begins with the first row.

    Args:
        samples: without gaps.
        counted: whether a value counts requests until the next row; else it is requests/s.
        step_seconds: length of a period; None takes 300 s, or what is nearest to it that rows fill.

    Raises:
        DataError: rows are wider apart than a period, or do not fill one.
    """
    spacing_s = samples.spacing_ns / 1e9
    step = step_seconds or _default_step(spacing_s)
    if spacing_s > step * (1 + _UNEVEN):
        raise DataError(
            f"its rows are {spacing_s:g} s apart, more than one control period of {step:g} s: "
            f"use --step-seconds {spacing_s:g} or longer"
        )
    rows = max(round(step / spacing_s), 1) if spacing_s else 1
    if spacing_s and abs(rows * spacing_s - step) > _UNEVEN * step:
        return _uneven(samples, counted, step, spacing_s)
    periods = len(samples.value) // rows
    _check_length(periods, len(samples.value), spacing_s, step)
    value = samples.value[: periods * rows].reshape(periods, rows, -1)
    left = len(samples.value) - periods * rows
    rate = value.sum(axis=1) / step if counted else value.mean(axis=1)
    said = [f"{rows} rows of {spacing_s:g} s make one control period of {step:g} s"] if rows > 1 else []
    if step_seconds is None and spacing_s:
        said.append(f"the control period is {step:g} s, since --step-seconds is not given")
    return Resampled(rate, step, said, [(left, "rows of the last period, seen in part")] if left else [])


def _default_step(spacing_s: float) -> float:
    """300 s where rows fill it, else the nearest multiple of their spacing."""
    if not spacing_s:
        return DEFAULT_STEP_SECONDS
    rows = max(round(DEFAULT_STEP_SECONDS / spacing_s), 1)
    even = rows * spacing_s
    return DEFAULT_STEP_SECONDS if abs(even - DEFAULT_STEP_SECONDS) <= _UNEVEN * DEFAULT_STEP_SECONDS else even


def _uneven(samples: Samples, counted: bool, step: float, spacing_s: float) -> Resampled:
    """Rates averaged over whatever rows begin in a period; counts cannot be cut."""
    if counted:
        raise DataError(
            f"control periods of {step:g} s do not hold a whole number of its rows, {spacing_s:g} s apart, which "
            f"cannot be cut: use a multiple, such as --step-seconds {max(round(step / spacing_s), 1) * spacing_s:g}"
        )
    period = (samples.at_ns - samples.at_ns[0]) // round(step * 1e9)
    end = samples.at_ns[-1] + samples.spacing_ns - samples.at_ns[0]
    periods = int(end // round(step * 1e9))
    _check_length(periods, len(samples.value), spacing_s, step)
    whole = period < periods
    count = np.bincount(period[whole], minlength=periods)
    total = np.zeros((periods, samples.value.shape[1]))
    np.add.at(total, period[whole], samples.value[whole])
    left = int((~whole).sum())
    said = [f"{count.min()} to {count.max()} rows of {spacing_s:g} s are averaged into a control period of {step:g} s"]
    return Resampled(
        total / count[:, None], step, said, [(left, "rows of the last period, seen in part")] if left else []
    )


def _check_length(periods: int, rows: int, spacing_s: float, step: float) -> None:
    if periods == 0:
        raise DataError(
            f"its {rows} rows span {rows * spacing_s:g} s, less than one control period of {step:g} s: "
            "use a shorter --step-seconds"
        )
