"""Arrays and texts in one file, which numpy.load reads too: the same content gives the same bytes.

A zip of members that are stored as they are: arrays as .npy, texts under their own names. What is read is looked at
before any room is made for it, and nothing of it is executed or evaluated.
"""

import io
import math
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 1 << 26
MOST_MEMBERS = 64
_ARRAY = ".npy"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can bear: the hour of writing is no part of a content
_HEADER = re.compile(rb"\{'descr': '(<f4|<f8|<i8)', 'fortran_order': False, 'shape': \(([0-9, ]{0,60})\), \} *\n")
_MAGIC = b"\x93NUMPY\x01\x00"


def packed(members: Mapping[str, NDArray[Any] | bytes]) -> bytes:
    """The file's bytes, members in their order; arrays are float32, float64 or int64."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name if isinstance(content, bytes) else name + _ARRAY, _DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same wherever it is written
            archive.writestr(entry, content if isinstance(content, bytes) else _npy(content))
    return data.getvalue()


def unpacked(data: bytes) -> dict[str, NDArray[Any] | bytes]:
    """The members of a file.

    Raises:
        ValueError: it is none of ours, or damaged; says what is wrong.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _refuse_odd(entries, len(data))
            return dict(_member(entry.filename, archive.read(entry)) for entry in entries)
    except (zipfile.BadZipFile, EOFError, IndexError, OSError, RuntimeError, struct.error) as error:
        raise ValueError(f"it is no whole zip file ({error or type(error).__name__})") from None


def _refuse_odd(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Let nothing pass that could take more room than the file itself."""
    if len(entries) > MOST_MEMBERS or len({entry.filename for entry in entries}) < len(entries):
        raise ValueError(f"it has more than {MOST_MEMBERS} members, or two of one name")
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError("its members are longer than the file")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"its member {entry.filename!r} is not stored as it is")


def _member(name: str, content: bytes) -> tuple[str, NDArray[Any] | bytes]:
    return (name.removesuffix(_ARRAY), _array(name, content)) if name.endswith(_ARRAY) else (name, content)


def _npy(array: NDArray[Any]) -> bytes:
    data = io.BytesIO()
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    np.lib.format.write_array(data, little.reshape(array.shape), version=(1, 0), allow_pickle=False)
    return data.getvalue()


def _array(name: str, content: bytes) -> NDArray[Any]:
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(content[len(_MAGIC) : start], "little")
    found = _HEADER.fullmatch(content[start:end])
    if not content.startswith(_MAGIC) or found is None:
        raise ValueError(f"its member {name!r} is no array of ours")
    kind, shape = np.dtype(found[1].decode()), tuple(int(part) for part in re.findall(rb"\d+", found[2]))
    if 0 in shape or math.prod(shape) * kind.itemsize != len(content) - end:
        raise ValueError(f"its member {name!r} has not the size that it says")
    return np.frombuffer(content, kind, offset=end).reshape(shape).astype(kind.newbyteorder("="))
