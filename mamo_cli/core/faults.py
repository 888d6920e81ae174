"""Whose mistake an error is that nobody expected: ours, or that of a module of the user's own, such as a strategy."""

import sysconfig
import traceback
from pathlib import Path

OURS = Path(__file__).parents[1]
LIBRARY = Path(sysconfig.get_path("stdlib"))
INSTALLED = {"site-packages", "dist-packages"}


class WorkerError(RuntimeError):
    """An error of another process: what `fault` said of it there, and its traceback."""

    def __init__(self, told: str, trace: str) -> None:
        super().__init__(told, trace)
        self.told, self._trace = told, trace

    def __str__(self) -> str:
        return f"in a worker process:\n{self._trace}"


def fault(error: Exception) -> str:
    """What an error is, after whose it is, by the innermost code of either that it came from."""
    if isinstance(error, WorkerError):
        return error.told
    told = f"{type(error).__name__}: {error}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if OURS in file.parents:
            break
        if file.is_file() and LIBRARY not in file.parents and not INSTALLED.intersection(file.parts):
            return f"{file.name}, line {frame.lineno}, is not ours and failed: {told}"
    return f"a bug of ours: {told}"
