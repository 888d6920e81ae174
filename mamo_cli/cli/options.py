"""Command-line options made from the typed configuration: one description, one default, one name."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from mamo_cli.cli.console import OUTPUT
from mamo_cli.config import Section

Command = Callable[..., None]

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file of settings; the command line wins.")]
Name = Annotated[str | None, typer.Option(help="Name of the run folder.  [default: made from the configuration]")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start over in a new folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Jobs = Annotated[int | None, typer.Option(help="Worker processes, at least 1.  [default: one a core]")]
EngineName = Annotated[str, typer.Option("--engine", help="Where to train: local, or ray (on a Ray cluster).")]
RayAddress = Annotated[str | None, typer.Option(help="Ray cluster, auto or HOST:PORT.  [default: auto]")]
Device = Annotated[str, typer.Option(help="Where the networks are: cpu, or cuda (for thousands of members).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Leave stderr empty on success.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show debug messages and tracebacks.")]

INSTANCE_OPTIONS = {
    name: f"instance.{name}"
    for name in (
        "trace",
        "tolerance",
        "noise",
        "noise_seed",
        "max_replicas",
        "replica_cost",
        "warm_service_time",
        "cold_service_time",
        "idle_timeout",
        "rejection_model",
        "train_share",
    )
}
LEARNER_OPTIONS = {
    "discount": "learner.discount",
    "batch_size": "learner.batch_size",
    "replay_capacity": "learner.replay_capacity",
    "environments": "phase.environments",
    "updates_per_step": "phase.updates_per_step",
    "iterations": "phase.iterations",
    "iteration_steps": "phase.iteration_steps",
}
LOOP_OPTIONS = {name: f"adaptation.{name}" for name in ("cycles", "initial_alpha", "alpha_step", "kappa")}

_UNBOUNDED = 1e6  # bounds from here on keep the arithmetic safe, and tell a reader nothing


def register(app: typer.Typer, name: str, command: Command) -> None:
    """Give an app a command that also takes -q and -v after its name."""
    extra = [
        inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet),
        inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Verbose),
    ]

    def run(quiet: bool, verbose: bool, **arguments: Any) -> None:
        OUTPUT.want(quiet=quiet, verbose=verbose)
        command(**arguments)

    parameters = [*inspect.signature(command, eval_str=True).parameters.values(), *extra]
    app.command(name)(_with_parameters(run, command, parameters))


def configured(kind: type[Section], paths: Mapping[str, str]) -> Callable[[Command], Command]:
    """Give a command an option for each named setting; what the user sets arrives as nested values, `overrides`.

    Args:
        kind: the command's configuration.
        paths: dotted place in the configuration by option name.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters.values()
        settings = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(kind, name, path)
            )
            for name, path in paths.items()
        ]

        def run(**arguments: Any) -> None:
            chosen = {path: arguments.pop(name) for name, path in paths.items()}
            command(overrides=nested({path: value for path, value in chosen.items() if value is not None}), **arguments)

        return _with_parameters(run, command, [*(own_ for own_ in own if own_.name != "overrides"), *settings])

    return decorate


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


def _annotation(kind: type[Section], name: str, path: str) -> Any:
    default: Any = kind()
    for key in path.split("."):
        section, default = type(default), getattr(default, key)
        field = section.model_fields[key]
    option = typer.Option(f"--{name.replace('_', '-')}", help=_help(field, default), show_default=False)
    return Annotated[_value_type(field, default), option]


def _help(field: FieldInfo, default: Any) -> str:
    """The field's description, which states its unit; what it may be; and its default."""
    facts = [_range(field)]
    if get_origin(field.annotation) is Literal:
        facts = [" or ".join(get_args(field.annotation))]
    if default is not None:
        facts.append("default: " + (" ".join(map(str, default)) if isinstance(default, tuple) else str(default)))
    stated = "; ".join(fact for fact in facts if fact)
    return f"{field.description}  [{stated}]" if stated else str(field.description)


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
    if isinstance(default, tuple):
        return list[float] | None
    for plain in (int, float):
        if field.annotation is plain or plain in get_args(field.annotation):
            return plain | None
    return str | None
