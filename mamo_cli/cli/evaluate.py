"""`mamo evaluate`: a trained policy on another trace."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mamo_cli.cli.console import OUTPUT, print_table
from mamo_cli.cli.options import AsJson, Fresh, Name, configured
from mamo_cli.config import EvaluateConfig, MamoConfig, TrainConfig, read_toml, resolve
from mamo_cli.errors import CheckpointError, UsageError

KINDS: dict[str, type[TrainConfig] | type[MamoConfig]] = {"train": TrainConfig, "run-mamo": MamoConfig}
SHOWN = {
    "seed": "seed",
    "alpha": "alpha",
    "mean_replicas": "replicas",
    "mean_cost": "cost",
    "mean_rejection": "rejection",
    "regret": "regret",
}


@configured(EvaluateConfig, {"trace": "trace", "noise_seed": "noise_seed"})
def evaluate(
    run_name: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="A complete train or run-mamo run.  [default: the newest]"),
    ] = None,
    *,
    overrides: dict[str, Any],
    name: Name = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Play trained policies on another trace.

    The policies are greedy and learn no more; they stand beside the exact optimum on that trace.
    """
    from mamo_cli.adaptation.loop import EVALUATION_COLUMNS
    from mamo_cli.adaptation.wa_agent import alpha_grid
    from mamo_cli.analysis.summaries import TRAIN_COLUMNS, train_summary
    from mamo_cli.cli.session import finish, open_session, write_frontier, write_summary
    from mamo_cli.runs import checkpoint
    from mamo_cli.runs.manifest import read_manifest
    from mamo_cli.runs.tables import write_table
    from mamo_cli.scaling.instance import build_case, load_trace
    from mamo_cli.workload.trace_csv import read_trace

    trained = _trained_run(run_name)
    manifest = read_manifest(trained)
    config = resolve(EvaluateConfig, {"run": trained.name}, overrides)
    training = resolve(KINDS[manifest["command"]], read_toml(trained / "config.toml"))
    source = load_trace(training.instance)
    instance = training.instance.model_copy(update={"noise_seed": config.noise_seed})
    other = None if config.trace is None else read_trace(Path(config.trace))
    case = build_case(instance, source, evaluation_trace=other)
    content = (other or source).digest() + manifest["config_digest"]
    with open_session("evaluate", trained.name, config, content, name=name, fresh=fresh) as run:
        if not run.complete:
            for warning in case.warnings:
                OUTPUT.warn(warning)
            saved = checkpoint.load(trained, manifest["config_digest"])
            if saved is None:
                raise CheckpointError(f"{trained} has no checkpoint: run its command again with --fresh")
            with checkpoint.restoring(trained):
                shards = _restored(training, source, saved["shards"])
            rows = [row for shard in shards for row in shard.evaluate(case.evaluation)]
            write_table(run.path / "evaluation.csv", EVALUATION_COLUMNS, rows)
            write_frontier(run, case, instance, alpha_grid(0.1))
            write_summary(run, TRAIN_COLUMNS, train_summary(run.path, case, instance.tolerance))
            run.record(seeds=list(range(training.seeds)))
    summary = run.manifest["summary"]
    rows = [[row[column] for column in SHOWN] for row in summary]
    finish(run, {"members": summary}, as_json, lambda: print_table(list(SHOWN.values()), rows))


def _trained_run(name: str | None) -> Path:
    """The complete train or run-mamo run of that name, or the newest one."""
    from mamo_cli.cli.runs import find_run, newest_complete
    from mamo_cli.runs.manifest import read_manifest

    if name is None:
        trained = next((path for command, path in newest_complete().items() if command in KINDS), None)
        if trained is None:
            raise UsageError("no complete train or run-mamo run under results/; next: mamo train")
        return trained
    trained = find_run(name)
    manifest = read_manifest(trained)
    if manifest["command"] not in KINDS or manifest["status"] != "complete":
        kind = f"{manifest['status']} {manifest['command']} run"
        raise UsageError(f"{trained} is a {kind}: name a complete train or run-mamo run")
    return trained


def _restored(training: TrainConfig | MamoConfig, source: Any, states: list[dict[str, Any]]) -> list[Any]:
    """All members of a run as its checkpoint holds them."""
    from mamo_cli.adaptation.shards import build_shard, cut
    from mamo_cli.cli.session import members_of
    from mamo_cli.runs.engine import limit_threads

    limit_threads()
    shards = [
        build_shard(part) for part in cut(members_of(training, source), [len(state["alive"]) for state in states])
    ]
    for shard, state in zip(shards, states, strict=True):
        shard.load_state_dict(state)
    return shards
