"""`mamo train`: task-execution agents at fixed alphas."""

from typing import Any

from mamo_cli.cli.console import OUTPUT, print_table
from mamo_cli.cli.options import (
    INSTANCE_OPTIONS,
    LEARNER_OPTIONS,
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
from mamo_cli.config import TrainConfig, resolve

SHOWN = {"mean_replicas": "replicas", "mean_cost": "cost", "mean_rejection": "rejection", "regret": "regret"}


@configured(TrainConfig, {"alpha": "alpha", "seeds": "seeds", **INSTANCE_OPTIONS, **LEARNER_OPTIONS})
def train(
    *,
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    jobs: Jobs = None,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
    device: Device = "cpu",
    name: Name = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Train task-execution agents at fixed alphas.

    A population learns one policy for each seed and alpha; each one's regret is measured against the exact optimum.
    """
    import numpy as np

    from mamo_cli.adaptation.wa_agent import alpha_grid
    from mamo_cli.analysis.summaries import TRAIN_COLUMNS, train_summary
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

    config = resolve(TrainConfig, *layers(config_file, overrides))
    source = load_trace(config.instance)
    case = build_case(config.instance, source)
    label = "a" + "-".join(f"{alpha:g}" for alpha in config.alpha[:4]) + f"-s{config.seeds}"
    with open_session("train", label, config, identity(source, device), name=name, fresh=fresh) as run:
        if not run.complete:
            for warning in case.warnings:
                OUTPUT.warn(warning)
            spec = members_of(config, source, device)
            train_members(run, spec, jobs, engine, ray_address)
            write_frontier(run, case, config.instance, np.union1d(alpha_grid(0.1), config.alpha))
            write_summary(run, TRAIN_COLUMNS, train_summary(run.path, case, config.instance.tolerance))
            refuse_diverged(run, spec)
    summary = run.manifest["summary"]
    columns = ["alpha", "seeds", *(f"median {name}" for name in SHOWN.values())]
    finish(run, {"members": summary}, as_json, lambda: print_table(columns, medians(summary)))


def medians(summary: list[dict[str, Any]]) -> list[list[Any]]:
    """For each alpha, how many seeds did not diverge, and their medians of what is shown."""
    import numpy as np

    rows = []
    for alpha in dict.fromkeys(row["alpha"] for row in summary):
        members = [row for row in summary if row["alpha"] == alpha and row["regret"] is not None]
        values = [float(np.median([row[column] for row in members])) if members else None for column in SHOWN]
        rows.append([alpha, len(members), *values])
    return rows
