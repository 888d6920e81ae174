"""The log of decisions, which is also all that a server remembers: append only, each line chained to the one before.

A line is a JSON object that ends in `"previous"`, the digest of the line before (of the first, zeros), and `"digest"`,
the sha256 (hex) of the line without it. Whoever changes, drops or moves a line breaks the chain there; who cuts lines
off its end does not, and is found out by the count and head that were written down elsewhere, such as by Prometheus. A
line is one write: a process that is killed leaves it whole or not there. On the disk it is before `append` returns,
unless another was put there within the second before: a power cut loses at most what was decided within `SYNC_SECONDS`
of a decision that it does not lose, as of a server that is asked often. What it tears, the last line, or leaves as NUL
bytes behind it, is cut off when the log is opened. One process at a time writes a log, which holds its flock.
"""

import errno
import fcntl
import hashlib
import json
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic_core import to_json

from mamo_cli.core.errors import CheckpointError, DataError, LockedError, StorageError
from mamo_cli.core.storage import reason, storage_errors, sync_folder

ORIGIN = "0" * 64
"""The head of a log without lines."""
LONGEST = 1 << 20
"""Bytes of a line."""
SYNC_SECONDS = 1.0
"""Between two waits for the disk, each some ms: a decision a period waits for its own."""
WRITTEN_SECONDS = 0.1
"""After which a line that is being written is there."""
BITS = 52
_END = re.compile(rb',"previous":"([0-9a-f]{64})","digest":"([0-9a-f]{64})"\}')
_SEALED = len(b',"digest":""}') + 64
_START = b'{"number":%d,'


@dataclass(frozen=True)
class Checked:
    """A log that checks: how many lines it has, and the digest of the last."""

    count: int
    head: str

    @property
    def number(self) -> int:
        """The first bits of the head as a whole number, which a float holds exactly."""
        return int(self.head, 16) >> (4 * len(self.head) - BITS)


def check(path: Path) -> Checked:
    """Read a log from its first line to its last, though it may be written meanwhile.

    Raises:
        DataError: it cannot be read; or names the first line that was changed, is missing or stands in a wrong place.
    """
    found = Checked(0, ORIGIN)
    try:
        with path.open("rb") as file:
            for line in _lines(file):
                rest = b""
                if not line.endswith(b"\n"):  # it may be written just now
                    time.sleep(WRITTEN_SECONDS)
                    rest = file.readline(LONGEST + 1)
                found = _next(found, line + rest, f"{path}:{found.count + 1}")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return found


class DecisionLog:
    """A log that is open to be written, by this process alone; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open a log, or begin one; all its lines are checked, a second for some 60 MB.

        Raises:
            LockedError: another process writes it.
            CheckpointError: a line was changed, is missing or stands in a wrong place, which is named; or it is no log.
            StorageError: the disk refuses.
        """
        self.path = path
        self._size, self._synced, self._waiting = 0, -math.inf, False
        self.notice: str | None = None
        """What was cut off when it was opened, if anything was."""
        with storage_errors(path):
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
            if os.fstat(self._file).st_size == 0:
                with storage_errors(path):
                    sync_folder(path.parent)  # its name may be new
            self.last, self.checked = self._end()
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """Lines that there are."""
        return self.checked.count

    @property
    def head(self) -> str:
        """Digest (hex) of the last line."""
        return self.checked.head

    def append(self, entry: Mapping[str, Any]) -> str:
        """Write a line of plain values; its number stands before them, its chain after.

        Returns:
            Its digest, the log's head from now on.

        Raises:
            StorageError: the disk refuses; nothing is written then.
        """
        numbered = {"number": self.count + 1, **entry, "previous": self.head}
        text = to_json(numbered)  # pydantic's, as json takes a fifth of a decision's time
        digest = hashlib.sha256(text).hexdigest()
        self._write(b'%b,"digest":"%b"}\n' % (text[:-1], digest.encode()))
        self.last, self.checked = numbered, Checked(self.count + 1, digest)
        return digest

    def close(self) -> None:
        """Let go of the file and its lock."""
        if self._file >= 0:
            if self._waiting:
                with suppress(OSError):  # more was not promised
                    os.fdatasync(self._file)
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> Self:
        """The log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _write(self, line: bytes) -> None:
        """Append, but only where this process left it: a line behind anything else would be lost with that."""
        try:
            there = os.fstat(self._file)
            if there.st_size != self._size or not self._is_named(there):
                raise StorageError(f"{self.path} was changed, moved or removed by another: start anew")
            try:
                if os.write(self._file, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._sync()
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
        except OSError:
            with storage_errors(self.path):
                raise
        self._size += len(line)

    def _sync(self) -> None:
        """Wait until all is on the disk, if that was not done a moment ago."""
        self._waiting = time.monotonic() - self._synced < SYNC_SECONDS
        if not self._waiting:
            os.fdatasync(self._file)
            self._synced = time.monotonic()

    def _is_named(self, there: os.stat_result) -> bool:
        """Whether the log's name is still of the file that is locked: what has a name anew, another may write."""
        try:
            return os.path.samestat(self.path.stat(), there)
        except FileNotFoundError:
            return False

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"{self.path} is written by another process: end that, or name another --log") from None
        except OSError as error:
            raise StorageError(f"cannot lock {self.path}: {reason(error)}") from None

    def _end(self) -> tuple[dict[str, Any] | None, Checked]:
        """The last line and where the chain stands, checked from its beginning; what is torn behind it is cut off."""
        found, last, torn = Checked(0, ORIGIN), b"", b""
        with storage_errors(self.path), open(self._file, "rb", closefd=False) as file:
            for line in _lines(file):
                if not line.endswith(b"\n"):
                    torn = line
                    break
                try:
                    found = _next(found, line, f"{self.path}:{found.count + 1}")
                except DataError as error:
                    raise CheckpointError(f"{error}: look at it, or name another --log") from None
                self._size, last = self._size + len(line), line
        if torn:
            self._cut(torn, found.count + 1)
        return json.loads(last) if last else None, found

    def _cut(self, torn: bytes, number: int) -> None:
        start, text = _START % number, torn.rstrip(b"\0")  # as a power cut leaves what was not yet on the disk
        if not text.startswith(start) and not start.startswith(text):
            raise CheckpointError(f"{self.path} is no log of decisions: it ends in what is none; name another --log")
        with storage_errors(self.path):
            os.ftruncate(self._file, self._size)
        self.notice = f"{self.path}: its last line was torn when it was written, and is cut off: decision {number}"


def _lines(file: Any) -> Iterator[bytes]:
    while line := file.readline(LONGEST + 1):
        yield line


def _next(found: Checked, line: bytes, place: str) -> Checked:
    """Where the chain stands after a line."""
    if not line.endswith(b"\n"):
        raise DataError(f"{place}: is torn: it does not end as it was written")
    try:
        number, previous, digest, _ = _read(line[:-1])
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None
    if number != found.count + 1:
        place_of = "is missing before it" if number > found.count + 1 else "is there twice, or was moved"
        missing = found.count + 1 if number > found.count + 1 else number
        raise DataError(f"{place}: is decision {number} where {found.count + 1} belongs: {missing} {place_of}")
    if previous != found.head:
        raise DataError(f"{place}: does not follow the line before it: that one was changed, or this one is of another")
    return Checked(number, digest)


def _read(line: bytes) -> tuple[int, str, str, dict[str, Any]]:
    """Number, digest of the line before, digest and values of a line.

    Raises:
        ValueError: it was changed, or is none.
    """
    end = _END.search(line, max(len(line) - 2 * _SEALED - 64, 0))
    if end is None or end.end() != len(line):
        raise ValueError("is no decision")
    if hashlib.sha256(line[:-_SEALED] + b"}").hexdigest() != end[2].decode():
        raise ValueError("was changed: it is not what its digest says")
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    number = values.get("number")
    if type(number) is not int or number < 1:
        raise ValueError("has no number")
    return number, end[1].decode(), end[2].decode(), values
