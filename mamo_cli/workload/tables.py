"""Tables as text: columns of cells, read by the engine, each fault with the file, line and column of its cell.

A file is refused whole, with the place of every fault, or it is right.
"""

import itertools
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.dialect import ACCESS_LOG, SEPARATORS, Dialect, Layout, dialect_of, records
from mamo_cli.workload.engine import Engine, EngineError, quoted
from mamo_cli.workload.files import MAX_LINE_BYTES, Source, inspect

SAMPLE_ROWS = 1000
MAX_PROBLEMS_KEPT = 1000
# No underscores, spaces or other alphabets' digits, which a cast would take.
NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?"
WHOLE = "[0-9]{1,15}"

_Answer = TypeVar("_Answer")


def shown(text: str | None) -> str:
    """Return `text` quoted for a message, on one line, cut where it is long."""
    text = text or ""
    return repr(text if len(text) <= 60 else text[:57] + "...")


class Table:
    """One file as columns of text.

    Attributes:
        path: the file.
        columns: their names.
        layout: how rows stand in the file.
        header_line: the line of the header; 0 where there is none.
        comments: key to (line, value) of every leading line `# key=value`.
        relation: what a query reads: columns `c0`, `c1`, ... of text, NULL where a cell is empty.
        numbered: the same with the number of each row, `r` from 1, in the order of the file; slower.
    """

    def __init__(self, engine: Engine, source: Source, dialect: Dialect, relation: tuple[str, str]) -> None:
        self.engine = engine
        self.path, self.columns = source.path, dialect.columns
        self.layout, self.header_line, self.comments = dialect.layout, dialect.header_line, dialect.comments
        self.separator = dialect.separator
        self.relation, self.numbered = relation
        self._source, self._dialect = source, dialect
        self._problems: list[str] = []
        self._check_columns()

    def column(self, name: str, option: str) -> str:
        """Return the column `name` as a query calls it.

        Raises:
            UsageError: there is none; the message names the `option` that asked for it.
        """
        if name not in self.columns:
            raise UsageError(f"{self.path}: no column {name!r} for {option}: there are {', '.join(self.columns)}")
        return self.place(name)

    def place(self, name: str) -> str:
        """Return a column that is known to be there as a query calls it."""
        return f"c{self.columns.index(name)}"

    def cells(self, name: str) -> list[str]:
        """Return what the first rows have in a column, empty cells left out.

        Raises:
            DataError: there is no such column.
        """
        if name not in self.columns:
            line = max(self.header_line, 1)
            raise DataError(f"{self.path}:{line}:1: no column {name!r}: there are {', '.join(self.columns)}")
        index = self.columns.index(name)
        return [row[index] for row in self.sample if row[index]]

    @cached_property
    def sample(self) -> list[tuple[str, ...]]:
        """The first rows, an empty cell as "".

        Raises:
            DataError: there is none.
        """
        rows = self._explained(lambda: self.engine.rows(f"select * from {self.relation} limit {SAMPLE_ROWS}"))
        if not rows:
            self.require_rows()
        self._forget_rejected()
        return [tuple("" if cell is None else cell for cell in row) for row in rows]

    def require_rows(self) -> None:
        """Raise a DataError where there is no row at all."""
        if not self.rows(f"select 1 from {self.relation} limit 1"):
            raise DataError(f"{self.path}:{max(self.header_line, 1)}:1: there is no row after the header")

    def fault(self, row: int, name: str, message: str) -> None:
        """Note a fault in the cell of a column, in a row counted from 1."""
        line, column = self.located([row])[row], self.columns.index(name) + 1
        if self.layout is Layout.LIST:
            line, column = 1, row
        self._problems.append(f"{self.path}:{line}:{column}: {message}")

    def header_fault(self, index: int, message: str) -> None:
        """Note a fault of the column at `index` (from 0) in the header."""
        self._problems.append(f"{self.path}:{max(self.header_line, 1)}:{index + 1}: {message}")

    def faults(self, name: str, bad: str, message: str, remedy: str = "", most: int = MAX_PROBLEMS_KEPT) -> None:
        """Note a fault for every row that holds `bad`, a condition; what the cell has stands before the remedy."""
        query = f"select r, {self.place(name)} from {self.numbered} where {bad} limit {most}"
        found = self.engine.rows(query)
        lines = self.located([row for row, _ in found])
        for row, cell in found:
            line, column = lines[row], self.columns.index(name) + 1
            if self.layout is Layout.LIST:
                line, column = 1, row
            self._problems.append(f"{self.path}:{line}:{column}: {name} {message}, got {shown(cell)}{remedy}")

    def check(self) -> None:
        """Raise a DataError where any fault was noted."""
        if self._problems:
            raise DataError(self._problems[:MAX_PROBLEMS_KEPT])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query over the whole file; structural faults raise at once."""
        answer = self._explained(lambda: self.engine.rows(query))
        self._refuse_rejected()
        return answer

    def arrays(self, query: str) -> dict[str, Any]:
        """As `rows`, as arrays of numbers."""
        answer = self._explained(lambda: self.engine.arrays(query))
        self._refuse_rejected()
        return answer

    def located(self, rows: Sequence[int]) -> dict[int, int]:
        """Return the line of each row (both from 1); of a column store and a list, the row's own number."""
        if not rows or self.layout in (Layout.PARQUET, Layout.LIST):
            return {row: row for row in rows}
        skip = self._dialect.skip
        if self.layout in (Layout.JSON, Layout.ACCESS):
            return {row: row + skip for row in rows}
        wanted, found = set(rows), {}
        with self._source.text() as text:
            lines = itertools.islice(text, skip, None)
            for row, line in enumerate(records(lines, len(self.columns) == 1), 1):
                if row in wanted:
                    found[row] = line + skip
                    if len(found) == len(wanted):
                        break
        return {row: found.get(row, row + skip) for row in rows}

    def _explained(self, ask: Callable[[], _Answer]) -> _Answer:
        try:
            return ask()
        except EngineError as error:
            text = str(error)
            if "state machine" in text:
                text = "a quote stands open, or line ends are of two kinds"
            raise DataError(f"{self.path}: cannot be read as {self.layout.value}: {text}") from error

    def _check_columns(self) -> None:
        for index, column in enumerate(self.columns):
            if not column and index > 0:
                self.header_fault(index, "a column must have a name, got ''")
            elif column in self.columns[:index]:
                self.header_fault(index, f"column {shown(column)} is there twice")
        self.check()

    def _refuse_rejected(self) -> None:
        """Raise for the rows that the engine could not cut into cells, in whatever file of the query."""
        if self.layout is not Layout.CELLS:
            return
        found = self.engine.rows(
            "select file_path, line, column_idx, error_type, error_message from reject_errors join reject_scans using "
            f"(scan_id, file_id) order by all limit {MAX_PROBLEMS_KEPT}"
        )
        if found:
            self._forget_rejected()
            raise DataError([self._problem(*row) for row in found])

    def _forget_rejected(self) -> None:
        self.engine.rows("drop table if exists reject_errors")
        self.engine.rows("drop table if exists reject_scans")

    def _problem(self, file: str, line: int, column: int | None, kind: str, message: str) -> str:
        width = len(self.columns)
        got = re.search(r"Found: ([0-9]+)", message)
        where = f"{self.engine.names.get(file, file)}:{line}"
        if kind in ("MISSING COLUMNS", "TOO MANY COLUMNS") and got:
            count = int(got[1])
            hint = "; write 1,000 as 1000" if count > width and self.separator == "," else ""
            return f"{where}:{min(count, width) + 1}: a row must have {width} fields, got {count}{hint}"
        if kind == "INVALID ENCODING":
            return f"{where}:{column or 1}: not UTF-8 text: save the file as UTF-8"
        if kind == "UNQUOTED VALUE":
            mark = SEPARATORS.get(self.separator, "marks").removesuffix("s")
            return f"{where}:{column or 1}: not {mark}-separated text: a quote stands open"
        if kind == "LINE SIZE OVER MAXIMUM":
            return f"{where}:1: the line is longer than {MAX_LINE_BYTES} bytes: this is no table"
        return f"{where}:{column or 1}: {message}"


@contextmanager
def open_table(engine: Engine, path: Path, separator: str | None = None) -> Iterator[Table]:
    """Open one file as a table.

    Args:
        engine: what reads it.
        path: the file.
        separator: what separates its cells; None finds out.

    Raises:
        DataError: it cannot be read, or is no table.
    """
    source = inspect(path)
    with tempfile.TemporaryDirectory(prefix="mamo-") as folder:
        if source.parquet:
            yield _parquet(engine, source)
            return
        dialect = dialect_of(source, separator)
        plain = path if not _needs_copy(source) else _copied(source, Path(folder) / "plain.txt")
        engine.names[str(plain)] = str(path)
        yield Table(engine, source, dialect, _relation(engine, source, dialect, plain))


def _needs_copy(source: Source) -> bool:
    """Whether the engine would misread the text: another encoding, or line ends of two kinds."""
    ends = {"\r\n" in source.head, bool(re.search(r"(?<!\r)\n", source.head)) and "\r\n" in source.head}
    lone = re.search(r"\r(?!\n)", source.head[:-1]) is not None
    return source.encoding != "utf-8-sig" or ends == {True} or lone


def _copied(source: Source, target: Path) -> Path:
    with source.text() as text, target.open("w", encoding="utf-8", newline="") as file:
        for line in text:
            file.write(line.replace("\r\n", "\n").replace("\r", "\n"))
    return target


def _relation(engine: Engine, source: Source, dialect: Dialect, path: Path) -> tuple[str, str]:
    """Return what a query reads, without and with the numbers of rows."""
    if dialect.layout is Layout.LIST:
        with source.text() as text:
            numbers = [part for part in re.split(r"[\s,;]+", text.read().lstrip("\ufeff").strip()) if part]
        engine.rows("create or replace temp table numbers as select unnest(?::varchar[]) as c0", [numbers])
        return "numbers", _numbered("numbers")
    compression = "gzip" if source.compressed and path == source.path else "none"
    common = (
        f"{quoted(str(path))}, auto_detect=false, header=false, compression='{compression}', skip={dialect.skip}, "
        f"max_line_size={MAX_LINE_BYTES}"
    )
    width = len(dialect.columns)
    if dialect.layout is Layout.CELLS:
        columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
        cells = (
            f"read_csv({common}, strict_mode=true, store_rejects=true, rejects_limit={MAX_PROBLEMS_KEPT}, "
            f"delim={quoted(dialect.separator)}, quote='\"', escape='\"', columns={{{columns}}})"
        )
        if width > 1:
            return cells, _numbered(cells)
        return tuple(f"(select * from {rows} where c0 is not null)" for rows in (cells, _numbered(cells)))  # type: ignore[return-value]
    lines = f"read_csv({common}, delim='\\x01', quote='', escape='', columns={{'line': 'VARCHAR'}})"
    cut = _access_cells if dialect.layout is Layout.ACCESS else _json_cells
    return cut(lines, dialect.columns, ""), cut(_numbered(lines), dialect.columns, "r, ")


def _numbered(relation: str) -> str:
    return f"(select row_number() over () as r, * from {relation})"


def _access_cells(lines: str, columns: Sequence[str], extra: str) -> str:
    last = len(columns) - 1
    cells = ", ".join(f"parts['c{index}'] as c{index}" for index in range(last))
    names = ", ".join(f"'c{index}'" for index in range(last))
    path = f"split_part(split_part(parts['c4'], ' ', 2), '?', 1) as c{last}"
    parts = f"select {extra}regexp_extract(line, {quoted(ACCESS_LOG)}, [{names}]) as parts from {lines}"
    return f"(select {extra}{cells}, {path} from ({parts} where trim(line) != ''))"


def _json_cells(lines: str, columns: Sequence[str], extra: str) -> str:
    cells = ", ".join(
        f"json_extract_string(object, {quoted('$.' + _json_key(name))}) as c{index}"
        for index, name in enumerate(columns)
    )
    objects = f"select {extra}case when json_valid(line) then line end as object from {lines} where trim(line) != ''"
    return f"(select {extra}{cells} from ({objects}))"


def _json_key(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parquet(engine: Engine, source: Source) -> Table:
    where = quoted(str(source.path))
    try:
        described = engine.rows(f"describe select * from read_parquet({where})")
    except EngineError as error:
        raise DataError(f"{source.path}: a Parquet file that is damaged: {error}") from error
    names = tuple(row[0] for row in described)
    columns = ", ".join(
        f'"{name.replace(chr(34), chr(34) * 2)}"::varchar as c{index}' for index, name in enumerate(names)
    )
    dialect = Dialect(Layout.PARQUET, names, "", 0, 0, {})
    relation = f"(select {columns} from read_parquet({where}))"
    return Table(engine, source, dialect, (relation, _numbered(relation)))
