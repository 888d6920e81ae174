"""Which domains there are: a name, the module of its settings and words, and the module that builds it.

The first is light, so that help texts are instant; for a small domain both may be one module. It has

    SETTINGS   the section that sets an instance, a kind of `WorkloadSettings`
    PLANNING   a section of what `mamo solve-offline` may be asked for besides; `Section` where that is nothing
    WORDS      its `Words`; an instance (`Spec.words`) may have more measures after these
    DEFAULTS   sections of other parts, such as {"learner": {"discount": 0.9}}, whose defaults it changes
    EACH       where there is such: a section of what an agent may have of its own, in tables such as [function.NAME]

and the second

    load(settings)   its workload
    build(settings, source, evaluation, planning)   its `Domain`; the last two may be None
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from mamo_cli.core.errors import UsageError

if TYPE_CHECKING:  # all of these take their time to import
    from numpy.typing import NDArray

    from mamo_cli.core.arrays import IntArray
    from mamo_cli.core.readings import Reader
    from mamo_cli.core.seam import Domain, Environment
    from mamo_cli.core.settings import Section
    from mamo_cli.domains.rules import Ruled
    from mamo_cli.domains.settings import WorkloadSettings
    from mamo_cli.workload.trace import Trace


class Entry(NamedTuple):
    """Dotted names of a domain's two modules, and of a third where people have rules for it that they run today.

    That one has RULES, which are played beside a walk: a name, and what makes choices `(T, A)` from the domain as it is
    believed to be, and from what is expected of the evaluation of another. And `ruled(domain, seeds, progress)`: all
    rules there are on the evaluation part, at their defaults and tuned; `logged(domain, rule)`, see below. And
    `notice(domain)`: see `rules_notice`.
    """

    settings: str
    domain: str
    rules: str | None = None
    served: str | None = None
    """Where its policies can be served: a module with `scales`, arrays by name of a domain, for policy files, `reader`,
    see `reader_of`, and `measured`, see `measured_in`."""


DOMAINS: dict[str, Entry] = {
    "faas": Entry(
        "mamo_cli.domains.faas.settings",
        "mamo_cli.domains.faas.domain",
        "mamo_cli.domains.faas.baselines.registry",
        "mamo_cli.domains.faas.served",
    ),
    "fleet": Entry("mamo_cli.domains.faas.fleet.settings", "mamo_cli.domains.faas.fleet.domain"),
    "inventory": Entry("mamo_cli.domains.inventory.settings", "mamo_cli.domains.inventory.domain"),
    "battery": Entry("mamo_cli.domains.battery.settings", "mamo_cli.domains.battery.domain"),
    "chain": Entry("mamo_cli.domains.chain.settings", "mamo_cli.domains.chain.domain"),
    "gymnasium": Entry("mamo_cli.domains.gymnasium.settings", "mamo_cli.domains.gymnasium.domain"),
    "gridworld": Entry("mamo_cli.domains.tabular.gridworld", "mamo_cli.domains.tabular.gridworld"),
    "junction": Entry("mamo_cli.domains.tabular.junction", "mamo_cli.domains.tabular.junction"),
    "tabular": Entry("mamo_cli.domains.tabular.own", "mamo_cli.domains.tabular.own"),
}

DEFAULT = "faas"
"""What commands are about unless told otherwise, and runs from before there were others."""


def entry(name: str) -> Entry:
    """The modules of a domain.

    Raises:
        UsageError: there is no such domain.
    """
    if name not in DOMAINS:
        raise UsageError(f"--domain is one of {', '.join(DOMAINS)}, got {name!r}")
    return DOMAINS[name]


def about(name: str) -> Any:
    """The light module of a domain: SETTINGS, PLANNING, WORDS and DEFAULTS, and EACH where there is such."""
    return import_module(entry(name).settings)


def own_table(name: str) -> tuple[str, type[Section]] | None:
    """The word and the section of the tables in which a domain's agents have settings of their own; None without."""
    module = about(name)
    return (module.WORDS.agent, module.EACH) if hasattr(module, "EACH") else None


def load_source(name: str, settings: WorkloadSettings) -> Trace:
    """The workload that an instance names, or the domain's own."""
    source: Trace = import_module(entry(name).domain).load(settings)
    return source


def build(
    name: str,
    settings: WorkloadSettings,
    source: Trace,
    evaluation: Trace | None = None,
    planning: Section | None = None,
) -> Domain:
    """A domain's instance.

    Args:
        name: of the domain.
        settings: its own section.
        source: what to train on, and to evaluate on unless another trace is given.
        evaluation: a trace of the same agents to evaluate on instead, whole.
        planning: what else the offline plan is asked for.

    Raises:
        DataError: the workload does not fit the settings, or the two traces one another.
    """
    domain: Domain = import_module(entry(name).domain).build(settings, source, evaluation, planning)
    return domain


def rules_of(name: str) -> Mapping[str, Callable[[Domain, Domain], IntArray]]:
    """The rules that are played beside a walk, by name."""
    module = entry(name).rules
    rules: Mapping[str, Callable[[Domain, Domain], IntArray]] = {} if module is None else import_module(module).RULES
    return rules


def logged(name: str, domain: Domain, rule: str) -> IntArray:
    """The choices `(T, A)` of a rule that people run today on the training part, as a log would have them.

    Raises:
        UsageError: there is no such rule, or it does not know of such an instance.
    """
    plan: IntArray = import_module(_rules(name)).logged(domain, rule)
    return plan


def _rules(name: str) -> str:
    """The module of a domain's rules.

    Raises:
        UsageError: there is none.
    """
    module = entry(name).rules
    if module is None:
        having = ", ".join(each for each, modules in DOMAINS.items() if modules.rules)
        raise UsageError(f"--domain {name}: nobody told of rules that people run there today, only of {having}")
    return module


def scales_of(name: str, domain: Domain) -> Mapping[str, NDArray[Any]]:
    """What a decision needs beside a policy, by name: how what is measured becomes what is observed, and more."""
    module = entry(name).served
    scales: Mapping[str, NDArray[Any]] = {} if module is None else import_module(module).scales(domain)
    return scales


def reader_of(
    name: str,
    agents: tuple[str, ...],
    choices: tuple[int, ...],
    observation: int,
    use: IntArray,
    scales: Mapping[str, NDArray[Any]],
) -> Reader:
    """How a domain reads what is measured where a policy of it decides.

    Args:
        name: of the domain.
        agents, choices, observation: of the policy.
        use: `(A, C)` units of a shared budget that choices take.
        scales: as `scales_of` gave them, from a policy file.

    Raises:
        UsageError: it says of nothing how it is read.
        CheckpointError: the scales are not of such agents.
    """
    module = entry(name).served
    if module is None:
        having = ", ".join(each for each, modules in DOMAINS.items() if modules.served)
        raise UsageError(f"a policy of domain {name} cannot be served, only of {having}: none says how to read it live")
    reader: Reader = import_module(module).reader(agents, choices, observation, use, scales)
    return reader


def measured_in(name: str, environment: Environment) -> dict[str, Any]:
    """What is measured before the coming period of an environment, as a reader of `reader_of` reads it."""
    told: dict[str, Any] = import_module(str(entry(name).served)).measured(environment)
    return told


def rules_notice(name: str, domain: Domain) -> str | None:
    """What a user should know of what rules are told in a domain that has some, in a line; None: nothing."""
    told: str | None = import_module(str(entry(name).rules)).notice(domain)
    return told


def ruled(
    name: str, domain: Domain, seeds: Sequence[int] | None, progress: Callable[[str], None] | None = None
) -> Iterator[Ruled]:
    """What the rules that people run today bring in a domain, one by one as they are played.

    Args:
        name: of the domain.
        domain: its instance.
        seeds: one a play, where chance makes each another; None: the domain's own.
        progress: told of every rule whose turn it is.

    Raises:
        UsageError: there are no rules, or they do not know of such an instance.
    """
    found: Iterator[Ruled] = import_module(_rules(name)).ruled(domain, seeds, progress)
    return found
