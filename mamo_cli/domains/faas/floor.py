"""What a shield makes of choices: the one rule of the environments that stand under it and of a policy that is served.

The floor takes NumPy alone. Where functions share a memory, what fits is found by compiled code, imported for it.
"""

from importlib import import_module

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray

KNAPSACK = "mamo_cli.solvers.knapsack"


def replicas_for(enough: FloatArray, reading: FloatArray) -> IntArray:
    """Replicas `(..., F)` that readings `(..., F)` take; N where none are enough.

    Args:
        enough: `(F, N)` the largest reading for which n = 1..N replicas are enough.
        reading: what was counted, or what is feared to come.
    """
    least = 1 + (enough < reading[..., None]).sum(-1)
    return np.asarray(np.minimum(least, enough.shape[1]))


def raised(asked: IntArray, floor: IntArray, use: IntArray | None = None, budgets: IntArray | None = None) -> IntArray:
    """The choices `(rows, F)` that are played: the larger of what is asked and the floor.

    Where a memory does not hold it all, what is above the floors yields first; where it does not hold the floors, as
    few replicas as can be are short of them.

    Args:
        asked: `(rows, F)` choices within the caps.
        floor: `(rows, F)` choices within the caps.
        use: `(F, N)` units that each choice takes of the memory; None where there is none.
        budgets: `(rows,)` units that there are.
    """
    wanted = np.maximum(asked, floor)
    if use is None:
        return wanted
    choices = np.arange(use.shape[1])
    short, cut = (np.maximum(each[..., None] - choices, 0) for each in (floor, wanted))
    values = -(short * (1.0 + use.shape[0] * len(choices)) + cut)
    allowed = (cut > 0) | (choices == wanted[..., None])
    fitting = np.empty(wanted.shape, dtype=np.int64)
    import_module(KNAPSACK).best_within(values, allowed, use, budgets, fitting)
    return fitting
