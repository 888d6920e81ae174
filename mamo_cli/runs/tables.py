"""A run's CSV tables: they grow by appending and are cut back to a checkpoint's length on resume."""

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mamo_cli.core.errors import CheckpointError
from mamo_cli.core.storage import replace_text, storage_errors

OTHER_COLUMNS = "has other columns than this version writes"

_SPREADSHEET_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class AppendTable:
    """One growing CSV file: UTF-8, LF, numbers in their shortest exact form, blanks for what is not known."""

    def __init__(self, path: Path, columns: Sequence[str], length: int = 0) -> None:
        """Open a table and cut it back.

        Args:
            path: the file.
            columns: its header.
            length: bytes to keep of what is there; 0 starts anew with the header.

        Raises:
            CheckpointError: the file is shorter than the length to keep, or has other columns.
            StorageError: the disk refuses.
        """
        self.path = path
        with storage_errors(path):
            size = path.stat().st_size if path.exists() else 0
            if size < length:
                raise CheckpointError(
                    f"{path} has {size} bytes where the checkpoint knows {length}: start over with --fresh"
                )
            if length and _head(path) != to_csv([columns]).encode():
                raise CheckpointError(f"{path} {OTHER_COLUMNS}: start over with --fresh")
            self._file = path.open("ab")
            self._cut_back(length)
        if length == 0:
            self.append([columns])

    def _cut_back(self, length: int) -> None:
        """Drop what was written after the checkpoint: it is played again."""
        self._file.truncate(length)

    def append(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows at the end and hand them to the operating system."""
        with storage_errors(self.path):
            self._file.write(to_csv(rows).encode())
            self._file.flush()

    def sync(self) -> int:
        """Make what was appended survive a crash; returns the table's length in bytes."""
        with storage_errors(self.path):
            os.fsync(self._file.fileno())
            return self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        with storage_errors(self.path):
            self._file.close()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def to_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Text of rows; numbers round-trip exactly and text that a spreadsheet would run is defused."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a whole table in one atomic step."""
    replace_text(path, to_csv([columns, *rows]))


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_SPREADSHEET_STARTS) else value
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, bool):
        return int(number)
    return "" if isinstance(number, float) and math.isnan(number) else number  # the writer leaves None blank, too
