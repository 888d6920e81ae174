"""What a simulated pool did: counts and sums, and how response times are distributed.

A tally is an array of `TALLY` float64 (counts are whole), a histogram one of `BINS` int64; both are added to, so that
a period played in ticks has one of each. Nothing arrived: shares and means are 0.
"""

import math

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled

ARRIVED, REJECTED, COLD, SLOW, RESPONSE_S, BUSY_S, WARM_S = range(7)
"""Requests that arrived, were rejected, were served on a replica that started for them, took longer than the limit;
sum of the response times of the served, s; replica-seconds spent serving, and spent existing."""
TALLY = 7

_BITS_OF_MANTISSA, _BINS_PER_OCTAVE, _OCTAVES = 52, 32, 128
BINS = _OCTAVES * _BINS_PER_OCTAVE
"""32 bins of equal width between a power of two seconds and the next, from 2^-64 to 2^64 s."""
_KEPT = np.int64(_BITS_OF_MANTISSA - 5)
_OFFSET = np.int64((1023 - _OCTAVES // 2) * _BINS_PER_OCTAVE)


@compiled
def served(tally: FloatArray) -> float:
    """Requests that were served."""
    return float(tally[ARRIVED] - tally[REJECTED])


@compiled
def share(part: float, whole: float) -> float:
    """Part of a whole; 0 of nothing."""
    return part / whole if whole > 0.0 else 0.0


@compiled
def bin_of(seconds: float) -> int:
    """The bin of a time: its binary exponent and the first five bits of what follows."""
    place = int((np.float64(seconds).view(np.int64) >> _KEPT) - _OFFSET)
    return min(max(place, 0), BINS - 1)


@compiled
def percentile(histogram: IntArray, part: float) -> float:
    """The time that this part of the requests did not exceed, s, linear within its bin; 0 where there are none.

    A bin is at most 1/32 of its times wide, and the error a small part of that.
    """
    wanted = part * histogram.sum()
    below = 0
    for place in range(BINS):
        if histogram[place] > 0 and below + histogram[place] >= wanted:
            inside = (wanted - below) / histogram[place]
            octave, position = divmod(place, _BINS_PER_OCTAVE)
            start: float = math.ldexp(1.0 + (position + inside) / _BINS_PER_OCTAVE, octave - _OCTAVES // 2)
            return start
        below += histogram[place]
    return 0.0
