"""Functions compiled to machine code by Numba, and what keeps their inputs and their cache in order.

An update is a dozen small products of matrices and many small irregular steps (a walk down a tree, a table looked up).
As tensor operations each would cost more in dispatch than in work. Compiled, they are plain loops around calls of
BLAS, one member after another: a member's numbers cannot depend on how many others there are.

A compiled function may use others of any module, and may be made of parts that a function around it was given. The
machine code is kept beside its source, or where that cannot be written in a folder of the user's (see `folders`), under
the digest of all the sources it was made from: code of another version or of other parts is never taken for the present
one.
"""

import functools
import hashlib
import inspect
import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, ClassVar, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray

from mamo_cli.core import folders

_CACHE_FAILURES = (OSError, EOFError, pickle.UnpicklingError)
_LEFT_OUT = ("numpy", "math", "numba")  # modules whose version Numba's own key knows, or whose functions it makes
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of NumPy arrays and scalars at its first call, with IEEE arithmetic in the order written.

    It does not hold the interpreter, so that other threads go on meanwhile. Indices are not checked: see `put_back`.
    """
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(function)
    cache = _cache_of(function)
    if cache is not None:
        dispatcher._cache = cache
    if function.__closure__:
        # The linker knows functions by name and by how many their process compiled before: of those with other parts,
        # kept by two processes, two could bear one name in a third ("'descr' is NULL").
        function.__qualname__ += f"_{content_digest(function)[:16]}"
    return cast(F, dispatcher)


def put_back(place: NDArray[Any], saved: Any) -> None:
    """Copy a saved array or tensor into the array it was saved from; compiled code trusts the shapes of its arrays.

    Raises:
        ValueError: it has another shape or type; NumPy alone would repeat it to fill the place, or round it.
    """
    values = np.asarray(saved)
    if (values.shape, values.dtype) != (place.shape, place.dtype):
        raise ValueError(f"{values.dtype} of shape {values.shape} stands where {place.dtype} {place.shape} belongs")
    place[...] = values


def _cache_of(function: Callable[..., Any]) -> "_Cache | None":
    """What keeps a function's machine code, or None where no folder can be written, which is said once."""
    settings: Any = numba.config
    configured = settings.CACHE_DIR  # where Numba looks first; then beside the source
    for folder in (configured, folders.for_caches()):
        settings.CACHE_DIR = "" if folder is None else str(folder)
        try:
            return _Cache(function)  # type: ignore[no-untyped-call]
        except RuntimeError:  # neither can be written
            continue
        finally:
            settings.CACHE_DIR = configured
    _say_that_nothing_is_kept()
    return None


@functools.cache
def _say_that_nothing_is_kept() -> None:
    logging.getLogger("mamo_cli").info(
        "no folder can be written to keep compiled code in: it is compiled at every start, some ten seconds; "
        "set NUMBA_CACHE_DIR to a folder that can"
    )


class _Places(CompileResultCacheImpl):
    """Where code may be kept: all that Numba knows but a user's folder, which may be one named `~`."""

    _locator_classes: ClassVar = [  # type: ignore[misc]
        one for one in CompileResultCacheImpl._locator_classes if not one.__name__.endswith("UserWideCacheLocator")
    ]


class _Cache(FunctionCache):
    """A cache keyed by content; what a full disk or a torn file keeps from it is compiled anew."""

    _impl_class = _Places

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with suppress(*_CACHE_FAILURES):
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(*_CACHE_FAILURES):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        # Numba's own key knows a function's bytecode, but not that of the functions it calls.
        return sig, codegen.magic_tuple(), content_digest(self._py_func)


@functools.cache
def content_digest(function: Any) -> str:
    """Digest of all that a function's machine code is made from, however it is reached.

    That is the modules of the compiled functions and tuples it uses, by name or as parts closed over, and the values of
    the plain constants it takes from elsewhere.
    """
    files = {__file__}  # of how it is named, too
    constants: set[str] = set()
    waiting, known = [function], {function}
    while waiting:
        one = waiting.pop()
        files.add(inspect.getfile(one))
        for name, value in _used(one):
            if isinstance(value, Dispatcher | FunctionType):
                inner = value.py_func if isinstance(value, Dispatcher) else value
                if inner not in known:
                    known.add(inner)
                    waiting.append(inner)
            elif isinstance(value, type) and value.__module__ != "builtins":
                files.add(inspect.getfile(value))
            elif not isinstance(value, ModuleType):
                constants.add(f"{name}={value!r}")
    parts = [_file_digest(path) for path in sorted(files)]
    return hashlib.sha256("\n".join([*parts, *sorted(constants)]).encode()).hexdigest()


def _used(function: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of what a function takes from its module, from modules named in it, and from around it."""
    code = function.__code__
    if function.__closure__ is not None:
        for name, cell in zip(code.co_freevars, function.__closure__, strict=True):
            yield name, cell.cell_contents
    names = set(_names(code))
    waiting = [(name, function.__globals__[name]) for name in names & function.__globals__.keys()]
    entered = set()
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, ModuleType) and value not in entered and value.__name__.partition(".")[0] not in _LEFT_OUT:
            entered.add(value)
            waiting += [(f"{path}.{inner}", getattr(value, inner)) for inner in names if hasattr(value, inner)]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@functools.cache
def _file_digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
