"""Tables as text: columns of cells, read by the engine, each fault with the file, line and column of its cell.

A file is refused whole, with the place of every fault, or it is right.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.dialect import SEPARATORS, Dialect, Layout, records
from mamo_cli.workload.engine import Engine, EngineError
from mamo_cli.workload.files import MAX_LINE_BYTES, Source

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
        self._counts: dict[str, int] = {}
        self._check_columns()

    def below(self, rows: int) -> "Table":
        """Return the table without its first rows, which keep their numbers."""
        if not rows:
            return self
        numbered = f"(select * from {self.numbered} where r > {rows})"
        cells = ", ".join(f"c{index}" for index in range(len(self.columns)))
        relation = f"(select {cells} from {numbered})"
        return Table(self.engine, self._source, self._dialect, (relation, numbered))

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

    def count(self, condition: str) -> int:
        """Return how many rows fulfil a condition; each is looked for once."""
        if condition not in self._counts:
            ((self._counts[condition],),) = self.rows(f"select count(*) from {self.relation} where {condition}")
        return self._counts[condition]

    def decimal_comma(self) -> bool:
        """Whether the first rows have numbers such as 60,25 and none such as 60.25, commas separating nothing."""
        if self.layout is not Layout.CELLS or self.separator == ",":
            return False
        cells = [cell.strip() for row in self.sample for cell in row]
        commas = [cell for cell in cells if re.fullmatch(r"-?[0-9]+,[0-9]+", cell)]
        points = any(re.fullmatch(r"-?[0-9]*\.[0-9]+", cell) for cell in cells)
        return bool(commas) and not points and any(len(cell.partition(",")[2]) != 3 for cell in commas)

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
            if not column and index > 0 and self.rows(f"select 1 from {self.relation} where c{index} != '' limit 1"):
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
