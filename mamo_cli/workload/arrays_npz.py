"""Arrays by name in one .npz file, read without executing anything of it."""

import hashlib
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import DataError
from mamo_cli.core.storage import reason, replace_bytes

MOST_BYTES = 1 << 28
"""Of all arrays of a file, as they are in memory."""

NO_ARRAYS = (ValueError, EOFError, OSError, RuntimeError, IndexError, struct.error, zlib.error, zipfile.BadZipFile)
"""What NumPy and zipfile raise of a file that is damaged, or of none of theirs."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Arrays of finite numbers and the file's name."""

    name: str
    arrays: Mapping[str, FloatArray]

    def digest(self) -> str:
        """Sha256 (hex) of all arrays and their names; the file's own changes nothing."""
        sha = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            sha.update(repr((name, array.shape)).encode())
            sha.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return sha.hexdigest()


def read_arrays(path: str | Path, names: Sequence[str]) -> Arrays:
    """Return the arrays of these names, and no others, in a file.

    Raises:
        DataError: the file is unreadable, lacks an array, or one holds what is no finite number; says where.
    """
    found = read_all_arrays(path).arrays
    for name in names:
        if name not in found:
            raise DataError(f"{path}: has no array {name}: it needs {', '.join(names)}")
    return Arrays(str(path), {name: found[name] for name in names})


def read_all_arrays(path: str | Path) -> Arrays:
    """Return all arrays in a file.

    Raises:
        DataError: the file is unreadable, or one holds what is no finite number; says where.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    try:
        found = _arrays(path, data)
    except NO_ARRAYS as error:
        raise DataError(f"{path}: no .npz file of plain arrays ({type(error).__name__})") from None
    return Arrays(str(path), {name: _numbers(path, name, array) for name, array in found.items()})


def _arrays(path: str | Path, data: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if max(sum(entry.file_size for entry in entries), len(data)) > MOST_BYTES:
            raise DataError(f"{path}: all arrays together have at most {MOST_BYTES} bytes")
        return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}


def _array(data: bytes) -> NDArray[Any]:
    """One array, for which no more room is made than its own bytes take."""
    content = io.BytesIO(data)
    version = np.lib.format.read_magic(content)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(content)
    if dtype.hasobject or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > len(data):
        raise ValueError("objects, or more than there is")
    content.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
    return array


def write_arrays(arrays: Arrays, path: Path) -> None:
    """Write what `read_arrays` returns, to the digest.

    Raises:
        StorageError: the disk is full, read-only or failing.
    """
    data = io.BytesIO()
    np.savez_compressed(data, allow_pickle=False, **arrays.arrays)
    replace_bytes(path, data.getvalue())


def _numbers(path: str | Path, name: str, array: NDArray[Any]) -> FloatArray:
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path}: {name} must hold numbers, got {array.dtype}")
    numbers = array.astype(np.float64)
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise DataError(f"{path}: {name}[{place}] must be finite, got {numbers[tuple(bad[0])]}")
    return numbers
