"""Columns that count the same requests twice: a total among its parts, one rate in two units, a metric among functions.

What is added up twice looks like any other workload afterwards, so it is asked about before.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.options import Options
from mamo_cli.workload.resampling import Samples
from mamo_cli.workload.trace import FloatArray

_TOTALS = re.compile(r"(grand |all )?totals?|all|sum|overall|aggregated?|everything|\(all\)", re.I)
# A function is called after what it does; a column so named holds requests of all.
_GENERIC = re.compile(
    r"(num(ber)?_?(of_?)?)?(http_?)?(requests?|reqs?|invocations?|hits|calls)(_?(count|total|s|sec|rate|per_sec(ond)?))?"
    r"|counts?|n|rps|qps|tps|req(uest)?s? ?/ ?s(ec)?|rate",
    re.I,
)
_UNITS = (60.0, 1000.0, 3600.0)
_LEAST_ROWS, _OFF, _SHARE = 8, 0.005, 0.99
_MOST_NAMED = 8


def ask_of_overlaps(path: Path, names: Sequence[str], samples: Samples, options: Options, *, by_column: bool) -> None:
    """Ask which functions are meant where some hold requests of others.

    Args:
        path: the file.
        names: of its F functions.
        samples: their values (N, F).
        options: where functions are named, the user knows.
        by_column: whether each function is a column.

    Raises:
        ChoiceError: they do.
    """
    if options.function or len(names) < 2:
        return
    for name, why in _suspects(names, samples, by_column=by_column):
        others = [other for other in names if other != name]
        answers = [
            (only([name]), f"only {name}"),
            (only(others), f"all but {name}"),
            (only(names), "all of them, added up"),
        ]
        if len(names) > _MOST_NAMED:
            answers[1:] = [
                (only(others[:1]), f"only {others[0]}, or whichever are functions, each with its --function")
            ]
        raise ChoiceError(f"{path}: {why}: which are functions?", answers)


def only(names: Sequence[str]) -> list[str]:
    """Return the options that choose these functions."""
    return [word for name in names for word in ("--function", name)]


def named_for_all(name: str) -> bool:
    """Whether a column is named as requests, whosever they are, and not after a function."""
    return _GENERIC.fullmatch(name.strip()) is not None


def _suspects(names: Sequence[str], samples: Samples, *, by_column: bool) -> Iterator[tuple[str, str]]:
    """Yield a function that holds requests of others, and why it seems so."""
    for name in names:
        if _TOTALS.fullmatch(name.strip()):
            yield name, f"{name} is named as the sum of others"
    value = samples.value[~np.isnan(samples.value).any(axis=1)]
    if len(value) >= _LEAST_ROWS:
        for index in _sums(value):
            yield names[index], f"{names[index]} is the sum of all others in every row"
        for one, other, factor in _multiples(value, samples.spacing_ns / 1e9):
            yield names[one], f"{names[one]} is {factor:g} times {names[other]} in every row"
    generic = [name for name in names if named_for_all(name)]
    if by_column and generic and len(generic) < len(names):
        others = ", ".join(name for name in names if name not in generic)
        yield generic[0], f"{generic[0]} is named as requests of all, beside {others}"


def _sums(value: FloatArray) -> Iterator[int]:
    """Yield the functions of (N, F), three or more, that are the sum of all others."""
    total = value.sum(axis=1)
    if (value.sum(axis=0) > 0).sum() < 3:
        return
    for index in range(value.shape[1]):
        one = value[:, index]
        if np.ptp(one) > 0 and _alike(one, total - one):
            yield index


def _multiples(value: FloatArray, spacing_s: float) -> Iterator[tuple[int, int, float]]:
    """Yield (one, other, factor) where one function is another in the unit of a longer time, or of thousands."""
    sums = value.sum(axis=0)
    order = np.argsort(sums)
    for factor in dict.fromkeys((*_UNITS, spacing_s)):
        if factor == 1:
            continue
        for other in order[sums[order] > 0]:
            wanted = sums[other] * factor
            low, high = np.searchsorted(sums[order], (wanted * (1 - _OFF), wanted * (1 + _OFF)))
            for one in order[low:high]:
                if np.ptp(value[:, one]) > 0 and _alike(value[:, one], factor * value[:, other]):
                    yield int(one), int(other), factor


def _alike(one: FloatArray, other: FloatArray) -> bool:
    near = np.abs(one - other) <= _OFF * np.maximum(np.abs(one), np.abs(other))
    return bool(near.mean() >= _SHARE)
