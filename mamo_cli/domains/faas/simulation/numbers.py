"""Random numbers of a simulation: number i of a 64-bit seed is a hash of seed + i, so a seed is all that is kept.

This is SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
"""

import math

import numpy as np

from mamo_cli.core.compiled import compiled

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # added to the state from number to number
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_27, _30, _31, _12 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(12)


@compiled
def mixed(state: np.uint64) -> np.uint64:
    """The 64 random bits of a state."""
    bits = (state ^ (state >> _30)) * _FIRST
    bits = (bits ^ (bits >> _27)) * _SECOND
    return bits ^ (bits >> _31)


@compiled
def exponential(state: np.uint64) -> float:
    """The state's number of the exponential distribution of mean 1, by inversion: finite and > 0."""
    return -math.log(((mixed(state) >> _12) + 0.5) * 2.0**-52)
