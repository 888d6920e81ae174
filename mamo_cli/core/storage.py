"""Files that are replaced wholly or not at all, and what the user is told when the disk refuses."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mamo_cli.core.errors import StorageError

_REASONS = {
    errno.ENOSPC: "no space left on the disk: free some, then run the same command again",
    errno.EDQUOT: "the disk quota is used up: free some, then run the same command again",
    errno.EFBIG: "the file has grown to the size that is allowed here: raise the limit with `ulimit -f`",
    errno.EIO: "the disk or its connection is failing: check it, then run the same command again",
    errno.ESTALE: "the network folder is gone: mount it anew, then run the same command again",
    errno.ENAMETOOLONG: "the name is too long for this file system: choose a shorter one",
    errno.ELOOP: "its links lead in a circle: remove one of them",
    errno.EMFILE: "too many open files: raise the limit, as with `ulimit -n 1024`",
    errno.ENFILE: "the system has too many open files: end other programs, then run the same command again",
    errno.ENOMEM: "no memory is left: end other programs, or train with fewer --jobs",
    errno.EAGAIN: "no further process is allowed here: raise the limit with `ulimit -u`, or train with fewer --jobs",
}
_REASONS_NOT_TO_WRITE = {
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.EACCES: "permission denied: choose a folder you may write to",
    errno.EPERM: "permission denied: choose a folder you may write to",
    errno.EEXIST: "a file stands where a folder is needed: choose another folder",
    errno.ENOTDIR: "a file stands where a folder is needed: choose another folder",
}


def reason(error: OSError) -> str:
    """Why the operating system refuses, and what to do about it."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a `StorageError` that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        refused = _REASONS_NOT_TO_WRITE.get(error.errno or 0) or reason(error)
        raise StorageError(f"cannot write {path}: {refused}") from error


def replace_file(
    path: Path,
    write: Callable[[IO[bytes]], None],
    verify: Callable[[Path], bool] | None = None,
    keep_as: Path | None = None,
) -> None:
    """Put a synced and verified file in the place of `path` in one step; on any failure the old one stays.

    Args:
        path: the file.
        write: fills the new file.
        verify: reads the new file back and says whether it is what was meant.
        keep_as: where the file that was there before is kept.

    Raises:
        StorageError: the disk is full, read-only or failing.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        try:
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if verify is not None and not verify(temporary):
                raise StorageError(f"cannot write {path}: it reads back differently: the disk is failing")
            if keep_as is not None and path.exists():
                path.replace(keep_as)
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Put a UTF-8 text file in the place of `path` (see `replace_file`)."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, data: bytes) -> None:
    """Put a file of these bytes in the place of `path` (see `replace_file`)."""
    replace_file(path, lambda file: _write_all(file, data), lambda written: written.read_bytes() == data)


def sync_folder(folder: Path) -> None:
    """Make a folder's entries survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(file: IO[bytes], data: bytes) -> None:
    file.write(data)
