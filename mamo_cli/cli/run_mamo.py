"""`mamo run-mamo`: the full two-phase loop."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated, Any

import typer

from mamo_cli.cli.console import print_table
from mamo_cli.cli.options import AsJson, ConfigFile, Device, EngineName, Fresh, Grow, Jobs, Name, RayAddress, Results
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
    continual: Annotated[
        bool, typer.Option("--continual", help="Then walk the evaluation once, window by window, and go on learning.")
    ] = False,
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
    from mamo_cli.analysis.run_tables import read_words
    from mamo_cli.cli.progress import progress
    from mamo_cli.cli.running import finish, layers, place, print_agents, print_measures
    from mamo_cli.cli.runs import find_run
    from mamo_cli.experiments import run_mamo as experiment
    from mamo_cli.experiments.machines import Machines
    from mamo_cli.experiments.trained import settings_of

    before = None if grow is None else find_run(grow, results)
    base, given = [] if before is None else [settings_of(before, "run-mamo")], layers(config_file, overrides)
    chosen = preset or ("quick" if before is None else None)
    strategy = named([*base, *given], "strategy", DEFAULT_STRATEGY)
    setting = [] if chosen is None else [strategies.preset(strategy, chosen)]
    walking = [{"continual": True}] if continual else []
    config = configured(MamoConfig, *base, *setting, *given, *walking)
    with progress("run-mamo") as standing:
        machines = Machines(jobs, engine, ray_address, device)
        outcome = experiment.run_mamo(config, place(results, name, fresh), machines, standing, before)
    words = read_words(outcome.path)
    means = {f"mean_{one.name}": one.name for one in (*words.measures, *words.violations)}
    alphas = {name: name for name in words.each("alpha")}
    shown = {"seed": "seed", **alphas, "final_alpha": "choice", "exact_alpha": "exact", **means}
    shown |= {"holds": "holds", "cost_over_causal_bound": "over causal"}
    columns, headings = list(shown), list(shown.values())
    if config.continual:
        columns, headings = _walked(config, words.violations[0].name)
    rows = [[row.get(column) for column in columns] for row in outcome.summary]  # earlier versions had fewer columns

    def tell() -> None:
        print_table(headings, rows)
        print_measures(outcome, words)
        print_agents(outcome, words)
        _print_decomposition(outcome.summary)

    finish(outcome, {"members": outcome.summary}, as_json, tell)


def _print_decomposition(members: Sequence[Mapping[str, Any]]) -> None:
    """What the cost over the clairvoyant bound is made of: medians over members, in percent of it, where known."""
    from mamo_cli.analysis.decomposition import TERMS

    known = [member for member in members if member.get(TERMS[0]) is not None]
    if known:
        medians = [
            None if known[0][term] is None else round(100 * median(member[term] for member in known), 2) + 0.0
            for term in TERMS
        ]
        print_table(["%", *TERMS], [["median", *medians]])


def _walked(config: MamoConfig, violation: str) -> tuple[list[str], list[str]]:
    """Columns, and their headings, of who walked: mean cost and violation, and steps until changes were overcome."""
    from mamo_cli.domains.registry import rules_of

    shown, headings = ["seed"], ["seed"]
    for who in ("learning", "frozen", *rules_of(config.domain)):
        shown += [f"{who}_cost", f"{who}_{violation}"]
        headings += [who, violation]
    return [*shown, "learning_steps_to_recover", "walk_bound_cost"], [*headings, "recovers", "bound"]


run_mamo.configured = MamoConfig  # type: ignore[attr-defined]
