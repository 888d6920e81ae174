"""Scenarios: what strategies are compared on, each a small TOML file.

It is a configuration of `run-mamo` with one more table:

    seeds = "1000..1015"          # fixed beforehand

    [scenario]
    title = "Reference instance"
    purpose = "what the paper has"
    budget = 192_000              # environment steps of the task agents that each seed has, at most
    recipe = "mamo import ..."    # how its trace is made, where that is none of ours to give
    apart = true                  # `all` leaves it out

A trace that it names is looked for beside it, then in the working folder.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

import mamo_cli
from mamo_cli.core.complaints import Given
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Section, read_toml, resolve
from mamo_cli.domains import registry as domains
from mamo_cli.domains.settings import WorkloadSettings
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.experiments.members import members
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.agents import REPLAYED
from mamo_cli.training.readout import places_of
from mamo_cli.training.settings import seeds_of
from mamo_cli.workload.trace import Trace

FOLDER = Path(mamo_cli.__file__).parent / "scenarios"
"""Those that come with the package."""

ALL = "all"
"""In the place of a name: all that come with the package, but those apart, and whose traces are there."""


NOTHING: Mapping[str, Any] = {}


class About(Section):
    """The table that makes a configuration a scenario."""

    title: str = Field(default="", min_length=1, max_length=60)
    purpose: str = Field(default="", min_length=1)
    budget: int = Field(default=0, ge=1)
    recipe: str | None = None
    apart: bool = False


class _File(Section):
    scenario: About = About()


class Scenario(NamedTuple):
    """A scenario as its file has it."""

    name: str
    about: About
    settings: Given


def names() -> list[str]:
    """The scenarios that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def in_all() -> list[str]:
    """Those of them that `all` stands for."""
    return [name for name in names() if not read_scenario(name).about.apart]


def read_scenario(name: str) -> Scenario:
    """A scenario by the name of one that comes with the package, or by the path of a file.

    Raises:
        UsageError: there is none, or the file is not one.
    """
    path = FOLDER / f"{name}.toml"
    if name not in names():
        path = Path(name)
        if path.suffix != ".toml":
            raise UsageError(f"no scenario {name!r}: there are {', '.join(names())}, or name a TOML file")
    given = read_toml(path)
    table = given.pop("scenario", None)
    if not isinstance(table, Mapping):
        raise UsageError(f"{path}: no scenario: it has no table [scenario] with a title, a purpose and a budget")
    missing = [key for key in ("title", "purpose", "budget") if key not in table]
    if missing:
        raise UsageError(f"{path}: scenario has no {missing[0]}")
    about = resolve(_File, Given({"scenario": table}, file=path)).scenario
    return Scenario(path.stem, about, _with_traces_beside(given, path))


def _with_traces_beside(given: Given, path: Path) -> Given:
    """The settings, in which a trace is the file of that name beside a scenario's, where there is one."""

    def placed(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: placed(name, inner) for name, inner in value.items()}
        beside = key == "trace" and isinstance(value, str) and (path.parent / value).is_file()
        return str(path.parent / value) if beside else value

    return Given({key: placed(key, value) for key, value in given.items()}, file=path)


def source_of(scenario: Scenario) -> Trace:
    """The workload of a scenario.

    Raises:
        DataError: it cannot be read; says how it is made, where the scenario knows.
    """
    config = configured(MamoConfig, scenario.settings)
    try:
        return domains.load_source(config.domain, config.instance)
    except DataError as error:
        if scenario.about.recipe is None or config.instance.trace is None or Path(config.instance.trace).exists():
            raise
        raise DataError(
            f"scenario {scenario.name} needs {config.instance.trace}, which is not here: {scenario.about.recipe}"
        ) from error


def configuration_of(
    scenario: Scenario,
    strategy: str,
    source: Trace,
    seeds: int | str | None = None,
    others: Mapping[str, Any] = NOTHING,
) -> MamoConfig:
    """What a strategy runs in a scenario: as many cycles as the budget allows, of its own settings.

    Args:
        scenario: which.
        strategy: its name.
        source: the scenario's workload.
        seeds: how many of the scenario's, from its first; or which; None for its own.
        others: settings above the scenario's.

    Raises:
        UsageError: a setting is wrong, or the budget is less than a cycle takes.
    """
    layers = [strategies.preset(strategy, "quick"), scenario.settings, {**others, "strategy": strategy}]
    config = configured(MamoConfig, *layers)
    if config.continual:
        raise UsageError(f"scenario {scenario.name}: a comparison judges what is delivered, and continual runs a walk")
    prepared = members(config, source).prepared_transitions
    besides = prepared + measuring_steps(config, source)
    cycles = (scenario.about.budget - besides) // cycle_steps(config)
    if cycles < 1:
        before = f", what is learnt before it {prepared:,}" if prepared else ""
        raise UsageError(
            f"scenario {scenario.name}: a cycle of {strategy} takes {cycle_steps(config):,} environment steps{before} "
            f"and the readout {measuring_steps(config, source):,}, more than the budget of {scenario.about.budget:,}"
        )
    return configured(MamoConfig, *layers, {"seeds": _seeds(config.seeds, seeds), "adaptation": {"cycles": cycles}})


def env_steps(config: MamoConfig, source: Trace) -> int:
    """Environment steps that a member makes in all."""
    spec = members(config, source)
    return spec.prepared_transitions + spec.transitions + measuring_steps(config, source)


def cycle_steps(config: MamoConfig) -> int:
    """Environment steps that a member makes in a cycle."""
    return config.phase.iterations * iteration_steps(config)


def iteration_steps(config: MamoConfig) -> int:
    """Environment steps that a member makes in an iteration."""
    return config.phase.iteration_steps * config.phase.environments


def measuring_steps(config: MamoConfig, source: Trace) -> int:
    """Environment steps that a member makes in the end, learning nothing, to measure what may be delivered."""
    windows = places_of(config.readout, spec_of(config.domain, config.instance, source)) * REPLAYED
    return windows * config.phase.window * iteration_steps(config)


@functools.lru_cache(maxsize=4)
def spec_of(domain: str, instance: WorkloadSettings, source: Trace) -> Spec:
    """What kind of problem a scenario's is."""
    return domains.build(domain, instance, source).spec


def _seeds(own: int | str, asked: int | str | None) -> int | str:
    """A number counts from the first of a scenario's own."""
    if asked is None:
        return own
    first = seeds_of(own).start
    return f"{first}..{first + asked - 1}" if isinstance(asked, int) else asked
