"""`mamo train`: task-execution agents at fixed alphas."""

from typing import Any

from mamo_cli.cli.options import (
    AsJson,
    ConfigFile,
    Device,
    EngineName,
    Fresh,
    From,
    Grow,
    Jobs,
    Name,
    RayAddress,
    Results,
)
from mamo_cli.cli.ranges import Randomise, ranges_of
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
    start: From = None,
    ranges: Randomise = None,
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
    from mamo_cli.cli.running import finish, layers, place, starting
    from mamo_cli.cli.runs import find_run
    from mamo_cli.experiments import train as experiment
    from mamo_cli.experiments.machines import Machines
    from mamo_cli.experiments.trained import settings_of

    before = None if grow is None else find_run(grow, results)
    base = [] if before is None else [settings_of(before, "train")]
    given = [*layers(config_file, overrides), ranges_of(ranges), *starting(start, results)]
    config = configured(TrainConfig, *base, *given)
    with progress("train") as standing:
        machines = Machines(jobs, engine, ray_address, device)
        outcome = experiment.train(config, place(results, name, fresh), machines, standing, before)
    finish(outcome, {"members": outcome.summary}, as_json)


train.configured = TrainConfig  # type: ignore[attr-defined]
