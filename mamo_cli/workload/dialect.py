"""How the text of a file is laid out: what separates its cells, where its header is, which lines come before it."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from mamo_cli.core.errors import DataError
from mamo_cli.workload.files import MAX_LINE_BYTES, Source
from mamo_cli.workload.json_shapes import OPENS, rows_of
from mamo_cli.workload.trace import NOTE_KEY

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
SAMPLE_LINES = 200
ACCESS_LOG = r'^(\S+) (\S+) (.+?) \[([^\]]*)\] "(.*?)" ([0-9]{3}|-) ([0-9]+|-)( .*)?$'
ACCESS_COLUMNS = ("host", "ident", "user", "time", "request", "status", "bytes")
# Also with a comma for the point; written so that matching stays linear.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
# How a date begins, in whatever form.
DATE = re.compile(
    r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4} |[0-9]{1,2}/[A-Z][a-z]{2}/[0-9]{4}"
)
# What no column is called: dates, times of day, seconds since 1970, decimal numbers.
_DATA = re.compile(rf"({DATE.pattern}|.*[0-9]:[0-9]{{2}}:[0-9]{{2}}).*|[0-9]{{10,}}(\.[0-9]*)?|[0-9]+\.[0-9]+")
_SEPARATOR_LINE = re.compile(r"sep=(.)")


class Layout(Enum):
    """How rows stand in a file; the value is what a reader is told."""

    CELLS = "separated text"
    JSON = "JSON lines"
    ACCESS = "an access log"
    LIST = "a list of numbers"
    PARQUET = "Parquet"


@dataclass(frozen=True)
class Dialect:
    """The layout of a text.

    Attributes:
        layout: how rows stand in it.
        columns: names in order; of a file without a header, `f0`, `f1`, ...
        separator: between cells, where there are cells.
        skip: lines before the first row, the header's with them.
        header_line: the line of the header; 0 where the first row is data already.
        comments: key to (line, value) of every leading line `# key=value`; other comments are passed over.
    """

    layout: Layout
    columns: tuple[str, ...]
    separator: str
    skip: int
    header_line: int
    comments: dict[str, tuple[int, str]]


def dialect_of(source: Source, separator: str | None) -> Dialect:
    """Return how the text of `source` is laid out.

    Args:
        source: a text.
        separator: what separates cells, where the user says so; None looks at the lines.

    Raises:
        DataError: there is nothing but comments, or the header is none.
    """
    lines = re.split(r"\r\n|\n|\r", source.head)
    first, comments, told = _preamble(source, lines)
    text = lines[first]
    if len(text) > MAX_LINE_BYTES - 1 and not _is_list(text):
        raise DataError(
            f"{source.path}:{first + 1}:1: the line is longer than {MAX_LINE_BYTES} bytes: this is no table"
        )
    if OPENS.match(text):
        rows = rows_of(source, lines[first : first + SAMPLE_LINES], first)
        return Dialect(Layout.JSON, tuple(dict.fromkeys(key for row in rows for key in row)), "", first, 0, comments)
    if re.match(ACCESS_LOG, text):
        return Dialect(Layout.ACCESS, (*ACCESS_COLUMNS, "path"), "", first, 0, comments)
    alone = source.whole and not any(line.strip() for line in lines[first + 1 :])
    if alone and _is_list(text) and len(_numbers(text)) > 1:
        return Dialect(Layout.LIST, ("f0",), "", first, 0, comments)
    chosen = separator or told or _separator(lines[first : first + SAMPLE_LINES])
    header, used = _header(source, lines, first, chosen)
    if DATE.match(header[0]) or all(_NUMBER.fullmatch(cell) or DATE.match(cell) for cell in header):
        return Dialect(Layout.CELLS, tuple(f"f{i}" for i in range(len(header))), chosen, first, 0, comments)
    _refuse_data(source, header, first, chosen)
    return Dialect(Layout.CELLS, tuple(header), chosen, first + used, first + 1, comments)


def _refuse_data(source: Source, header: list[str], first: int, separator: str) -> None:
    """Raise where the first line seems to hold data, and no names of columns."""
    for index, cell in enumerate(header):
        if _DATA.fullmatch(cell):
            raise DataError(
                f"{source.path}:{first + 1}:{index + 1}: {cell[:60]!r} is no name of a column: there seems to be no "
                f"header line: put one above, with a name for each of the {len(header)} columns, separated by "
                f"{SEPARATORS.get(separator, repr(separator))}, such as: {separator.join(('time', 'status', 'path'))}"
            )


def _preamble(source: Source, lines: list[str]) -> tuple[int, dict[str, tuple[int, str]], str | None]:
    """Return the index of the first line that is no comment, the comments, and the separator that one may name."""
    comments: dict[str, tuple[int, str]] = {}
    problems: list[str] = []
    told = None
    for index, text in enumerate(lines):
        named = _SEPARATOR_LINE.fullmatch(text)
        if named and index == 0:
            told = named[1]
        elif text.startswith("#"):
            key, equals, value = text[1:].partition("=")
            key = key.strip()
            if equals and NOTE_KEY.fullmatch(key):
                if key in comments:
                    first = comments[key][0]
                    problems.append(f"{source.path}:{index + 1}:1: {key} is given twice, first on line {first}")
                comments[key] = (index + 1, value.strip())
        elif text.strip():
            if problems:
                raise DataError(problems)
            return index, comments, told
    raise DataError(f"{source.path}:1:1: the file is empty: a header and rows are needed")


def _separator(lines: list[str]) -> str:
    """The separator that cuts all lines into the same number of cells, or else the header into the most."""
    plain = [re.sub(r'"[^"]*"', "", line) for line in lines if line.strip()]
    counts = {mark: [line.count(mark) for line in plain] for mark in SEPARATORS}
    steady = [mark for mark, found in counts.items() if found[0] > 0 and len(set(found)) == 1]
    cutting = steady or [mark for mark in SEPARATORS if mark != " "]
    return max(cutting, key=lambda mark: (mark != " ", counts[mark][0]))


def _header(source: Source, lines: list[str], first: int, separator: str) -> tuple[list[str], int]:
    """Return the cells of the first record and how many lines it takes."""
    reader = csv.reader((line + "\n" for line in lines[first:]), delimiter=separator, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        raise DataError(f"{source.path}:{first + 1}:1: not separated text: {error}") from error
    return [cell.strip() for cell in cells], reader.line_num


def _numbers(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,;]+", text.strip()) if part]


def _is_list(text: str) -> bool:
    """Whether a line, or what is there of it, holds nothing but numbers."""
    return all(_NUMBER.fullmatch(part) for part in _numbers(text)[:SAMPLE_LINES])


def records(lines: Iterator[str], blanks_count: bool) -> Iterator[int]:
    """Yield the line (from 1) on which each record of separated text begins.

    A record goes on while a quote is open. Blank lines are no records, unless `blanks_count`.
    """
    start, quotes = 0, 0
    for number, line in enumerate(lines, 1):
        if start == 0:
            if not line.strip("\r\n") and not blanks_count:
                continue
            start = number
        quotes += line.count('"')
        if quotes % 2 == 0:
            yield start
            start, quotes = 0, 0
    if start:
        yield start
