"""The engine that reads tables: DuckDB, without network, extensions, or anything written.

It reads text as text: what the text means is decided above it. A query takes no value from a file but as a quoted
literal.
"""

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mamo_cli.core.errors import DataError

if TYPE_CHECKING:
    import duckdb

# Extensions are neither fetched nor looked for, and what does not fit the memory is refused, not spilled to a disk.
SETTINGS: dict[str, str | int | bool] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "temp_directory": "",
    "memory_limit": "2GB",
    "max_expression_depth": 10_000,
}
MOST_THREADS = 4


class Engine:
    """One connection, with tables of its own, to be closed; imported only when a table is to be read.

    Attributes:
        names: of files as the user knows them, by the paths that the engine reads.
    """

    def __init__(self) -> None:
        import duckdb

        self.names: dict[str, str] = {}
        self._failure = duckdb.Error
        self._connection = _database().cursor()

    def close(self) -> None:
        """Let go of its tables."""
        self._connection.close()

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query gives.

        Raises:
            DataError: the engine cannot; `EngineError` holds its words.
        """
        try:
            return self._connection.execute(query, list(parameters)).fetchall()
        except self._failure as error:
            raise EngineError(error) from error

    def arrays(self, query: str) -> dict[str, npt.NDArray[Any]]:
        """Return the columns that a query of numbers gives; what is NULL is NaN, or masked 0 in whole numbers."""
        try:
            columns = self._connection.execute(query).fetchnumpy()
        except self._failure as error:
            raise EngineError(error) from error
        return {name: _plain(values) for name, values in columns.items()}


class EngineError(DataError):
    """What the engine itself could not do."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error).partition("\n")[0].strip() or type(error).__name__)


@cache
def _database() -> "duckdb.DuckDBPyConnection":
    """The one database of this process, empty: to open it takes longer than to read a small file."""
    import duckdb

    database = duckdb.connect(config={**SETTINGS, "threads": min(MOST_THREADS, os.cpu_count() or 1)})
    database.execute("set enable_progress_bar = false")
    return database


def _plain(values: Any) -> npt.NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(values.filled(np.nan if values.dtype.kind == "f" else 0))
    return np.asarray(values)


def quoted(text: str) -> str:
    """Return `text` as a literal of a query."""
    return "'" + text.replace("'", "''") + "'"
