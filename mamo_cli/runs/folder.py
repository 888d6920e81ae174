"""Run folders: a run is its configuration, and the folder's name and manifest say so.

Only this layer writes under results/. A folder is worked in by one process at a time, which holds a lock on it.
"""

import fcntl
import json
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from mamo_cli.config import Section, canonical, to_toml
from mamo_cli.errors import DataError, DivergedError, LockedError, UsageError
from mamo_cli.runs.provenance import provenance
from mamo_cli.storage import replace_text, storage_errors

SCHEMA_VERSION = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
STATUSES = ("running", "complete", "interrupted", "failed", "diverged")


def checked_name(name: str) -> str:
    """A run's name, which must stay under its folder.

    Raises:
        UsageError: the name has other characters than the contract allows.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"run name {name!r}: use 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit")
    return name


@dataclass
class RunFolder:
    """A run folder whose lock this process holds."""

    path: Path
    digest: str
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether an earlier start has finished the run."""
        return self.manifest.get("status") in ("complete", "diverged")

    def record(self, **facts: Any) -> None:
        """Add facts to run.json."""
        self.manifest.update(facts)
        replace_text(self.path / "run.json", json.dumps(self.manifest, indent=2, allow_nan=False) + "\n")


def read_manifest(path: Path) -> dict[str, Any]:
    """A run folder's run.json, with the status as it is now: "running" without a lock holder reads "crashed".

    Raises:
        DataError: there is none, or it is not one of ours.
    """
    try:
        manifest = json.loads((path / "run.json").read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or manifest.get("status") not in STATUSES or "command" not in manifest:
            raise ValueError("no status or command")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a run folder: run.json cannot be read ({error})") from None
    if manifest["status"] == "running" and not is_locked(path):
        manifest["status"] = "crashed"
    return manifest


def is_locked(path: Path) -> bool:
    """Whether a process works in the folder."""
    try:
        with (path / ".lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def list_runs(root: Path) -> list[Path]:
    """Run folders under the results folder, newest start first; links are not followed."""
    folders = [path for path in root.iterdir() if (path / "run.json").is_file() and not path.is_symlink()] if root.is_dir() else []
    return sorted(folders, key=lambda path: (path / "run.json").stat().st_mtime_ns, reverse=True)


def remove_run(path: Path) -> None:
    """Delete a run folder that nobody works in; a link is never followed.

    Raises:
        LockedError: a process works in it.
    """
    if path.is_symlink():
        raise UsageError(f"{path} is a link: remove it yourself")
    read_manifest(path)
    if is_locked(path):
        raise LockedError(f"{path} is in use by another process")
    with storage_errors(path):
        shutil.rmtree(path)


@contextmanager
def open_run(
    root: Path, command: str, label: str, config: Section, digest: str, name: str | None, fresh: bool, argv: list[str]
) -> Iterator[RunFolder]:
    """Hold the folder of a run, new or begun before, and write down how it ends.

    Args:
        root: the results folder.
        command: such as "train".
        label: the readable part of the folder's name.
        config: the resolved configuration.
        digest: eight hex digits of it.
        name: the folder's name, or None for one made of command, label and digest.
        fresh: start over in a new folder where this one is taken.
        argv: the command line, for the record.

    Raises:
        LockedError: another process works in the folder.
        UsageError: the folder belongs to another configuration; lists what changed.
        StorageError: the disk refuses.
    """
    path = root / (checked_name(name) if name else f"{command}-{label}-{digest}"[:64])
    path = _unused(path) if fresh else path
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        run = RunFolder(path, digest)
        if (path / "run.json").exists():
            run.manifest = json.loads((path / "run.json").read_text(encoding="utf-8"))
            _refuse_changes(path, config, run.manifest.get("config_digest"), digest)
        if run.complete:
            yield run
            return
        replace_text(path / "config.toml", to_toml(config))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        starts = [*run.manifest.get("starts", []), {"started": now, "argv": argv}]
        run.record(
            schema_version=SCHEMA_VERSION, command=command, status="running", config_digest=digest,
            started=run.manifest.get("started", now), starts=starts, argv=argv, **provenance(),
        )  # fmt: skip
        try:
            yield run
        except DivergedError:
            _end(run, "diverged")
            raise
        except (KeyboardInterrupt, SystemExit):
            _end(run, "interrupted")
            raise
        except BaseException:
            _end(run, "failed")
            raise
        _end(run, "complete")


def _end(run: RunFolder, status: str) -> None:
    run.record(status=status, ended=datetime.now(UTC).isoformat(timespec="seconds"))


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    with storage_errors(path / ".lock"):
        file = (path / ".lock").open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"{path} is in use by another process: wait for it, or use --name for another folder") from None
        yield file


def _unused(path: Path) -> Path:
    candidates = (path if count == 1 else path.with_name(f"{path.name[:58]}-{count}") for count in range(1, 10_000))
    return next(candidate for candidate in candidates if not candidate.exists())


def _refuse_changes(path: Path, config: Section, found: str | None, digest: str) -> None:
    if found == digest:
        return
    try:
        before = tomllib.loads((path / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    changes = _differences(before, canonical(config))
    listed = "; ".join(changes) or "the trace file's content"
    raise UsageError(f"{path} holds a run of another configuration ({listed}): use another --name, or --fresh")


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[str]:
    changes: list[str] = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changes += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            changes.append(f"{prefix}{key}: {old!r} -> {new!r}")
    return changes
