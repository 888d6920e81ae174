"""Which strategies there are: a name, the module of its settings, and the module that builds it.

The first is light, so that help texts are instant; for a small strategy both may be one module. It has

    SECTIONS   sections of a run's configuration with their defaults; "adaptation", a kind of `LoopSettings`, is one
    OPTIONS    which settings of "adaptation" are options of the command line, too
    PRESETS    what `run-mamo --preset` sets, by name; "quick" is the defaults
    tied(sections)   why more cycles would change the first ones, or None

and the second

    build(sections, spec, seeds, device)   a `Strategy` for those members
    COLUMNS    its own columns of cycles.csv
    CHOICE     which of them holds the alpha that it would settle on
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from mamo_cli.core.errors import UsageError

if TYPE_CHECKING:  # all of these take their time to import
    from mamo_cli.core.seam import Spec
    from mamo_cli.core.settings import Section
    from mamo_cli.strategies.protocol import Strategy


class Entry(NamedTuple):
    """Dotted names of a strategy's two modules."""

    settings: str
    strategy: str


STRATEGIES: dict[str, Entry] = {
    "wa-dqn": Entry("mamo_cli.strategies.wa_dqn.settings", "mamo_cli.strategies.wa_dqn.agent"),
    **{
        name: Entry(f"mamo_cli.strategies.{name}", f"mamo_cli.strategies.{name}")
        for name in ("bisect", "dual", "pid", "rcpo", "bayes", "ols", "grid", "random", "fixed", "fair")
    },
}


COMPARED = tuple(name for name in STRATEGIES if name != "fair")
"""Those that seek the least cost within the limits, which they can be compared by."""


def entry(name: str) -> Entry:
    """The modules of a strategy.

    Raises:
        UsageError: there is no such strategy.
    """
    if name not in STRATEGIES:
        raise UsageError(f"--strategy is one of {', '.join(STRATEGIES)}, got {name!r}")
    return STRATEGIES[name]


def sections_of(name: str) -> Mapping[str, Section]:
    """The sections that a strategy adds to a configuration."""
    sections: Mapping[str, Section] = import_module(entry(name).settings).SECTIONS
    return sections


def options_of(name: str) -> tuple[str, ...]:
    """Settings of the section "adaptation" that are options of the command line."""
    options: tuple[str, ...] = import_module(entry(name).settings).OPTIONS
    return options


def preset(strategy: str, name: str) -> Mapping[str, Any]:
    """A layer of settings by its name.

    Raises:
        UsageError: the strategy has no such preset.
    """
    presets: Mapping[str, Mapping[str, Any]] = import_module(entry(strategy).settings).PRESETS
    if name not in presets:
        raise UsageError(f"--preset of {strategy} is one of {', '.join(presets)}, got {name!r}")
    return presets[name]


def columns_of(name: str) -> tuple[str, ...]:
    """A strategy's own columns of cycles.csv."""
    columns: tuple[str, ...] = import_module(entry(name).strategy).COLUMNS
    return columns


def choice_of(name: str) -> str:
    """The column of cycles.csv that holds the alpha a strategy would settle on."""
    column: str = import_module(entry(name).strategy).CHOICE
    return column


def tied(name: str, sections: Mapping[str, Section]) -> str | None:
    """Why a run's cycles would have been others, had there been more of them; None where they would not."""
    reason: str | None = import_module(entry(name).settings).tied(sections)
    return reason


def refuse(name: str, sections: Mapping[str, Section], spec: Spec) -> None:
    """See that a strategy does for a problem, before anything is written.

    Raises:
        UsageError: it does not; see the strategy's `build`.
    """
    build(name, sections, spec, (0,))


def build(
    name: str, sections: Mapping[str, Section], spec: Spec, seeds: Sequence[int], device: str = "cpu"
) -> Strategy:
    """A strategy for the members with these seeds; of a team, one for all agents."""
    if spec.team:
        team = import_module("mamo_cli.strategies.team")
        one = _built(name, sections, team.as_one(spec), seeds, device)
        together: Strategy = team.TeamStrategy(one, len(spec.agents))
        return together
    return _built(name, sections, spec, seeds, device)


def _built(name: str, sections: Mapping[str, Section], spec: Spec, seeds: Sequence[int], device: str) -> Strategy:
    strategy: Strategy = import_module(entry(name).strategy).build(sections, spec, seeds, device)
    return strategy
