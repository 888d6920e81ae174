"""Trained policies on another workload, beside the exact optimum there."""

from pathlib import Path
from typing import Any

from mamo_cli.analysis.summaries import train_columns, train_summary
from mamo_cli.core.errors import CheckpointError
from mamo_cli.core.settings import read_toml
from mamo_cli.core.weights import alpha_grid
from mamo_cli.domains import registry as domains
from mamo_cli.experiments import run_mamo, train
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, TrainConfig, configured
from mamo_cli.experiments.session import (
    HERE,
    Outcome,
    Place,
    begin,
    open_session,
    outcome,
    write_frontier,
    write_summary,
)
from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import limit_threads
from mamo_cli.runs.folder import CONFIG
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.runs.tables import write_table
from mamo_cli.training.records import columns_of
from mamo_cli.training.shards import ShardSpec, build_shard, cut
from mamo_cli.training.two_phase import TwoPhaseLoop
from mamo_cli.workload.trace_csv import read_trace

KINDS: dict[str, type[TrainConfig] | type[MamoConfig]] = {"train": TrainConfig, "run-mamo": MamoConfig}
"""Commands that leave policies behind, and their configurations."""


def evaluate(trained: Path, config: EvaluateConfig, place: Place = HERE) -> Outcome:
    """Play a run's greedy policies, which learn no more; what `mamo evaluate` does.

    Args:
        trained: folder of a complete train or run-mamo run.
        config: what to evaluate on.
        place: where the new run is kept.

    Raises:
        MamoError: see its kinds.
    """
    manifest = read_manifest(trained)
    training = configured(KINDS[manifest["command"]], read_toml(trained / CONFIG))
    source = domains.load_source(training.domain, training.instance)
    instance = training.instance.model_copy(update={"noise_seed": config.noise_seed})
    other = None if config.trace is None else read_trace(Path(config.trace))
    domain = domains.build(training.domain, instance, source, other)
    content = (other or source).digest() + manifest["config_digest"]
    with open_session("evaluate", trained.name, config, content, place) as run:
        if not run.complete:
            begin(run, training.domain, domain)
            saved = checkpoint.load(trained, manifest["config_digest"])
            if saved is None:
                raise CheckpointError(f"{trained} has no checkpoint: run its command again with --fresh")
            with checkpoint.restoring(trained):
                shards = _restored(_members(training, source), saved["shards"])
            rows = [row for shard in shards for row in shard.evaluate(domain)]
            write_table(run.path / "evaluation.csv", columns_of(domain.spec, ())["evaluation"], rows)
            write_frontier(run, domain, alpha_grid(0.1))
            write_summary(run, train_columns(domain.spec.words), train_summary(run.path, domain))
            run.record(seeds=list(range(training.seeds)))
    return outcome(run)


def _members(training: TrainConfig | MamoConfig, source: Any) -> ShardSpec:
    if isinstance(training, TrainConfig):
        return train.members(training, source)
    return run_mamo.members(training, source)


def _restored(spec: ShardSpec, states: list[dict[str, Any]]) -> list[TwoPhaseLoop]:
    """All members of a run as its checkpoint holds them."""
    limit_threads()
    shards = [build_shard(part) for part in cut(spec, [len(state["alive"]) for state in states])]
    for shard, state in zip(shards, states, strict=True):
        shard.load_state_dict(state)
    return shards
