"""`mamo compare`: strategies on scenarios, under one budget."""

from typing import Annotated

import typer

from mamo_cli.cli.completing import among
from mamo_cli.cli.options import AsJson, Device, EngineName, Fresh, Jobs, Name, RayAddress, Results
from mamo_cli.core.complaints import Given
from mamo_cli.core.errors import SweepError
from mamo_cli.core.settings import resolve
from mamo_cli.experiments.configs import CompareConfig
from mamo_cli.runs.manifest import RESULTS
from mamo_cli.strategies.registry import COMPARED
from mamo_cli.training.settings import READOUTS, TASK_AGENTS


def compare(
    scenario: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCENARIO",
            help="Scenarios by name, or TOML files; all for all that come with mamo.  [default: reference]",
        ),
    ] = None,
    *,
    strategy: Annotated[
        list[str] | None,
        typer.Option(autocompletion=among(COMPARED), help="Who picks the weights; repeat for several.  [default: all]"),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="How many of a scenario's seeds, from its first; or which.  [default: the scenario's own]"),
    ] = None,
    te: Annotated[
        str | None,
        typer.Option(
            autocompletion=among(TASK_AGENTS),
            help=f"Who the task agents are: {', '.join(TASK_AGENTS)}.  [default: dqn]",
        ),
    ] = None,
    readout: Annotated[
        str | None,
        typer.Option(autocompletion=among(READOUTS), help=f"What is delivered: {', '.join(READOUTS)}.  [default: mix]"),
    ] = None,
    jobs: Jobs = None,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
    device: Device = "cpu",
    name: Name = None,
    results: Results = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Compare strategies on scenarios, all under one budget of environment steps.

    Each strategy in each scenario is a run of its own, which is not run again where it is complete. In the end there is
    a leaderboard: cost over the causal bound, violation, regret, who improves on whom, and how soon.
    """
    from mamo_cli.cli.progress import progress
    from mamo_cli.cli.running import finish, place
    from mamo_cli.experiments import compare as experiment
    from mamo_cli.experiments.machines import Machines

    given = {"scenario": scenario, "strategy": strategy, "seeds": seeds, "te": te, "readout": readout}
    options = {"scenario": "SCENARIO", **{name: f"--{name}" for name in ("strategy", "seeds", "te", "readout")}}
    config = resolve(CompareConfig, Given({name: value for name, value in given.items() if value}, options))
    machines, failure = Machines(jobs, engine, ray_address, device), None
    try:
        outcome = experiment.compare(config, place(results, name, fresh), machines, progress)
    except SweepError as error:
        outcome, failure = error.outcome, error
    finish(outcome, {"leaderboard": outcome.summary}, as_json)
    if failure is not None:
        raise failure
