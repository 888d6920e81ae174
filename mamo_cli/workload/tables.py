"""Strict reading of comma-separated text: a file is refused whole, with the place of every fault, or it is right.

pandas would read a stray `1,000` as 0 and shift columns, so no general reader touches a file before this one has.
"""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path

from mamo_cli.core.errors import DataError
from mamo_cli.workload.trace import NOTE_KEY

MAX_LINE_BYTES = 1 << 20
MAX_PROBLEMS_KEPT = 1000
# No underscores, spaces or other alphabets' digits, which float() takes; written so that matching stays linear.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def parse_number(text: str) -> float:
    """Return the finite number that `text` spells in plain ASCII digits, else NaN (which fails every comparison)."""
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else math.nan


def parse_count(text: str) -> int:
    """Return the whole number >= 0 of at most 15 digits that `text` spells, else -1."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else -1


def shown(text: str) -> str:
    """Return `text` quoted for a message, on one line, cut where it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


class TableReader:
    """One comma-separated file: leading comment lines, a header, then rows, read once and in order.

    Faults of rows are collected with their place; `check` raises them. Faults of the file raise at once.

    Attributes:
        path: the file.
        comments: key to (line, value) of every leading line `# key=value`; other comments are passed over.
        header: the column names.
        header_line: the line they stand on.

    Raises:
        DataError: the file cannot be read, is not UTF-8 text, or has no usable header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.comments: dict[str, tuple[int, str]] = {}
        self._problems: list[str] = []
        self._lines = _text_lines(path)
        self.header_line, self.header = self._read_header()

    def fault(self, line: int, column: int, message: str) -> None:
        """Note a fault at `line` and 1-based `column` (field); far too many of them end the reading."""
        self._problems.append(f"{self.path}:{line}:{column}: {message}")
        if len(self._problems) >= MAX_PROBLEMS_KEPT:
            self.check()

    def check(self) -> None:
        """Raise a DataError where any fault was noted."""
        if self._problems:
            raise DataError(self._problems)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, fields) of every row that has as many fields as the header; blank lines are passed over.

        Raises:
            DataError: there is no row at all.
        """
        last = self.header_line
        for line, text in self._lines:
            if not text:
                continue
            last, fields = line, self._split(line, text)
            if fields is None:
                continue
            if len(fields) == len(self.header):
                yield line, fields
                continue
            hint = "; write 1,000 as 1000" if len(fields) > len(self.header) else ""
            place = min(len(fields), len(self.header)) + 1
            self.fault(line, place, f"a row must have {len(self.header)} fields, got {len(fields)}{hint}")
        if last == self.header_line:
            raise DataError(f"{self.path}:{last}:1: there is no row after the header")

    def rate(self, line: int, fields: list[str], index: int) -> float:
        """Return the number >= 0 in field `index` (from 0); anything else is a fault, and NaN."""
        number = parse_number(fields[index])
        if number >= 0:
            return number
        self.fault(line, index + 1, f"{self.header[index]} must be a finite number >= 0, got {shown(fields[index])}")
        return math.nan

    def whole(self, line: int, fields: list[str], index: int, low: int = 0, high: int | None = None) -> int:
        """Return the whole number in field `index` (from 0) if it is in low..high; anything else is a fault."""
        number = parse_count(fields[index])
        if number < low or (high is not None and number > high):
            bounds = f">= {low}" if high is None else f"in {low}..{high}"
            got = shown(fields[index])
            self.fault(line, index + 1, f"{self.header[index]} must be a whole number {bounds}, got {got}")
        return number

    def text(self, line: int, fields: list[str], index: int) -> str:
        """Return field `index` (from 0); an empty one is a fault."""
        if not fields[index]:
            self.fault(line, index + 1, f"{self.header[index]} must not be empty")
        return fields[index]

    def _split(self, line: int, text: str) -> list[str] | None:
        """Return the fields of one line; each line is parsed alone, so that a stray quote cannot swallow the next."""
        try:
            return next(csv.reader([text], strict=True))
        except csv.Error as error:
            self.fault(line, 1, f"not comma-separated text: {error}")
            return None

    def _read_header(self) -> tuple[int, list[str]]:
        for line, text in self._lines:
            if text.startswith("#"):
                self._read_comment(line, text)
            elif text:
                header = self._split(line, text) or []
                self._check_header(line, header)
                return line, header
        raise DataError(f"{self.path}:1:1: the file is empty: a header and rows are needed")

    def _read_comment(self, line: int, text: str) -> None:
        key, equals, value = text[1:].partition("=")
        key = key.strip()
        if not (equals and NOTE_KEY.fullmatch(key)):
            return
        if key in self.comments:
            self.fault(line, 1, f"{key} is given twice, first on line {self.comments[key][0]}")
        self.comments[key] = (line, value.strip())

    def _check_header(self, line: int, header: list[str]) -> None:
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            if len(header) == 1 and separator in header[0]:
                self.fault(line, 1, f"columns must be separated by commas, these seem to be by {name}")
        for index, column in enumerate(header):
            if not column:
                self.fault(line, index + 1, "a column must have a name, got ''")
            elif column in header[:index]:
                self.fault(line, index + 1, f"column {shown(column)} is there twice")
        self.check()


def _text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, text without its line end), never holding more than one bounded line."""
    try:
        with path.open("rb") as file:
            line = 0
            while raw := file.readline(MAX_LINE_BYTES + 1):
                line += 1
                yield line, _text(path, line, raw)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a path with a NUL byte
        raise DataError(f"{str(path)!r}: cannot be read: {error}") from error


def _text(path: Path, line: int, raw: bytes) -> str:
    if len(raw) > MAX_LINE_BYTES:
        raise DataError(f"{path}:{line}:1: the line is longer than {MAX_LINE_BYTES} bytes: this is no table")
    try:
        text = raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        place = raw.count(b",", 0, error.start) + 1
        raise DataError(f"{path}:{line}:{place}: not UTF-8 text ({error.reason}): save the file as UTF-8") from error
    text = text.removesuffix("\n").removesuffix("\r")
    if "\0" in text:
        place = text.count(",", 0, text.index("\0")) + 1
        raise DataError(f"{path}:{line}:{place}: there is a NUL byte: this is no text")
    return text
