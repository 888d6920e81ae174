"""One process at a time works in a run folder: the one that holds its lock.

That is an flock on `.lock`, which the system lets go of when the process ends, however it does. Where the file system
has none (some network disks), a file `.lock.held` stands in, which only one process can make: it tells which. What a
process of this machine has left behind there is taken away; of another machine's nobody here can tell whether it lives.
"""

import errno
import fcntl
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mamo_cli.core.errors import LockedError
from mamo_cli.core.storage import storage_errors
from mamo_cli.runs.logs import LOGGER

NAME = ".lock"
HELD = ".lock.held"
BREAKING = ".lock.breaking"
TRIES = 5  # `is_locked` holds the lock for a moment, too
SECONDS_BETWEEN_TRIES = 0.02
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


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
        with storage_errors(folder / NAME):
            flocked = _flocked(file, folder)
        if flocked:
            yield
            return
        with storage_errors(folder / HELD):
            _hold(folder)
        LOGGER.info("%s: its file system has no locks; the file %s keeps other processes out", folder, HELD)
        try:
            yield
        finally:
            with suppress(OSError):
                (folder / HELD).unlink()


def is_locked(folder: Path) -> bool:
    """Whether a process works in the folder."""
    try:
        with (folder / NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return error.errno in _NO_LOCKS and not _gone(_holder(folder))
    return False


def _flocked(file: IO[bytes], folder: Path) -> bool:
    """Lock a file; False where its file system has no such locks."""
    for left in reversed(range(TRIES)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if left:
                time.sleep(SECONDS_BETWEEN_TRIES)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
    raise LockedError(f"{folder} is in use by another process: wait for it, or take another folder with --name")


def _hold(folder: Path) -> None:
    """Make the file that stands in for a lock; what a process that is gone has left there is taken away, by one alone.

    Raises:
        LockedError: another process has made it.
    """
    while not _made(folder / HELD):
        holder = _holder(folder)
        if holder is None:  # it has let go meanwhile
            continue
        if not _gone(holder) or not _made(folder / BREAKING):
            raise LockedError(
                f"{folder} is in use by {_named(holder)}: wait for it, or take another folder with --name; if it has "
                f"ended, delete {HELD} and {BREAKING} in {folder}"
            )
        try:
            if _holder(folder) == holder:  # nobody else was faster
                (folder / HELD).unlink(missing_ok=True)
        finally:
            (folder / BREAKING).unlink()


def _made(path: Path) -> bool:
    """Make a file that names this process, unless it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(" ".join((*_machine(), str(os.getpid()), _start_of(os.getpid()))))
    return True


def _holder(folder: Path) -> list[str] | None:
    """The words of the file that stands in for a lock: machine, process and its start; None where there is no file."""
    try:
        return (folder / HELD).read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return None


def _gone(holder: list[str] | None) -> bool:
    """Whether nobody holds the lock: there is no such file, or it names a process of this machine that has ended."""
    if holder is None:
        return True
    *machine, process, start = holder if len(holder) == 4 else ("", "", "0", "")
    return tuple(machine) == _machine() and _start_of(int(process)) != start


def _named(holder: list[str]) -> str:
    return f"process {holder[2]} on {holder[0]}" if len(holder) == 4 else "another process"


def _machine() -> tuple[str, str]:
    """This machine, and which of its processes are seen here: those of a container are others."""
    try:
        return platform.node() or "?", os.readlink("/proc/self/ns/pid")
    except OSError:
        return platform.node() or "?", "-"


def _start_of(process: int) -> str:
    """When a process of this machine was started, in the system's own terms; "ended" where there is none."""
    with suppress(OSError):
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return "ended"
    except PermissionError:
        pass
    return "running"
