"""Standard output carries data alone, whatever a library prints, C code included, which knows the descriptor only."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mamo_cli.core.errors import StorageError
from mamo_cli.core.storage import reason

DESCRIPTOR = 1


class StandardOutput:
    """Where data goes; what else is written there while a command works goes elsewhere."""

    def __init__(self) -> None:
        self._apart = False  # whether the descriptor leads elsewhere now

    @contextmanager
    def apart(self, elsewhere: int) -> Iterator[None]:
        """Until the end of the block, only what is written within `data` comes out; the rest goes to a descriptor."""
        _flush()
        self._real, self._elsewhere = os.dup(DESCRIPTOR), elsewhere
        self._leave()
        try:
            yield
        finally:
            if self._apart:
                self._come_back()
            os.close(self._real)

    @contextmanager
    def data(self) -> Iterator[None]:
        """What is written in the block comes out.

        Raises:
            BrokenPipeError: nobody reads it any more.
            StorageError: the disk refuses it.
        """
        apart = self._apart
        if apart:
            self._come_back()
        try:
            yield
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StorageError(f"cannot write standard output: {reason(error)}") from error
        if apart:  # else what could not be written would follow to where the rest goes
            self._leave()

    def _leave(self) -> None:
        os.dup2(self._elsewhere, DESCRIPTOR)
        self._apart = True

    def _come_back(self) -> None:
        _flush()
        os.dup2(self._real, DESCRIPTOR)
        self._apart = False


STDOUT = StandardOutput()
"""The process's one."""


def _flush() -> None:
    """Write out what Python and C hold back, to where the descriptor leads now."""
    with suppress(OSError):
        sys.stdout.flush()
    ctypes.CDLL(None).fflush(None)
