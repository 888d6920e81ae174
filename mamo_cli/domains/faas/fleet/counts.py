"""What a node knows of its rate where nobody tells it: how many requests it counted before the period.

Requests come one by one, independently, at the rate that is expected of the period: a count is Poisson's, its mean the
rate times the seconds, and so is its variance. What is known is the count over the seconds.
"""

import numpy as np

from mamo_cli.core.arrays import FloatArray


def counted(rates_rps: FloatArray, seconds: float, rng: np.random.Generator) -> FloatArray:
    """Rates, requests/s, as they are counted over so many seconds each."""
    return np.asarray(rng.poisson(rates_rps * seconds) / seconds)
