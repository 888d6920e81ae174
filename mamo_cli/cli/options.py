"""Command-line options made from the typed configuration: one description, one default, one name."""

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from mamo_cli.cli.completing import among, run_names
from mamo_cli.cli.messages import Quiet, Verbose
from mamo_cli.cli.output import OUTPUT
from mamo_cli.cli.stdout import STDOUT
from mamo_cli.core.complaints import Given
from mamo_cli.core.settings import Section, read_toml
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import (
    DEFAULT_DOMAIN,
    DEFAULT_STRATEGY,
    DEFAULT_TE,
    BaselinesConfig,
    MamoConfig,
    ProblemConfig,
    SolveOfflineConfig,
    ValidateConfig,
    configuration,
    configured,
)
from mamo_cli.runs.manifest import RESULTS
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.settings import READOUTS, TASK_AGENTS

Command = Callable[..., None]

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file of settings; the command line wins.")]
Name = Annotated[str | None, typer.Option(help="Name of the run folder.  [default: made from the configuration]")]
Results = Annotated[Path, typer.Option("--results", help="Folder of all runs.  [default: results]", show_default=False)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start over in a new folder.")]
Grow = Annotated[
    str | None,
    typer.Option(
        metavar="RUN",
        autocompletion=run_names,
        help="A complete run whose settings, members and cycles are taken over: only what is new (more seeds, alphas "
        "or cycles) is trained, into a run of its own.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="RUN",
        autocompletion=run_names,
        help="A complete run, on this problem or another of its shape, whose networks the members begin with: that of "
        "the same seed, or else of its seeds in turn; or the start.npz that such a run keeps.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Jobs = Annotated[int | None, typer.Option(help="Worker processes, at least 1.  [default: one a core]")]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine", autocompletion=among(("local", "ray")), help="Where to train: local, or ray (on a Ray cluster)."
    ),
]
RayAddress = Annotated[str | None, typer.Option(help="Ray cluster, auto or HOST:PORT.  [default: auto]")]
Device = Annotated[
    str,
    typer.Option(
        autocompletion=among(("cpu", "cuda")), help="Where the networks are: cpu, or cuda (for thousands of members)."
    ),
]
_TRAINING = {
    "discount": "learner.discount",
    "batch_size": "learner.batch_size",
    "replay_capacity": "learner.replay_capacity",
    "environments": "phase.environments",
    "updates_per_step": "phase.updates_per_step",
    "iterations": "phase.iterations",
    "iteration_steps": "phase.iteration_steps",
    "pretrain": "pretrain.rule",
}
_SOLVING = {name: name for name in ("scope", "alpha", "solver", "time_limit")}

_NAMES = {
    "domain": tuple(domains.DOMAINS),
    "strategy": tuple(strategies.STRATEGIES),
    "te": TASK_AGENTS,
    "readout": READOUTS,
}
"""What options may be whose settings take any text that is found in a registry."""

_UNBOUNDED = 1e6  # bounds from here on keep the arithmetic safe, and tell a reader nothing


def elsewhere(results: Path) -> str:
    """What a further command needs to be told where it is about runs in another folder than the usual one."""
    return "" if results == RESULTS else f" --results {shlex.quote(str(results))}"


class Chosen(NamedTuple):
    """What a command line is about, which decides the options it may have."""

    domain: str
    strategy: str
    te: str = DEFAULT_TE


def chosen(arguments: Sequence[str]) -> Chosen:
    """The domain, the strategy and the task agents that a command line names, itself or by its configuration file.

    Raises:
        UsageError: the configuration file cannot be read.
    """
    file = value_of("--config", arguments)
    settings = read_toml(Path(file)) if file is not None else {}
    named = {
        what: value_of(f"--{what}", arguments) or settings.get(what, default)
        for what, default in (("domain", DEFAULT_DOMAIN), ("strategy", DEFAULT_STRATEGY), ("te", DEFAULT_TE))
    }
    return Chosen(**{what: str(name) for what, name in named.items()})


def value_of(option: str, arguments: Sequence[str]) -> str | None:
    """What a command line says last of an option."""
    found = None
    for place, argument in enumerate(arguments):
        if argument == option and place + 1 < len(arguments):
            found = arguments[place + 1]
        elif argument.startswith(f"{option}="):
            found = argument.partition("=")[2]
    return found


def with_messages(command: Command) -> Command:
    """The command, which also takes -q and -v."""
    extra = [
        inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet),
        inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Verbose),
    ]

    def run(quiet: bool, verbose: bool, **arguments: Any) -> None:
        OUTPUT.want(quiet=quiet, verbose=verbose)
        with OUTPUT.chatter() as chatter, STDOUT.apart(chatter):
            command(**arguments)

    parameters = [*inspect.signature(command, eval_str=True).parameters.values(), *extra]
    return _with_parameters(run, command, parameters)


def with_settings(command: Command, kind: type[Section], about: Chosen) -> Command:
    """The command, which also takes an option for each setting of the domain and the strategy it is about.

    Args:
        command: takes what the user sets as nested values, `overrides`.
        kind: the command's configuration.
        about: what the command line is about.

    Raises:
        UsageError: there is no such domain or strategy.
    """
    composed = configuration(kind, *about)
    names = {what: name for what, name in about._asdict().items() if what in composed.model_fields}
    usual = [strategies.preset(about.strategy, "quick")] if issubclass(kind, MamoConfig) else []
    defaults = configured(kind, names, *usual)
    paths = _paths(kind, composed, about)
    own = inspect.signature(command, eval_str=True).parameters.values()
    settings = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(defaults, name, path)
        )
        for name, path in paths.items()
    ]

    options = {path: _option(name) for name, path in paths.items()}

    def run(**arguments: Any) -> None:
        given = {path: arguments.pop(name) for name, path in paths.items()}
        values = nested({path: value for path, value in given.items() if value is not None})
        command(overrides=Given(values, options), **arguments)

    return _with_parameters(run, command, [*(one for one in own if one.name != "overrides"), *settings])


def _paths(kind: type[Section], composed: type[Section], about: Chosen) -> dict[str, str]:
    """Dotted place in a command's configuration by option name."""
    if not issubclass(kind, ProblemConfig):
        return {name: name for name in composed.model_fields if name not in ("run", "own")}
    instance = domains.about(about.domain).SETTINGS
    paths = {"domain": "domain", **{name: f"instance.{name}" for name in instance.model_fields}}
    if issubclass(kind, SolveOfflineConfig):
        return paths | _SOLVING | {name: name for name in domains.about(about.domain).PLANNING.model_fields}
    if issubclass(kind, ValidateConfig):
        used = {name: path for name, path in paths.items() if name not in kind.UNUSED}
        return used | {name: name for name in ("rates", "standard_error")}
    if issubclass(kind, MamoConfig):
        loop = {name: f"adaptation.{name}" for name in strategies.options_of(about.strategy)}
        own = {name: name for name in ("strategy", "te", "readout", "seeds")}
        return own | paths | loop | _TRAINING
    if issubclass(kind, BaselinesConfig):
        return {"seeds": "seeds"} | paths
    return {"alpha": "alpha", "seeds": "seeds"} | paths | _TRAINING


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn `{"a.b": 1}` into `{"a": {"b": 1}}`."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *sections, key = path.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[key] = value
    return tree


def _with_parameters(run: Command, command: Command, parameters: list[inspect.Parameter]) -> Command:
    """`run` under the name and text of `command`, showing these parameters to who inspects it."""
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _annotation(defaults: Section, name: str, path: str) -> Any:
    default: Any = defaults
    for key in path.split("."):
        section, default = type(default), getattr(default, key)
        field = section.model_fields[key]
    offered = among(_NAMES.get(name) or _choices(field))
    named = f"{_option(name)}/--no-{_option(name)[2:]}" if field.annotation is bool else _option(name)
    option = typer.Option(named, help=_help(field, default), show_default=False, autocompletion=offered)
    return Annotated[_value_type(field, default), option]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _help(field: FieldInfo, default: Any) -> str:
    """The field's description, which states its unit; what it may be; and its default."""
    facts = [_range(field)]
    if get_origin(field.annotation) is Literal:
        facts = [" or ".join(_choices(field))]
    if isinstance(default, bool):
        facts.append(f"default: {'on' if default else 'off'}")
    elif default is not None:
        facts.append("default: " + (" ".join(map(str, default)) if isinstance(default, tuple) else str(default)))
    elif "default:" not in str(field.description).lower():
        facts.append("default: none")
    stated = "; ".join(fact for fact in facts if fact)
    return f"{field.description}  [{stated}]" if stated else str(field.description)


def _choices(field: FieldInfo) -> list[str]:
    """What a setting may be, if its type lists that."""
    kinds = [field.annotation, *get_args(field.annotation)]
    return [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]


def _range(field: FieldInfo) -> str:
    bounds = {
        key: getattr(rule, key)
        for rule in field.metadata
        for key in ("ge", "gt", "le", "lt")
        if getattr(rule, key, None) is not None and abs(getattr(rule, key)) < _UNBOUNDED
    }
    if bounds.keys() == {"ge", "le"}:
        return f"{bounds['ge']:g} to {bounds['le']:g}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join(f"{words[key]} {bound:g}" for key, bound in bounds.items())


def _value_type(field: FieldInfo, default: Any) -> Any:
    if isinstance(default, tuple) or any(get_origin(kind) is tuple for kind in get_args(field.annotation)):
        return list[float] | None
    if str in get_args(field.annotation):
        return str | None
    for plain in (bool, int, float):
        if field.annotation is plain or plain in get_args(field.annotation):
            return plain | None
    return str | None
