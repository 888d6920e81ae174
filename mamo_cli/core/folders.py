"""Where what can be made again is kept from one command to the next: a folder that only the user can write."""

import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@functools.cache
def for_caches() -> Path | None:
    """The first that can be written: in the user's cache folder, else in the system's for temporary files; or None.

    What is kept there is run, so a folder that others can write, or that another has put there, is not taken.
    """
    return next((folder for folder in _candidates() if _is_ours(folder)), None)


def home_can_be_written() -> bool:
    """Whether the user has a home that programs may keep their things in."""
    home = _home()
    return home.is_absolute() and os.access(home, os.W_OK | os.X_OK)


def _home() -> Path:
    return Path(os.path.expanduser("~"))  # which stays "~" for a user whom the system does not know


def _candidates() -> Iterator[Path]:
    caches = os.environ.get("XDG_CACHE_HOME", "")
    own = (Path(caches) if os.path.isabs(caches) else _home() / ".cache") / "mamo"
    temporary = Path(os.environ.get("TMPDIR") or "/tmp") / f"mamo-{os.getuid()}"
    yield from (folder for folder in (own, temporary) if folder.is_absolute())


def _is_ours(folder: Path) -> bool:
    """Make a folder unless it is there; whether it is this user's own, and can be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & _OTHERS_WRITE
    return ours and os.access(folder, os.W_OK | os.X_OK)
