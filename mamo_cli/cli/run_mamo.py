"""`mamo run-mamo`: the full two-phase loop."""

from typing import Annotated, Any

import typer

from mamo_cli.cli.console import OUTPUT, print_table
from mamo_cli.cli.options import (
    INSTANCE_OPTIONS,
    LEARNER_OPTIONS,
    LOOP_OPTIONS,
    AsJson,
    ConfigFile,
    Device,
    EngineName,
    Fresh,
    Jobs,
    Name,
    RayAddress,
    configured,
)
from mamo_cli.config import PRESETS, MamoConfig, resolve
from mamo_cli.errors import UsageError

SHOWN = {
    "seed": "seed",
    "final_alpha": "alpha",
    "exact_alpha": "exact alpha",
    "mean_replicas": "replicas",
    "mean_rejection": "rejection",
    "feasible_share": "feasible",
    "cost_over_bound": "cost over bound",
}


@configured(MamoConfig, {"seeds": "seeds", **INSTANCE_OPTIONS, **LOOP_OPTIONS, **LEARNER_OPTIONS})
def run_mamo(
    *,
    overrides: dict[str, Any],
    preset: Annotated[str, typer.Option(help="quick (8 seeds) or paper (20 seeds, longer).")] = "quick",
    config_file: ConfigFile = None,
    jobs: Jobs = None,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
    device: Device = "cpu",
    name: Name = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Find the best alpha by weight adaptation.

    Weight-adaptation agents learn the alpha that makes task-execution agents cheapest within the tolerance.
    """
    from mamo_cli.adaptation.wa_agent import alpha_grid
    from mamo_cli.analysis.exact import exact_alpha
    from mamo_cli.analysis.summaries import MAMO_COLUMNS, mamo_summary
    from mamo_cli.cli.session import (
        finish,
        identity,
        layers,
        members_of,
        open_session,
        refuse_diverged,
        train_members,
        write_frontier,
        write_summary,
    )
    from mamo_cli.scaling.instance import build_case, load_trace

    if preset not in PRESETS:
        raise UsageError(f"--preset is one of {', '.join(PRESETS)}, got {preset!r}")
    config = resolve(MamoConfig, PRESETS[preset], *layers(config_file, overrides))
    instance = config.instance
    source = load_trace(instance)
    case = build_case(instance, source)
    with open_session("run-mamo", f"s{config.seeds}", config, identity(source, device), name=name, fresh=fresh) as run:
        if not run.complete:
            for warning in case.warnings:
                OUTPUT.warn(warning)
            spec = members_of(config, source, device)
            train_members(run, spec, jobs, engine, ray_address)
            grid = alpha_grid(config.adaptation.alpha_step)
            bound = write_frontier(run, case, instance, grid).objective
            exact = exact_alpha(case, grid, instance.tolerance)
            rows = mamo_summary(run.path, case, instance, exact, bound)
            write_summary(run, MAMO_COLUMNS, rows)
            refuse_diverged(run, spec)
    summary = run.manifest["summary"]
    rows = [[row[column] for column in SHOWN] for row in summary]
    finish(run, {"members": summary}, as_json, lambda: print_table(list(SHOWN.values()), rows))
