"""`mamo run-mamo`: the full two-phase loop."""

from typing import Annotated, Any

import typer

from mamo_cli.cli.console import OUTPUT, print_json, print_table
from mamo_cli.cli.options import INSTANCE_OPTIONS, configured
from mamo_cli.cli.solve_offline import AsJson, ConfigFile, Fresh, Name
from mamo_cli.cli.train import LEARNER_OPTIONS, Jobs, plain
from mamo_cli.config import PRESETS, MamoConfig, resolve
from mamo_cli.errors import UsageError

LOOP_OPTIONS = {
    name: f"adaptation.{name}" for name in ("cycles", "initial_alpha", "alpha_step", "kappa")
}
SHOWN = ("seed", "final_alpha", "exact_alpha", "mean_replicas", "mean_rejection", "feasible_share", "cost_over_bound")


@configured(MamoConfig, {"seeds": "seeds", **INSTANCE_OPTIONS, **LOOP_OPTIONS, **LEARNER_OPTIONS})
def run_mamo(
    overrides: dict[str, Any],
    preset: Annotated[str, typer.Option(help="quick (8 seeds) or paper (20 seeds, longer).")] = "quick",
    config_file: ConfigFile = None,
    jobs: Jobs = None,
    name: Name = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Let weight-adaptation agents find the alpha that makes task-execution agents cheapest within the tolerance."""
    from mamo_cli.adaptation.shards import ShardSpec
    from mamo_cli.adaptation.wa_agent import alpha_grid
    from mamo_cli.analysis.exact import exact_alpha
    from mamo_cli.analysis.summaries import MAMO_COLUMNS, mamo_summary
    from mamo_cli.cli.session import layers, open_session, train_members, write_frontier
    from mamo_cli.runs.tables import write_table
    from mamo_cli.scaling.instance import build_case, load_trace

    if preset not in PRESETS:
        raise UsageError(f"--preset is one of {', '.join(PRESETS)}, got {preset!r}")
    config = resolve(MamoConfig, PRESETS[preset], *layers(config_file, overrides))
    instance, adaptation = config.instance, config.adaptation
    source = load_trace(instance)
    case = build_case(instance, source)
    with open_session("run-mamo", f"s{config.seeds}", config, source.digest(), name, fresh) as run:
        for warning in case.warnings:
            OUTPUT.note(warning)
        if run.complete:
            OUTPUT.note(f"{run.path} is complete already; --fresh starts over")
        else:
            run.record(seeds=list(range(config.seeds)))
            spec = ShardSpec(config, source, tuple(range(config.seeds)))
            train_members(run, spec, jobs, with_cycles=True, total_rounds=adaptation.cycles)
            grid = alpha_grid(adaptation.alpha_step)
            bound = write_frontier(run, case, instance, grid)
            exact = exact_alpha(case, grid, instance.tolerance)
            rows = mamo_summary(run.path, case, instance.tolerance, instance.replica_cost, exact, bound.objective)
            write_table(run.path / "summary.csv", MAMO_COLUMNS, rows)
            run.record(summary=[dict(zip(MAMO_COLUMNS, row, strict=True)) for row in plain(rows)])
        summary = run.manifest["summary"]
        if as_json:
            print_json({"run": str(run.path), "members": summary})
            return
        print_table(SHOWN, [[row[column] for column in SHOWN] for row in summary])
        OUTPUT.note(f"run folder: {run.path}\nnext: mamo plot {run.path.name}")
