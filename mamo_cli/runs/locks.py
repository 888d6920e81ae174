"""One process at a time works in a run folder: the one that holds an flock on its `.lock`."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mamo_cli.core.errors import LockedError
from mamo_cli.core.storage import storage_errors

NAME = ".lock"
TRIES = 5  # `is_locked` holds the lock for a moment, too
SECONDS_BETWEEN_TRIES = 0.02


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock until the end of the block.

    Raises:
        LockedError: another process holds it.
        StorageError: the disk refuses.
    """
    with storage_errors(folder / NAME):
        file = (folder / NAME).open("ab")
    with file:
        for left in reversed(range(TRIES)):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise LockedError(
                        f"{folder} is in use by another process: wait for it, or take another folder with --name"
                    ) from None
                time.sleep(SECONDS_BETWEEN_TRIES)
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process works in the folder."""
    try:
        with (folder / NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
