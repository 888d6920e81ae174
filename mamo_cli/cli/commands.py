"""The table of commands, each imported when it is asked for: `mamo --help` is instant.

A command's options depend on the domain and the strategy that its command line is about.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Entry(NamedTuple):
    """Where a command is, and what it does in a line."""

    module: str  # below mamo_cli.cli
    name: str  # of the function, or of the group's table of functions
    help: str


COMMANDS = {
    "generate": Entry("generate", "COMMANDS", "Make synthetic workload traces."),
    "import": Entry("import_trace", "import_command", "Import a real trace."),
    "solve-offline": Entry("solve_offline", "solve_offline", "Find the cheapest plan with perfect knowledge."),
    "train": Entry("train", "train", "Train task-execution agents at fixed alphas."),
    "run-mamo": Entry("run_mamo", "run_mamo", "Find the best alpha by weight adaptation."),
    "baselines": Entry("baselines", "baselines", "Play the autoscalers that people run today."),
    "compare": Entry("compare", "compare", "Compare strategies on scenarios, under one budget."),
    "evaluate": Entry("evaluate", "evaluate", "Play trained policies on another trace."),
    "export": Entry("export", "export", "Write the policy that a run delivered as one file."),
    "serve": Entry("serve", "serve", "Serve a policy's decisions to KEDA, and over HTTP."),
    "validate-model": Entry(
        "validate_model", "validate_model", "Hold the models of rejection to simulation, and to measurements."
    ),
    "plot": Entry("plot", "plot", "Draw a run's figures from its CSVs."),
    "report": Entry("report", "report", "Write runs as one page, to be handed round."),
    "runs": Entry("runs", "COMMANDS", "List, show, compare and delete what is under results/."),
    "watch": Entry("watch", "watch", "Watch a run while it trains."),
    "doctor": Entry("doctor", "doctor", "Check versions, solvers, threads, disk, locks and devices."),
}


class Commands(TyperGroup):
    """All commands, by name; what is handed through here is click's, which Typer brings in a module of its own."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the table."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is asked for, with the options that its own arguments call for."""
        ctx.meta["mamo.arguments"] = args[1:]
        self.commands: Any = dict.fromkeys(COMMANDS)  # where Typer looks for what a mistyped name may have meant
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name."""
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        if ctx.meta.get("mamo.completing"):
            return TyperCommand(cmd_name, help=entry.help)
        found = getattr(import_module(f"mamo_cli.cli.{entry.module}"), entry.name)
        return _group(cmd_name, entry, found) if isinstance(found, dict) else _command(cmd_name, found, ctx)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """What may follow `mamo`, which takes no command's import."""
        ctx.meta["mamo.completing"] = True
        return super().shell_complete(ctx, incomplete)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


def _command(name: str, function: Callable[..., None], ctx: Any) -> Any:
    from mamo_cli.cli.options import chosen, with_messages, with_settings

    kind = getattr(function, "configured", None)
    if kind is not None:
        function = with_settings(function, kind, chosen(ctx.meta.get("mamo.arguments", [])))
    app = _app()
    app.command(name)(with_messages(function))
    return typer.main.get_command(app)


def _group(name: str, entry: Entry, functions: dict[str, Callable[..., None]]) -> Any:
    from mamo_cli.cli.options import with_messages

    app = _app(name=name, help=entry.help, no_args_is_help=True)
    for inner, function in functions.items():
        app.command(inner)(with_messages(function))
    return typer.main.get_group(app)


def _app(**settings: Any) -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **settings)
