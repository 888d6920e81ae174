"""`mamo train`: task-execution agents at fixed alphas."""

from typing import Any

from mamo_cli.cli.console import print_table
from mamo_cli.cli.options import AsJson, ConfigFile, Device, EngineName, Fresh, Grow, Jobs, Name, RayAddress, Results
from mamo_cli.experiments.configs import TrainConfig, configured
from mamo_cli.runs.manifest import RESULTS


def train(
    *,
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    jobs: Jobs = None,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
    device: Device = "cpu",
    grow: Grow = None,
    name: Name = None,
    results: Results = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Train task-execution agents at fixed alphas.

    A population learns one policy for each seed and alpha; each one's regret is measured against the exact optimum.
    """
    from mamo_cli.cli.progress import progress
    from mamo_cli.cli.running import finish, layers, place, print_agents, print_measures
    from mamo_cli.cli.runs import find_run
    from mamo_cli.domains.registry import about
    from mamo_cli.experiments import train as experiment
    from mamo_cli.experiments.machines import Machines
    from mamo_cli.experiments.trained import settings_of

    before = None if grow is None else find_run(grow, results)
    base = [] if before is None else [settings_of(before, "train")]
    config = configured(TrainConfig, *base, *layers(config_file, overrides))
    with progress("train") as standing:
        machines = Machines(jobs, engine, ray_address, device)
        outcome = experiment.train(config, place(results, name, fresh), machines, standing, before)
    words = about(config.domain).WORDS
    names = [*(one.name for one in words.measures), "cost", *(one.name for one in words.violations)]
    shown = {**{f"mean_{one}": one for one in names}, "regret": "regret"}
    columns = ["alpha", "seeds", *(f"median {one}" for one in shown.values())]
    rows = medians(outcome.summary, list(shown))

    def tell() -> None:
        print_table(columns, rows)
        print_measures(outcome, words, by_alpha=True)
        print_agents(outcome, words, by_alpha=True)

    finish(outcome, {"members": outcome.summary}, as_json, tell)


def medians(summary: list[dict[str, Any]], columns: list[str]) -> list[list[Any]]:
    """For each alpha, how many seeds did not diverge, and their medians of some columns."""
    import numpy as np

    rows = []
    for alpha in dict.fromkeys(row["alpha"] for row in summary):
        members = [row for row in summary if row["alpha"] == alpha and row["mean_cost"] is not None]
        values = [[row[column] for row in members if row[column] is not None] for column in columns]
        rows.append([alpha, len(members), *(float(np.median(each)) if each else None for each in values)])
    return rows


train.configured = TrainConfig  # type: ignore[attr-defined]
