"""Means over steps of what need not be there at every step, such as the response time of a period without requests."""

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.words import Words


def mean_of_known(values: FloatArray, axis: int | None = None) -> FloatArray:
    """The mean of the values that are numbers; NaN where none is. Of numbers alone it is NumPy's to the last bit."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis) / known.sum(axis))


def of_measures(means: FloatArray, words: Words) -> FloatArray:
    """Means of measures `(..., Q)` as they are told: NaN, and so blank, of those that have none to tell."""
    told = np.array(means)
    told[..., words.nominal] = np.nan
    return told
