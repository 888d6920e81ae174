"""Run folders: a run is its configuration, and the folder's name and manifest say so.

Only this layer writes a run's results. A folder is worked in by one process at a time, which holds a lock on it.
"""

import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mamo_cli.core.energy import declared
from mamo_cli.core.errors import DivergedError, MamoError, StorageError, UsageError
from mamo_cli.core.faults import fault
from mamo_cli.core.settings import Section, canonical, digest, read_toml, resolve, to_toml
from mamo_cli.core.storage import replace_text, storage_errors
from mamo_cli.runs import locks, logs, manifest
from mamo_cli.runs.ledger import Meter, ledger
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.provenance import provenance
from mamo_cli.runs.stopping import STOP

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CONFIG = "config.toml"
GROWING = "growing"
"""The folder, in that of a run that grows, where new members catch up with the others."""
MAY_GROW = ("seeds", "alpha", "adaptation.cycles")
"""Settings of which a further run may have more than one that is complete, and take its members over."""


def checked_name(name: str) -> str:
    """A run's name, which must stay under its folder.

    Raises:
        UsageError: the name has other characters than the contract allows.
    """
    if not RUN_NAME.fullmatch(name):
        raise UsageError(
            f"run name {name!r}: use 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    return name


@dataclass
class RunFolder:
    """A run folder whose lock this process holds."""

    path: Path
    digest: str
    manifest: dict[str, Any] = field(default_factory=dict)
    _began: float = 0.0
    _meter: Meter | None = None  # of the start that is at work

    @property
    def complete(self) -> bool:
        """Whether the run has ended by itself: nothing is left to do."""
        return self.manifest.get("status") in ("complete", "diverged")

    def record(self, **facts: Any) -> None:
        """Add facts to run.json, and what the run has used by now."""
        self.manifest.update(facts)
        if self._meter is not None:
            *earlier, last = self.manifest["starts"]
            self.manifest["starts"] = [*earlier, {**last, **self._meter.read()}]
            self.manifest["energy"] = ledger(self.manifest, declared())
        manifest.write_manifest(self.path, self.manifest)

    def record_start(self, **facts: Any) -> None:
        """Add facts to run.json, and to the start that is at work: what they are of another start stays with that."""
        *earlier, last = self.manifest["starts"]
        self.record(starts=[*earlier, {**last, **facts}], **facts)

    def checkpointed(self) -> None:
        """Record what the run has used by now: of a start that is killed later, that much is known."""
        if self._meter is not None:  # new members of a run that grows have no run.json of their own
            self.record()

    def begin(self, command: str, argv: list[str], *, whole_process: bool = False) -> None:
        """Record that a process has started to work on the run; see `open_run`."""
        self._began, self._meter = time.monotonic(), Meter(whole_process=whole_process)
        earlier = [{"status": "crashed", **start} for start in self.manifest.get("starts", [])]
        self.record(
            schema_version=manifest.SCHEMA_VERSION,
            command=command,
            status="running",
            config_digest=self.digest,
            started=self.manifest.get("started", _now()),
            starts=[*earlier, {"started": _now(), "argv": argv}],
            argv=argv,
            **provenance(),
        )

    def end(self, status: str) -> None:
        """Record how the work has ended."""
        *earlier, last = self.manifest["starts"]
        seconds = round(time.monotonic() - self._began, 3)
        ended = {**last, "ended": _now(), "seconds": seconds, "status": status}
        self.record(status=status, ended=_now(), starts=[*earlier, ended])


def name_of(command: str, label: str, digest: str) -> str:
    """A run folder's name made of command, label and digest."""
    return f"{command}-{label}"[:55] + f"-{digest}"


@contextmanager
def open_run(
    root: Path,
    command: str,
    label: str,
    config: Section,
    contents: Sequence[str],
    *,
    name: str | None,
    fresh: bool,
    argv: list[str],
    whole_process: bool = False,
) -> Iterator[RunFolder]:
    """Hold the folder of a run, new or begun before, and write down how it ends.

    One that is complete is not written to, and may be read where nothing may be written.

    Args:
        root: the results folder.
        command: such as "train".
        label: the readable part of the folder's name.
        config: the resolved configuration.
        contents: digests of what the files it names hold.
        name: the folder's name, or None for one made of command, label and digest.
        fresh: start over in a new folder where this one is taken.
        argv: the command line, for the record.
        whole_process: whether all that this process has used belongs to the run, what came before this call included.

    Raises:
        LockedError: another process works in the folder.
        UsageError: the folder holds something else than this run; lists what differs. Or what is declared of energy is
            no number.
        DataError: the folder's run.json is damaged.
        StorageError: the disk refuses.
    """
    declared()
    path = root / (checked_name(name) if name else name_of(command, label, digest(config, *contents)))
    path = unused(path) if fresh else path
    if path.is_symlink():
        raise UsageError(f"{path} is a link, and runs stay under {root}: use another --name")
    if manifest.is_run(path) and (run := _earlier(path, command, config, contents)).complete:
        yield run
        return
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    with locks.locked(path):
        run = _earlier(path, command, config, contents)
        if run.complete:
            yield run
            return
        for leftover in path.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        replace_text(path / CONFIG, to_toml(config))
        run.begin(command, argv, whole_process=whole_process)
        with logs.log_to(path / logs.NAME), _ending(run):
            yield run


def remove_run(path: Path) -> None:
    """Delete a run folder that nobody works in; a link is never followed.

    Raises:
        UsageError: it is a link, or no run folder.
        LockedError: a process works in it.
        StorageError: the disk refuses.
    """
    if path.is_symlink():
        raise UsageError(f"{path} is a link: remove it yourself")
    if not (path / manifest.NAME).is_file():
        raise UsageError(f"{path} is not a run folder: it has no {manifest.NAME}")
    with locks.locked(path), storage_errors(path):
        shutil.rmtree(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _ending(run: RunFolder) -> Iterator[None]:
    """Record how a run ends; where that is anybody's bug, keep the traceback and leave one line."""
    LOGGER.debug("start %s", run.manifest["starts"][-1])
    try:
        yield
        run.end("complete")
    except BaseException as error:
        LOGGER.debug("ended by %s", type(error).__name__, exc_info=error)
        with suppress(StorageError):  # the reason why it ends may be a full disk
            run.end(_status_after(error))
        if isinstance(error, Exception) and not isinstance(error, MamoError | OSError):
            log = run.path / logs.NAME
            raise MamoError(f"{fault(error)} (traceback in {log})") from error
        raise


def _status_after(error: BaseException) -> str:
    if isinstance(error, DivergedError):
        return "diverged"
    stopped = STOP.number is not None or isinstance(error, KeyboardInterrupt | SystemExit)
    return "interrupted" if stopped else "failed"


def unused(path: Path) -> Path:
    """The path, or it with the first number behind it that nothing bears."""
    candidates = (path if count == 1 else path.with_name(f"{path.name[:58]}-{count}") for count in range(1, 10_000))
    return next(candidate for candidate in candidates if not candidate.exists())


def _earlier(path: Path, command: str, config: Section, contents: Sequence[str]) -> RunFolder:
    """The run with the manifest of its earlier starts, or with none for a new folder."""
    own = digest(config, *contents)
    if not manifest.is_run(path):
        others = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")]
        if set(others) - {logs.NAME, CONFIG}:
            raise UsageError(f"{path} holds {min(others)} but is not a run folder: use another --name")
        return RunFolder(path, own)
    found = manifest.read_manifest(path)
    if found["command"] != command:
        raise UsageError(f"{path} holds a {found['command']} run, not a {command} run: use another --name, or --fresh")
    before = _written_config(path, type(config))
    recorded = found.get("config_digest")
    # Earlier versions counted the words of a trace's name, too: their own configuration tells which those were.
    if recorded != own and (before is None or {own, recorded} != known_as(before, contents)):
        changes = differences(before, config)
        grows = changes and all(change.partition(":")[0] in MAY_GROW for change in changes)
        raise UsageError(
            f"{path} holds a run of another configuration "
            f"({'; '.join(changes) or 'the content of its trace or its start, or the device'}): use another --name"
            f"{f' (with --grow {path.name}, which trains only what is new)' if grows else ''}, or --fresh"
        )
    return RunFolder(path, str(recorded), found)


def known_as(config: Section, contents: Sequence[str]) -> set[str]:
    """The digests that a run may be recorded under: this version's, and that of earlier ones."""
    return {digest(config, *contents), digest(config, *contents, words=True)}


def _written_config(path: Path, kind: type[Section]) -> Section | None:
    try:
        return resolve(kind, read_toml(path / CONFIG))
    except UsageError:
        return None


def differences(before: Section | None, after: Section) -> list[str]:
    """What another configuration changes, but for what the files that it names are called."""
    old = {} if before is None else canonical(before, words=False)
    changed = changes(old, canonical(after, words=False))
    return [f"{setting}: {_shown(old)} -> {_shown(new)}" for setting, old, new in changed]


def changes(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Settings of two configurations that are not the same, with both values; None where one has no such setting."""
    found: list[tuple[str, Any, Any]] = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += changes(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append((f"{prefix}{key}", old, new))
    return found


def _shown(value: Any) -> str:
    return "unset" if value is None else "a section" if isinstance(value, Mapping) else repr(value)
