"""`mamo run-mamo`: the full two-phase loop."""

from typing import Annotated, Any

import typer

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
from mamo_cli.experiments.configs import DEFAULT_STRATEGY, MamoConfig, configured, named
from mamo_cli.runs.manifest import RESULTS
from mamo_cli.strategies import registry as strategies


def run_mamo(
    *,
    overrides: dict[str, Any],
    preset: Annotated[
        str | None, typer.Option(help="quick (8 seeds) or paper (20 seeds, longer).  [default: quick]")
    ] = None,
    config_file: ConfigFile = None,
    jobs: Jobs = None,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
    device: Device = "cpu",
    ranges: Randomise = None,
    continual: Annotated[
        bool, typer.Option("--continual", help="Then walk the evaluation once, window by window, and go on learning.")
    ] = False,
    start: From = None,
    grow: Grow = None,
    name: Name = None,
    results: Results = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Find the best alpha by weight adaptation.

    A strategy, of itself a weight-adaptation agent, looks for the alpha that makes task-execution agents cheapest
    within the tolerance.
    """
    from mamo_cli.cli.progress import progress
    from mamo_cli.cli.running import finish, layers, place, starting
    from mamo_cli.cli.runs import find_run
    from mamo_cli.experiments import run_mamo as experiment
    from mamo_cli.experiments.machines import Machines
    from mamo_cli.experiments.trained import settings_of

    before = None if grow is None else find_run(grow, results)
    base = [] if before is None else [settings_of(before, "run-mamo")]
    given = [*layers(config_file, overrides), ranges_of(ranges)]
    chosen = preset or ("quick" if before is None else None)
    strategy = named([*base, *given], "strategy", DEFAULT_STRATEGY)
    setting = [] if chosen is None else [strategies.preset(strategy, chosen)]
    walking = [{"continual": True}] if continual else []
    config = configured(MamoConfig, *base, *setting, *given, *walking, *starting(start, results))
    with progress("run-mamo") as standing:
        machines = Machines(jobs, engine, ray_address, device)
        outcome = experiment.run_mamo(config, place(results, name, fresh), machines, standing, before)
    finish(outcome, {"members": outcome.summary}, as_json)


run_mamo.configured = MamoConfig  # type: ignore[attr-defined]
