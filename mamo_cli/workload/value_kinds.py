"""Rates or counts? What names and numbers tell, and the question where they do not."""

import re
from collections.abc import Sequence

import numpy as np

from mamo_cli.core.errors import DataError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.resampling import Samples, increases
from mamo_cli.workload.tables import Table

_COUNT_NAMES = re.compile(
    r"(^|[^a-z])(sum|counts?|total|totals|requests?|invocations?|hits|calls|visits|num|number|n)($|[^a-z])|_total$",
    re.I,
)
_RATE_NAMES = re.compile(r"rps|qps|tps|rate|/ ?s(ec)?($|[^a-z])|per.?sec|per.?s($|[^a-z])|_ps$|hz$|throughput", re.I)
_OTHER_UNITS = re.compile(r"rpm|(/ ?|per.?|a )(min|hour|day)|/ ?h($|[^a-z])|k(req|rps|qps)", re.I)
_VAGUE_NAMES = re.compile(r"throughput", re.I)
_MANY_ROWS = 8
# Rows closer than this count about what they rate.
_LONG_S = 2


def values_of(table: Table, names: Sequence[str], samples: Samples) -> str:
    """Return what values are where names or numbers tell; rates where nothing speaks against it.

    Args:
        table: the file.
        names: of the columns that hold them.
        samples: the values.

    Raises:
        DataError: they are named as of another unit.
        ChoiceError: they may be counts.
    """
    others = [name for name in names if _OTHER_UNITS.search(name)]
    if others:
        raise DataError(
            f"{table.path}: the column {others[0]} is named as another unit than requests/s: turn its values into "
            "requests/s; --values rate says that they are"
        )
    vague = [name for name in names if _VAGUE_NAMES.fullmatch(name.strip())]
    if vague:
        raise DataError(
            f"{table.path}: the column {vague[0]} may be requests a minute, as New Relic's is: turn its values into "
            "requests/s; --values rate says that they are"
        )
    if all(_RATE_NAMES.search(name) for name in names):
        return "rate"
    value, seconds = samples.value, samples.spacing_ns / 1e9
    named = [name for name in names if _COUNT_NAMES.search(name) and not _RATE_NAMES.search(name)]
    known = value[~np.isnan(value)]
    whole = bool((known == np.floor(known)).all()) and seconds > _LONG_S
    rising = whole and _rising(samples)
    if not (named or whole):
        return "rate"
    why = f"all its values are whole numbers, {seconds:g} s apart"
    if named:
        why = f"the column {named[0]} is named as a count"
    elif rising:
        why = "its values never fall, as a counter's do"
    mean = float(np.nansum(value, axis=1).mean())
    answers = [
        (["--values", "rate"], f"each value is requests/s: {mean:.4g} requests/s on average"),
        (["--values", "count"], f"each value counts requests in {seconds:g} s: {mean / seconds:.4g} requests/s"),
    ]
    if rising:
        rise = float(np.nansum(increases(samples).value, axis=1).mean()) / seconds
        answers.append((["--values", "counter"], f"requests since a start: {rise:.4g} requests/s"))
    raise ChoiceError(f"{table.path}: rates or counts? {why}", answers)


def _rising(samples: Samples) -> bool:
    """Whether a column never falls, and rises."""
    if len(samples.value) < _MANY_ROWS:
        return False
    filled = np.nan_to_num(samples.value)
    return bool(((np.diff(filled, axis=0) >= 0).all(axis=0) & (filled[-1] > filled[0])).any())
