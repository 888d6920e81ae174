"""An integer program as plain arrays, put together block by block, and the answer a solver gives to one.

minimise cost @ x  subject to  row_lower <= A x <= row_upper,  0 <= x <= upper,  x integer where `integer` says so.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mamo_cli.core.errors import SolverError
from mamo_cli.core.seam import Termination

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

# What starts after the deadline still gets this long.
LEAST_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class Program:
    """An integer program of C columns and R rows; A is stored by rows (compressed sparse rows).

    The integer columns come first. `start` names those at 1 in a known answer, all others being 0: with it, a solver
    that runs out of time still has a plan.
    """

    cost: Floats
    integer: Booleans
    upper: Floats
    row_start: Integers
    row_column: Integers
    row_value: Floats
    row_lower: Floats
    row_upper: Floats
    row_names: list[str]
    start: Integers | None

    @property
    def start_values(self) -> Floats | None:
        """(I,) the known answer for the integer columns."""
        if self.start is None:
            return None
        values = np.zeros(int(self.integer.sum()))
        values[self.start] = 1.0
        return values


@dataclass(frozen=True, eq=False)
class Answer:
    """A solver's own account of one program: values (C,), and what it says of objective and bound."""

    values: Floats
    termination: Termination
    objective: float
    bound: float


class Clock:
    """A time limit that begins to run where it is made."""

    def __init__(self, limit_s: float | None) -> None:
        """Args: limit_s: seconds, or None for no limit."""
        self._deadline = None if limit_s is None else time.monotonic() + limit_s

    def left(self) -> float | None:
        """Seconds left, never quite none, or None without a limit."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), LEAST_SECONDS)

    def over(self, by_s: float) -> bool:
        """Whether the time has been up for so many seconds."""
        return self._deadline is not None and time.monotonic() > self._deadline + by_s


class SolverUnavailableError(Exception):
    """A solver is missing or its licence refuses; the text says why, in the form "Gurobi is not installed"."""


class NoPlanError(SolverError):
    """A solver stopped without a plan, out of time or by a fault of its own."""


@dataclass(frozen=True)
class Session:
    """One opened solver: `run(program, seconds)` answers, under a time limit in seconds unless it is None.

    The limit is on all that `run` does, putting the program before the solver and reading its answer included.
    `licence_expiry` is yyyymmdd, 99999999 for never; None where no licence is needed or it does not tell.
    """

    solver: str
    version: str
    run: Callable[[Program, float | None], Answer]
    licence_expiry: int | None = None


OpenSession = Callable[[], AbstractContextManager[Session]]


class ProgramBuilder:
    """Collects blocks of columns and of rows, then lays them out as one `Program`."""

    def __init__(self) -> None:
        self._columns: list[tuple[Floats, Booleans, Floats]] = []
        self._entries: list[tuple[Integers, Integers, Floats]] = []
        self._bounds: list[tuple[Floats, Floats]] = []
        self._names: list[str] = []
        self._column_count = 0

    def add_columns(self, cost: npt.ArrayLike, count: int, *, binary: bool) -> Integers:
        """Adds variables, binary or continuous from 0 up; returns their (count,) column numbers."""
        upper = np.full(count, 1.0 if binary else np.inf)
        self._columns.append((np.broadcast_to(np.asarray(cost, dtype=float), count), np.full(count, binary), upper))
        first, self._column_count = self._column_count, self._column_count + count
        return np.arange(first, self._column_count)

    def add_rows(
        self,
        name: str,
        entries: list[tuple[Integers, Integers, npt.ArrayLike]],
        lower: npt.ArrayLike,
        upper: npt.ArrayLike,
        count: int,
    ) -> None:
        """Adds `count` rows; each entry is (row within the block, column, coefficient) arrays of one length."""
        first = len(self._names)
        self._names += [f"{name}_{i}" for i in range(count)]
        for row, column, value in entries:
            self._entries.append((row + first, column, np.broadcast_to(np.asarray(value, dtype=float), row.shape)))
        both = (np.broadcast_to(np.asarray(bound, dtype=float), count) for bound in (lower, upper))
        self._bounds.append((next(both), next(both)))

    def build(self, known: Integers | None) -> Program:
        """All blocks as one program; `known` are the columns at 1 in a known answer."""
        cost, integer, upper = (np.concatenate(parts) for parts in zip(*self._columns, strict=True))
        row, column, value = (np.concatenate(parts) for parts in zip(*self._entries, strict=True))
        row_lower, row_upper = (np.concatenate(parts) for parts in zip(*self._bounds, strict=True))
        order = row.argsort(kind="stable")
        start = np.concatenate([[0], np.bincount(row, minlength=len(self._names)).cumsum()])
        names = list(self._names)
        return Program(cost, integer, upper, start, column[order], value[order], row_lower, row_upper, names, known)
