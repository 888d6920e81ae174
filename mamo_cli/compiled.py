"""Loops over members compiled to machine code, for what is not a product of matrices: replay, equations, environments.

Small irregular steps (a walk down a tree, a table looked up) would each be several tensor kernels whose dispatch costs
more than their work. Compiled, they are plain loops, one member after another: a member's numbers cannot depend on
how many others there are.

Numba keeps the machine code in a cache beside the source, or in the user's cache folder. A function's entry there
notices changes of its own file only: a compiled function calls none of another module.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of NumPy arrays and scalars at its first call, with IEEE arithmetic in the order written.

    The interpreter is not held up meanwhile: a request to stop is heard during a long call.
    """
    make = partial(numba.njit, nogil=True, error_model="numpy")
    try:
        return cast(F, make(cache=True)(function))
    except RuntimeError:  # no folder to keep a cache in: compiled anew in every process
        return cast(F, make()(function))
