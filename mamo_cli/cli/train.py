"""`mamo train`: task-execution agents at fixed alphas."""

from typing import Annotated, Any

import typer

from mamo_cli.cli.console import OUTPUT, print_json, print_table
from mamo_cli.cli.options import INSTANCE_OPTIONS, configured
from mamo_cli.cli.solve_offline import AsJson, ConfigFile, Fresh, Name
from mamo_cli.config import TrainConfig, resolve

Jobs = Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: one a core.")]
LEARNER_OPTIONS = {
    "discount": "learner.discount",
    "batch_size": "learner.batch_size",
    "replay_capacity": "learner.replay_capacity",
    "environments": "phase.environments",
    "updates_per_step": "phase.updates_per_step",
    "iterations": "phase.iterations",
    "iteration_steps": "phase.iteration_steps",
}


@configured(TrainConfig, {"alpha": "alpha", "seeds": "seeds", **INSTANCE_OPTIONS, **LEARNER_OPTIONS})
def train(
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    jobs: Jobs = None,
    name: Name = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Train a population of task-execution agents and measure each one's regret against the exact optimum."""
    import numpy as np

    from mamo_cli.adaptation.shards import ShardSpec
    from mamo_cli.adaptation.wa_agent import alpha_grid
    from mamo_cli.analysis.summaries import TRAIN_COLUMNS, train_summary
    from mamo_cli.cli.session import layers, open_session, train_members, write_frontier
    from mamo_cli.runs.tables import write_table
    from mamo_cli.scaling.instance import build_case, load_trace

    config = resolve(TrainConfig, *layers(config_file, overrides))
    source = load_trace(config.instance)
    case = build_case(config.instance, source)
    label = "a" + "-".join(f"{alpha:g}" for alpha in config.alpha[:4]) + f"-s{config.seeds}"
    with open_session("train", label, config, source.digest(), name, fresh) as run:
        for warning in case.warnings:
            OUTPUT.note(warning)
        if run.complete:
            OUTPUT.note(f"{run.path} is complete already; --fresh starts over")
        else:
            members = [(alpha, seed) for alpha in config.alpha for seed in range(config.seeds)]
            seeds, alphas = tuple(seed for _, seed in members), tuple(alpha for alpha, _ in members)
            run.record(seeds=list(range(config.seeds)))
            train_members(run, ShardSpec(config, source, seeds, alphas), jobs, with_cycles=False, total_rounds=10)
            write_frontier(run, case, config.instance, np.union1d(alpha_grid(0.1), config.alpha))
            rows = train_summary(run.path, case, config.instance.tolerance)
            write_table(run.path / "summary.csv", TRAIN_COLUMNS, rows)
            run.record(summary=[dict(zip(TRAIN_COLUMNS, row, strict=True)) for row in plain(rows)])
        summary = run.manifest["summary"]
        if as_json:
            print_json({"run": str(run.path), "members": summary})
            return
        print_table(*_medians(summary), title="medians over seeds")
        OUTPUT.note(f"run folder: {run.path}\nnext: mamo plot {run.path.name}")


def plain(rows: list[list[Any]]) -> list[list[Any]]:
    """Rows of plain Python numbers, None for what is not a number: ready for JSON."""
    values = [[value.item() if hasattr(value, "item") else value for value in row] for row in rows]
    return [[None if value != value else value for value in row] for row in values]


def _medians(summary: list[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    import numpy as np

    columns = ["alpha", "seeds", "mean_replicas", "mean_cost", "mean_rejection", "regret"]
    rows = []
    for alpha in dict.fromkeys(row["alpha"] for row in summary):
        members = [row for row in summary if row["alpha"] == alpha and row["regret"] is not None]
        medians = [float(np.median([row[column] for row in members])) if members else None for column in columns[2:]]
        rows.append([alpha, len(members), *medians])
    return columns, rows
