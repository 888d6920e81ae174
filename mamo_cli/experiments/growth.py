"""A run that grows: what a complete run has trained is taken over, and only what is new is trained.

Members touch no other's numbers, and cycles not those before them. New members are trained in a folder of their own to
where the others ended; then tables and checkpoint of all are put together as if the new run had been interrupted there.
From that moment on it is a run like any other. The run that was there before is only ever read.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.core.errors import CheckpointError, UsageError
from mamo_cli.core.storage import replace_text, storage_errors
from mamo_cli.experiments.configs import MamoConfig, TrainConfig
from mamo_cli.experiments.members import members
from mamo_cli.experiments.trained import read_complete
from mamo_cli.runs import checkpoint
from mamo_cli.runs.folder import GROWING, MAY_GROW, RunFolder, differences, known_as
from mamo_cli.runs.tables import OTHER_COLUMNS, to_csv
from mamo_cli.strategies import registry as strategies
from mamo_cli.strategies.settings import LoopSettings
from mamo_cli.training.settings import seeds_of
from mamo_cli.training.shards import ShardSpec, place_in, shards_of


class Grown(NamedTuple):
    """What a run grows from: a run's folder, its digest, and its members."""

    path: Path
    digest: str
    spec: ShardSpec


def grown_from(
    path: Path,
    command: str,
    config: TrainConfig | MamoConfig,
    content: str,
) -> Grown:
    """The run to grow from, of which the new one is to have all members and cycles.

    Args:
        path: its folder.
        command: of both.
        config: of the new run.
        content: of the new run, see `trained.content`.

    Raises:
        UsageError: it does not grow into the new run; says why.
        DataError: see `read_trained`.
    """
    before = read_complete(path, command)
    if before.manifest.get("device", "cpu") != "cpu":
        raise UsageError(f"{path} was trained on a GPU, where members touch one another's last bits: it cannot grow")
    if before.manifest["config_digest"] not in known_as(before.config, [content]):
        raise UsageError(f"{path} cannot grow into this run: its trace, its start or its device is another")
    reasons = _lacking(before.config, config)
    if reasons:
        more = ", ".join(MAY_GROW)
        raise UsageError(f"{path} cannot grow into this run ({'; '.join(reasons)}): it may have more of {more} alone")
    return Grown(path, before.manifest["config_digest"], members(before.config, before.source))


def _lacking(before: TrainConfig | MamoConfig, config: TrainConfig | MamoConfig) -> list[str]:
    """Why a run's members would not be those of another."""
    changes = {change.partition(":")[0]: change for change in differences(before, config)}
    if set(seeds_of(before.seeds)) <= set(seeds_of(config.seeds)):
        changes.pop("seeds", None)
    if set(getattr(before, "alpha", ())) <= set(getattr(config, "alpha", ())):
        changes.pop("alpha", None)
    if "phase.iterations" in changes:
        changes["phase.iterations"] += ", and the schedules of a phase run over all its iterations"
    if isinstance(config, MamoConfig) and "adaptation.cycles" in changes and "strategy" not in changes:
        had, asked = _cycles(before), _cycles(config)
        reason = strategies.tied(config.strategy, config.sections())
        if asked > had and reason is None:
            del changes["adaptation.cycles"]
        elif asked > had:
            changes["adaptation.cycles"] += f", and {reason}"
    return list(changes.values())


LAST = ("delivered", "evaluation")
"""Tables that are of the last cycle alone."""


def _cycles(config: TrainConfig | MamoConfig) -> int:
    assert isinstance(config, MamoConfig)
    loop = config.sections()["adaptation"]
    assert isinstance(loop, LoopSettings)
    return loop.cycles


def take_over(
    run: RunFolder,
    spec: ShardSpec,
    grown: Grown,
    columns: Mapping[str, Sequence[str]],
    train: Callable[[RunFolder, ShardSpec], object],
) -> None:
    """Bring a new run to where the one that it grows from ended; nothing is left to do where that was done before.

    Args:
        run: the new run.
        spec: its members.
        grown: what it grows from.
        columns: header of each table that shards fill.
        train: trains some members to their end, in a folder.

    Raises:
        CheckpointError: the checkpoint or a table of the run that it grows from is not what that run left.
    """
    if checkpoint.load(run.path, run.digest) is not None:
        return
    parts = [grown]
    new = spec.of([member for member in spec.members if member not in set(grown.spec.members)])
    if new.seeds:
        part = Grown(run.path / GROWING, run.digest, _as_long_as(grown.spec, new))
        with storage_errors(part.path):
            part.path.mkdir(exist_ok=True)
        train(RunFolder(part.path, part.digest), part.spec)
        parts.append(part)
    saved = [_saved(part, columns) for part in parts]
    longer = spec.cycles > grown.spec.cycles
    lengths = {}
    for name, header in columns.items():
        rows = [] if longer and name in LAST else [row for part in parts for row in _rows(part, name, header)]
        text = to_csv([header]) + "".join(f"{','.join(row)}\n" for row in sorted(rows, key=_order(spec, name, header)))
        replace_text(run.path / f"{name}.csv", text)
        lengths[name] = len(text.encode())
    states = [
        {**state, "seeds": list(shard.seeds), **({"due": True} if longer else {})}
        for part, content in zip(parts, saved, strict=True)
        for shard, state in zip(shards_of(part.spec, content["shards"]), content["shards"], strict=True)
    ]
    rounds = spec.round_of(grown.spec.cycles * grown.spec.phase.iterations)
    checkpoint.save(run.path, run.digest, {"rounds": rounds, "lengths": lengths, "shards": states})


def forget(run: RunFolder) -> None:
    """Delete what new members left on their way."""
    shutil.rmtree(run.path / GROWING, ignore_errors=True)


def _as_long_as(before: ShardSpec, new: ShardSpec) -> ShardSpec:
    """New members for as many cycles as those before had."""
    return replace(new, sections=before.sections)


def _saved(part: Grown, columns: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a complete run's checkpoint holds, whose tables are as long as it says."""
    content = checkpoint.load(part.path, part.digest)
    if content is None:
        raise CheckpointError(f"{part.path} has no checkpoint: run its command again with --fresh")
    for name in columns:
        table = part.path / f"{name}.csv"
        if not table.exists() or table.stat().st_size != content["lengths"].get(name):
            raise CheckpointError(f"{table} is not what its run left: it cannot grow")
    return content


def _rows(part: Grown, name: str, header: Sequence[str]) -> list[list[str]]:
    """A table's rows, cell by cell as they were written; no cell holds a comma."""
    path = part.path / f"{name}.csv"
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    if first != ",".join(header):
        raise CheckpointError(f"{path} {OTHER_COLUMNS}: it cannot grow, start over with --fresh")
    return [line.split(",") for line in lines]


def _order(spec: ShardSpec, name: str, header: Sequence[str]) -> Callable[[list[str]], tuple[int, int]]:
    """Where a row stands in a run's table: round by round, and in a round member by member."""
    place = place_in(spec)
    when = {"training": "iteration", "cycles": "cycle"}.get(name)

    def of(row: list[str]) -> tuple[int, int]:
        at = int(row[header.index(when)]) if when else 0
        return spec.round_of(at) if name == "training" else at, place((int(row[0]), float(row[1])))

    return of
