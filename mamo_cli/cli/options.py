"""Command-line options made from the typed configuration: one description, one default, one name."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from mamo_cli.config import Section

Command = Callable[..., None]

INSTANCE_OPTIONS = {
    name: f"instance.{name}"
    for name in (
        "trace", "tolerance", "noise", "noise_seed", "max_replicas", "replica_cost", "warm_service_time",
        "cold_service_time", "idle_timeout", "rejection_model", "train_share",
    )
}  # fmt: skip


def configured(kind: type[Section], paths: Mapping[str, str]) -> Callable[[Command], Command]:
    """Give a command an option for each named setting; what the user sets arrives as nested values, `overrides`.

    Args:
        kind: the command's configuration.
        paths: dotted place in the configuration by option name.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [parameter for parameter in own if parameter.name != "overrides"]
        for name, path in paths.items():
            annotation = _annotation(kind, name, path)
            parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))

        def run(**arguments: Any) -> None:
            chosen = {path: arguments.pop(name) for name, path in paths.items()}
            command(overrides=nested({path: value for path, value in chosen.items() if value is not None}), **arguments)

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

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


def _annotation(kind: type[Section], name: str, path: str) -> Any:
    default: Any = kind()
    for key in path.split("."):
        section, default = type(default), getattr(default, key)
    field = section.model_fields[path.split(".")[-1]]
    shown = "none" if default is None else ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    option = typer.Option(
        f"--{name.replace('_', '-')}", help=_help(field), show_default=shown, metavar=_metavar(field, default)
    )
    return Annotated[_value_type(field, default), option]


def _help(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(rule, key):g}"
        for rule in field.metadata
        for key, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if getattr(rule, key, None) is not None and abs(getattr(rule, key)) < 1e9
    ]
    return f"{field.description}" + (f" [{', '.join(bounds)}]" if bounds else "")


def _metavar(field: FieldInfo, default: Any) -> str | None:
    if get_origin(field.annotation) is Literal:
        return "|".join(get_args(field.annotation))
    return None


def _value_type(field: FieldInfo, default: Any) -> Any:
    if isinstance(default, tuple):
        return list[float] | None
    for plain in (int, float):
        if field.annotation is plain or plain in get_args(field.annotation):
            return plain | None
    return str | None
