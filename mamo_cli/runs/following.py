"""Tables that another process appends to, read as they grow; nothing is locked, and nothing written."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from mamo_cli.core.storage import reason
from mamo_cli.runs.manifest import UnreadableError

BLOCK_BYTES = 1 << 20


class GrowingTable:
    """A table of a run, of which whole lines alone are read: one that is still being written comes with a later look.

    Attributes:
        path: of the file.
        changed_s: when it last grew, by the file system's clock; 0 before there is one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file, self._read, self._header = 0, 0, b""
        self.changed_s = 0.0

    def is_another(self) -> bool:
        """Whether what was read no longer stands there: the file is another, or was cut back, as on resume."""
        try:
            found = self.path.stat()
        except OSError:
            return self._read > 0
        return self._read > 0 and (found.st_ino != self._file or found.st_size < self._read)

    def blocks(self) -> Iterator[bytes]:
        """What was added since the last call, in blocks of whole lines; the head is left out.

        Raises:
            UnreadableError: the system refuses it.
        """
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                self._file, self.changed_s = found.st_ino, found.st_mtime_ns / 1e9
                file.seek(self._read)
                torn = b""
                while block := file.read(BLOCK_BYTES):
                    whole, end, torn = (torn + block).rpartition(b"\n")
                    self._read += len(whole) + len(end)
                    if not self._header and end:
                        self._header, _, whole = whole.partition(b"\n")
                    if whole:
                        yield whole + end
        except FileNotFoundError:
            return
        except OSError as error:
            raise UnreadableError(f"{self.path} cannot be read: {reason(error)}") from error

    def rows(self, block: bytes) -> Iterator[Mapping[str, str]]:
        """A block's rows, a cell for each name of the head; those that are torn or garbled are left out."""
        [head] = csv.reader([self._header.decode("utf-8", "replace")])
        with suppress(csv.Error):
            for cells in csv.reader(io.StringIO(block.decode("utf-8", "replace"), newline="")):
                if len(cells) == len(head):
                    yield dict(zip(head, cells, strict=True))
