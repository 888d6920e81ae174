"""Files that a user asked for, which replace no other in silence."""

from collections.abc import Mapping
from pathlib import Path

from mamo_cli.core.errors import UsageError
from mamo_cli.core.storage import replace_bytes, storage_errors


def write_files(files: Mapping[Path, bytes], force: bool) -> None:
    """Write files unless others are there, of which all are looked at first.

    Raises:
        UsageError: another one is there, and `force` is not given.
        StorageError: the disk refuses.
    """
    for path, data in files.items():
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise UsageError(f"{path} is a folder or a device: name a file")
        if path.exists() and not force and path.read_bytes() != data:
            raise UsageError(f"{path} is already there, and is another: use --force to replace it")
    for path, data in files.items():
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, data)
