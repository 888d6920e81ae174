"""What a file is, from its first bytes: text, compressed text, a column store, or nothing that could be imported."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mamo_cli.core.errors import DataError

HEAD_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 20
_TEXT_BOMS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NOT_TABLES = (
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first (unzstd)"),
    (b"BZh", "compressed with bzip2: unpack it first (bunzip2)"),
    (b"\xfd7zXZ\0", "compressed with xz: unpack it first (unxz)"),
    (b"\x04\x22\x4d\x18", "compressed with lz4: unpack it first (unlz4)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first and import the file within"),
    (b"Rar!", "a rar archive: unpack it first and import the file within"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook: save the sheet as CSV"),
    (b"SQLite format 3\0", "an SQLite database: export the table as CSV"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file: export the table as CSV"),
    (b"\x93NUMPY", "a NumPy file: save the numbers as text (numpy.savetxt)"),
    (b"ARROW1", "an Arrow file: save it as Parquet or CSV"),
    (b"ORC", "an ORC file: save it as Parquet or CSV"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF document: no table can be read from it"),
    (b"\x80\x04", "a Python pickle, which is never opened: save the table as CSV"),
    (b"\x80\x05", "a Python pickle, which is never opened: save the table as CSV"),
)


@dataclass(frozen=True)
class Source:
    """A file that can be read.

    Attributes:
        path: the file.
        parquet: whether it is a column store; else it is text.
        compressed: whether the text is compressed with gzip.
        encoding: of the text; other than UTF-8 only where a byte order mark says so.
        head: the first part of the text, cut at a line end where there is one.
        whole: whether `head` is all there is.
    """

    path: Path
    parquet: bool
    compressed: bool
    encoding: str
    head: str
    whole: bool

    @contextmanager
    def text(self) -> Iterator[IO[str]]:
        """The whole text, line ends as they are.

        Raises:
            DataError: it cannot be read, or not in its encoding.
        """
        try:
            opening = gzip.open if self.compressed else open
            with (
                opening(self.path, "rb") as raw,
                io.TextIOWrapper(raw, self.encoding, errors="replace", newline="") as text,
            ):
                yield text
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{self.path}: cannot be read: {_reason(error)}") from error


def inspect(path: Path) -> Source:
    """Return what the file is.

    Raises:
        DataError: it cannot be read, is empty, or is of a kind that holds no table; the message names it.
    """
    raw = _first_bytes(path)
    if not raw:
        raise DataError(f"{path}:1:1: the file is empty: a header and rows are needed")
    _refuse_known(path, raw)
    if raw.startswith(b"PAR1"):
        return Source(path, True, False, "", "", False)
    compressed = raw.startswith(b"\x1f\x8b")
    if compressed:
        raw = _unpacked(path)
        _refuse_known(path, raw, "within the gzip file, ")
    encoding = next((name for mark, name in _TEXT_BOMS if raw.startswith(mark)), "utf-8-sig")
    head, whole = raw[:HEAD_BYTES], len(raw) <= HEAD_BYTES
    if encoding == "utf-8-sig":
        _refuse_binary(path, head)
    text = head.decode(encoding, errors="replace")
    cut = text.rfind("\n") + 1
    return Source(path, False, compressed, encoding, text if whole or not cut else text[:cut], whole)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {_reason(error)}") from error
    except ValueError as error:  # a path with a NUL byte
        raise DataError(f"{str(path)!r}: cannot be read: {error}") from error


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path, "rb") as file:
            return file.read(HEAD_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: a gzip file that is damaged or cut off: {_reason(error)}") from error


def _refuse_known(path: Path, raw: bytes, where: str = "") -> None:
    if raw.startswith(b"PK\x03\x04"):
        office = b"[Content_Types].xml" in raw or b"xl/" in raw
        what = (
            "an Excel workbook: save the sheet as CSV" if office else "a zip archive: unpack it, import what is within"
        )
        raise DataError(f"{path}: {where}this is {what}")
    if raw[257:262] == b"ustar":
        raise DataError(f"{path}: {where}this is a tar archive: unpack it first and import the file within")
    for magic, what in _NOT_TABLES:
        if raw.startswith(magic):
            raise DataError(f"{path}: {where}this is {what}")


def _refuse_binary(path: Path, head: bytes) -> None:
    """Refuse what holds a NUL byte, as no text does; a whole head without a line end may still be a list of numbers."""
    at = head.find(b"\0")
    if at < 0:
        return
    line = head.count(b"\n", 0, at) + 1
    start = head.rfind(b"\n", 0, at) + 1
    column = head.count(b",", start, at) + 1
    raise DataError(f"{path}:{line}:{column}: there is a NUL byte: this is no text")


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
