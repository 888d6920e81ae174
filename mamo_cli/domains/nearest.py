"""What is played where something is asked for that may not be chosen: the same rule wherever requests are executed."""

import numpy as np

from mamo_cli.core.arrays import BoolArray, IntArray


def nearest(wanted: IntArray, mask: BoolArray) -> IntArray:
    """Choices `(...)` that a mask `(..., C)` allows, nearest to those wanted, 0..C-1, the lower of two."""
    choices = mask.shape[-1]
    distance = np.abs(np.arange(choices) - wanted[..., None])
    return np.asarray(np.where(mask, distance, choices).argmin(-1))
