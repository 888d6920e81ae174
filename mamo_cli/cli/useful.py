"""Options that a command does not look at in what it was asked to do: told, not passed over."""

from collections.abc import Collection

import typer

from mamo_cli.core.errors import UsageError

ALWAYS = ("quiet", "verbose")


def require_useful(context: typer.Context, why: str, used: Collection[str]) -> None:
    """Refuse what stands on the command line to no avail.

    Args:
        context: of the command.
        why: what it was asked for, in words, that makes the others useless.
        used: parameters that it looks at.

    Raises:
        UsageError: there is another.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name not in (*used, *ALWAYS):
            given = parameter.opts[0] if parameter.param_type_name == "option" else context.params[name]
            raise UsageError(f"{why}: leave out {given}")
