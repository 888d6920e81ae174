"""run.json: what a run is, where it came from and how it ended; and which runs there are."""

import json
import os
from pathlib import Path
from typing import Any

from mamo_cli.core.errors import DataError
from mamo_cli.core.storage import replace_text
from mamo_cli.runs.locks import is_locked

RESULTS = Path("results")
"""The folder of all runs, unless another is named."""

NAME = "run.json"
SCHEMA_VERSION = 1
STATUSES = ("running", "complete", "interrupted", "failed", "diverged")


class UnreadableError(DataError):
    """A run folder that this user may not read, or that the disk refuses."""


def is_run(folder: Path) -> bool:
    """Whether a folder is one of a run, as far as can be told."""
    return os.path.isfile(folder / NAME)


def read_manifest(folder: Path) -> dict[str, Any]:
    """A run's manifest, with the status as it is now: "running" without a holder of the lock reads "crashed".

    Raises:
        UnreadableError: the system refuses it.
        DataError: there is none, or it is not one of ours.
    """
    path = folder / NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{folder} is not a run folder: it has no {NAME}") from None
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(manifest, dict) or manifest.get("status") not in STATUSES:
        raise _damaged(path, f"its status is not one of {', '.join(STATUSES)}")
    if not isinstance(manifest.get("command"), str) or not isinstance(manifest.get("starts"), list):
        raise _damaged(path, "it has no command or no list of starts")
    if manifest["status"] == "running" and not is_locked(folder):
        manifest["status"] = "crashed"
    return manifest


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Replace a run's manifest in one step."""
    replace_text(folder / NAME, json.dumps(manifest, indent=2, allow_nan=False) + "\n")


def list_runs(root: Path) -> list[Path]:
    """Run folders under the results folder, last changed first; links are not followed.

    A folder that cannot be looked into may be one, and is listed last.
    """
    if not root.is_dir():
        return []
    changed = {path: _changed(path) for path in root.iterdir() if not os.path.islink(path)}
    return sorted((path for path, when in changed.items() if when), key=lambda path: changed[path], reverse=True)


def _changed(folder: Path) -> int:
    """When a run last changed, ns; 0 for what is no run, 1 where the system does not say."""
    try:
        return (folder / NAME).stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError:
        return 1


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is damaged ({reason}): delete the run with `mamo runs rm`, or use another --name")
