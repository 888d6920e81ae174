"""Every error a user can cause or meet, each with the exit code a script may rely on.

A message names the thing, its value and the remedy. Anything that is not a `MamoError` is a bug (exit code 1), and
`faults.py` says whose.
"""

from collections.abc import Sequence
from typing import Any

MAX_PROBLEMS_SHOWN = 20


class MamoError(Exception):
    """Base of all expected errors; `exit_code` is what the process ends with."""

    exit_code = 1


class UsageError(MamoError):
    """The command line or the configuration asks for something that makes no sense."""

    exit_code = 2


class DataError(MamoError):
    """Input data is refused whole; `problems` holds one line for each fault found."""

    exit_code = 3

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        shown = self.problems[:MAX_PROBLEMS_SHOWN]
        hidden = len(self.problems) - len(shown)
        super().__init__("\n".join(shown + ([f"... and {hidden} more"] if hidden else [])))


class StaleError(MamoError):
    """What was measured, or decided by it, is too old to act on, or there is none."""

    exit_code = DataError.exit_code


class SolverError(MamoError):
    """No solver could answer, or the one asked for by name cannot."""

    exit_code = 4


class NothingExactError(SolverError):
    """Nothing exact is known of a domain: its results stand alone, without bounds and regret."""


class DivergedError(MamoError):
    """Members of a population became NaN or infinite and were frozen."""

    exit_code = 5


class LockedError(MamoError):
    """Another process works in the run folder."""

    exit_code = 6


class CheckpointError(MamoError):
    """A checkpoint is unreadable or belongs to another configuration."""

    exit_code = 7


class StorageError(MamoError):
    """The disk is full, read-only or failing."""

    exit_code = 8


class SweepError(MamoError):
    """Some cells of a sweep failed; `outcome` is what came out of the others."""

    exit_code = 9

    def __init__(self, message: str, outcome: Any) -> None:
        super().__init__(message)
        self.outcome = outcome
