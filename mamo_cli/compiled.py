"""Loops over members compiled to machine code by Numba, and what keeps their inputs and their cache in order.

An update is a dozen small products of matrices and many small irregular steps (a walk down a tree, a table looked up).
As tensor operations each would cost more in dispatch than in work. Compiled, they are plain loops around calls of
BLAS, one member after another: a member's numbers cannot depend on how many others there are.

The machine code is kept in a folder named after the digest of the modules beside the one it comes from, next to them or
where the user keeps Numba's caches: code of another version is never taken for the present one. As the digest is of one
package, a compiled function uses nothing of another.
"""

import functools
import hashlib
import inspect
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numpy.typing import NDArray

_CACHE_FAILURES = (OSError, EOFError, pickle.UnpicklingError)
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of NumPy arrays and scalars at its first call, with IEEE arithmetic in the order written.

    It does not hold the interpreter, so that other threads go on meanwhile. Indices are not checked: see `put_back`.
    """
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(function)
    with suppress(RuntimeError), _cached_by_content(Path(inspect.getfile(function)).parent):  # no folder can be written
        dispatcher._cache = _Cache(function)  # type: ignore[no-untyped-call]
    return cast(F, dispatcher)


def put_back(place: NDArray[Any], saved: Any) -> None:
    """Copy a saved tensor into the array it was saved from; compiled code trusts the shapes of its arrays.

    Raises:
        ValueError: it has another shape or type; NumPy alone would repeat it to fill the place, or round it.
    """
    values = saved.numpy()
    if (values.shape, values.dtype) != (place.shape, place.dtype):
        raise ValueError(f"{values.dtype} of shape {values.shape} stands where {place.dtype} {place.shape} belongs")
    place[...] = values


class _Cache(FunctionCache):
    """A cache that neither a full disk nor a torn file stops: what cannot be kept or read is compiled anew."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with suppress(*_CACHE_FAILURES):
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(*_CACHE_FAILURES):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


@contextmanager
def _cached_by_content(package: Path) -> Iterator[None]:
    """Let Numba's cache be in a folder named after the content of a package's modules."""
    settings: Any = numba.config
    chosen = settings.CACHE_DIR
    base = Path(chosen) if chosen else package / "__pycache__"
    settings.CACHE_DIR = str(base / f"numba-{_digest(package)}")
    try:
        yield
    finally:
        settings.CACHE_DIR = chosen


@functools.cache
def _digest(package: Path) -> str:
    parts = (hashlib.sha256(path.read_bytes()).digest() for path in sorted(package.glob("*.py")))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]
