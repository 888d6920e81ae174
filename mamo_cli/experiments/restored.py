"""The members of a complete run, as its checkpoint holds them, and what they were trained for."""

from mamo_cli.core.errors import CheckpointError
from mamo_cli.core.seam import Domain, Shift
from mamo_cli.experiments.configs import MamoConfig
from mamo_cli.experiments.members import members
from mamo_cli.experiments.trained import Trained
from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import limit_threads
from mamo_cli.training.conditions import NO_DRIFT
from mamo_cli.training.continual import ContinualLoop
from mamo_cli.training.shards import ShardSpec, build_shard, shards_of
from mamo_cli.training.two_phase import TwoPhaseLoop


def members_of(before: Trained) -> ShardSpec:
    """All members of a run."""
    return members(before.config, before.source)


def restored(before: Trained) -> list[tuple[ShardSpec, TwoPhaseLoop | ContinualLoop]]:
    """All of them at the end, some in a loop each.

    Raises:
        CheckpointError: there is none, or it does not fit the run.
    """
    saved = checkpoint.load(before.path, before.manifest["config_digest"])
    if saved is None:
        raise CheckpointError(f"{before.path} has no checkpoint: run its command again with --fresh")
    limit_threads()
    with checkpoint.restoring(before.path):
        shards = [(part, build_shard(part)) for part in shards_of(members_of(before), saved["shards"])]
        for (_, shard), state in zip(shards, saved["shards"], strict=True):
            shard.load_state_dict(state)
    return shards


def under_last_conditions(domain: Domain, before: Trained, tolerance: float | None = None) -> Domain:
    """What the policies were trained for last, where conditions changed while they were; a tolerance given stays."""
    trained = before.config
    if not isinstance(trained, MamoConfig) or trained.continual or trained.drift == NO_DRIFT:
        return domain
    shift = Shift(**trained.drift.at(members_of(before).cycles - 1))
    return domain.shifted(shift if tolerance is None else shift._replace(tolerance=None))
