"""A run that left policies behind: what it was asked for, and the workload that its policies were trained on.

Policies need that workload: what they observe is scaled by it. Its run therefore keeps a copy, whatever becomes of the
file that it came from.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.settings import read_toml
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, TrainConfig, configured
from mamo_cli.runs.folder import CONFIG, known_as
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.workload.arrays_npz import read_all_arrays, write_arrays
from mamo_cli.workload.measurements_csv import read_measurements, write_measurements
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace, write_trace

TRACE = "trace.csv"
MEASUREMENTS = "measurements.csv"
PROCESS = "process.npz"
START = "start.npz"
KINDS: dict[str, type[TrainConfig] | type[MamoConfig]] = {"train": TrainConfig, "run-mamo": MamoConfig}
"""Commands that leave policies behind, and their configurations."""


class Trained(NamedTuple):
    """Such a run, as its folder tells of it."""

    path: Path
    manifest: dict[str, Any]
    config: TrainConfig | MamoConfig
    source: Trace


def content(source: Trace, device: str, start: str | None = None) -> str:
    """What decides a run's numbers beside its configuration.

    Args:
        source: its workload.
        device: which rounds in its own way.
        start: digest of the policies that its members begin with.
    """
    parts = [source.digest(), "" if device == "cpu" else device, "" if start is None else f"from {start}"]
    return " ".join(part for part in parts if part)


def content_of(manifest: Mapping[str, Any], source: Trace) -> str:
    """The same of a run with a workload, as its record has it."""
    return content(source, manifest.get("device", "cpu"), (manifest.get("start") or {}).get("content"))


def keep_source(folder: Path, source: Trace) -> None:
    """Keep a copy of the workload in a run's folder, and of what the domain is made of or was measured of it."""
    write_trace(replace(source, measured={}, arrays=None), folder / TRACE, force=True)
    if source.arrays is not None:
        write_arrays(source.arrays, folder / PROCESS)
    for measured in source.measured.values():
        write_measurements(measured, folder / MEASUREMENTS)


def read_trained(path: Path) -> Trained:
    """A run's configuration and workload: the copy that it keeps, or the file that an earlier version only named.

    Raises:
        DataError: the workload cannot be read, or is not the one that the run was trained on.
    """
    manifest = read_manifest(path)
    config = configured(KINDS[manifest["command"]], read_toml(path / CONFIG))
    kept = path / TRACE
    named = str(kept) if kept.exists() else config.instance.trace or "the domain's own trace"
    try:
        source = _kept(path, config) if kept.exists() else domains.load_source(config.domain, config.instance)
    except DataError as error:
        raise DataError([f"{path} was trained on {named}: {problem}" for problem in error.problems]) from error
    if manifest["config_digest"] not in known_as(config, [content_of(manifest, source)]):
        raise DataError(f"{named} is not the trace that {path} was trained on: put that one back, or train again")
    return Trained(path, manifest, config, source)


def _kept(path: Path, config: TrainConfig | MamoConfig) -> Trace:
    """The workload that a run keeps, with what the domain is made of or was measured of it."""
    source, named = read_trace(path / TRACE), getattr(config.instance, "measurements", None)
    if (path / PROCESS).exists():
        source = replace(source, arrays=read_all_arrays(path / PROCESS))
    return source if named is None else replace(source, measured={named: read_measurements(path / MEASUREMENTS)})


def read_complete(path: Path, command: str) -> Trained:
    """The same of a complete run of a command, which may be grown.

    Raises:
        UsageError: it is none.
        DataError: see `read_trained`.
    """
    manifest = read_manifest(path)
    if (manifest["command"], manifest["status"]) != (command, "complete") or command not in KINDS:
        kind = f"{manifest['status']} {manifest['command']} run"
        raise UsageError(f"{path} is a {kind}: --grow needs a complete {command} run")
    return read_trained(path)


def settings_of(path: Path, command: str) -> Mapping[str, Any]:
    """A complete run's settings, on the trace that it keeps, as a layer beneath those that are given.

    Raises:
        UsageError: it is no complete run of the command.
        DataError: see `read_trained`.
    """
    config = read_complete(path, command).config
    kept = {"trace": path / TRACE, "measurements": path / MEASUREMENTS, "process": path / PROCESS}
    start = {} if config.start is None else {"start": str(path / START)}
    own = {key: str(file) for key, file in kept.items() if getattr(config.instance, key, None) and file.exists()}
    each = {name: _on_kept(section.model_dump(), path) for name, section in config.instance.own.items()}
    tables = {table[0]: each} if each and (table := domains.own_table(config.domain)) else {}
    return {**config.model_dump(), **start, "instance": {**config.instance.model_dump(), **own}, **tables}


def _on_kept(own: dict[str, Any], path: Path) -> dict[str, Any]:
    """What an agent has of its own, its trace in the one that a run keeps."""
    return own if own.get("trace") is None else {**own, "trace": str(path / TRACE)}
