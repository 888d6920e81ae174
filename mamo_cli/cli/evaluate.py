"""`mamo evaluate`: a trained policy on another trace."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mamo_cli.cli.console import OUTPUT, print_json, print_table
from mamo_cli.cli.options import configured
from mamo_cli.cli.solve_offline import AsJson, Fresh, Name
from mamo_cli.config import EvaluateConfig, MamoConfig, TrainConfig, read_toml, resolve
from mamo_cli.errors import UsageError


@configured(EvaluateConfig, {"trace": "trace", "noise_seed": "noise_seed"})
def evaluate(
    overrides: dict[str, Any],
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="Name or folder of a complete train or run-mamo run.")],
    name: Name = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Play a run's greedy policies on a trace they were not trained on, beside the exact optimum there."""
    from mamo_cli.adaptation.loop import EVALUATION_COLUMNS
    from mamo_cli.adaptation.shards import ShardSpec, build_shard, cut
    from mamo_cli.adaptation.wa_agent import alpha_grid
    from mamo_cli.analysis.summaries import TRAIN_COLUMNS, train_summary
    from mamo_cli.cli.runs import find_run
    from mamo_cli.cli.session import open_session, write_frontier
    from mamo_cli.cli.train import plain
    from mamo_cli.runs import checkpoint
    from mamo_cli.runs.folder import read_manifest
    from mamo_cli.runs.tables import write_table
    from mamo_cli.scaling.instance import build_case, load_trace
    from mamo_cli.workload.trace_csv import read_trace

    trained = find_run(run_name)
    manifest = read_manifest(trained)
    kinds: dict[str, type[TrainConfig] | type[MamoConfig]] = {"train": TrainConfig, "run-mamo": MamoConfig}
    if manifest["command"] not in kinds or manifest["status"] != "complete":
        raise UsageError(f"{trained} is a {manifest['status']} {manifest['command']} run: name a complete train or run-mamo run")
    config = resolve(EvaluateConfig, {"run": trained.name}, overrides)
    training = resolve(kinds[manifest["command"]], read_toml(trained / "config.toml"))
    source = load_trace(training.instance)
    instance = training.instance.model_copy(update={"noise_seed": config.noise_seed})
    other = None if config.trace is None else read_trace(Path(config.trace))
    case = build_case(instance, source, evaluation_trace=other)
    saved = checkpoint.load(trained, manifest["config_digest"])
    if saved is None:
        raise UsageError(f"{trained} has no checkpoint to evaluate")
    used = (other or source).digest() + manifest["config_digest"]
    with open_session("evaluate", trained.name[:32], config, used, name, fresh) as run:
        if not run.complete:
            alphas = training.alpha if isinstance(training, TrainConfig) else ()
            seeds = tuple(range(training.seeds))
            members = [(seed, alpha) for alpha in alphas for seed in seeds]
            spec = ShardSpec(
                training, source, tuple(seed for seed, _ in members) or seeds, tuple(alpha for _, alpha in members)
            )
            rows: list[list[Any]] = []
            for part, state in zip(cut(spec, [len(s["alive"]) for s in saved["shards"]]), saved["shards"], strict=True):
                shard = build_shard(part)
                shard.load_state_dict(state)
                rows += shard.evaluate(case.evaluation)
            write_table(run.path / "evaluation.csv", EVALUATION_COLUMNS, rows)
            summary_rows = train_summary(run.path, case, training.instance.tolerance)
            write_table(run.path / "summary.csv", TRAIN_COLUMNS, summary_rows)
            write_frontier(run, case, training.instance, alpha_grid(0.1))
            run.record(summary=[dict(zip(TRAIN_COLUMNS, row, strict=True)) for row in plain(summary_rows)])
        summary = run.manifest["summary"]
        if as_json:
            print_json({"run": str(run.path), "members": summary})
            return
        columns = ("seed", "alpha", "mean_replicas", "mean_cost", "mean_rejection", "regret")
        print_table(columns, [[row[column] for column in columns] for row in summary])
        OUTPUT.note(f"run folder: {run.path}\nnext: mamo plot {run.path.name}")
