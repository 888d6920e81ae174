"""What messages advise exists: every option, setting and choice that one names is there where it can be raised."""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
import typer

import mamo_cli
from mamo_cli.cli.commands import COMMANDS
from mamo_cli.cli.main import app
from mamo_cli.cli.options import chosen, with_settings
from mamo_cli.core.complaints import places
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.rejection.models import MODEL_NAMES
from mamo_cli.experiments.configs import (
    BaselinesConfig,
    EvaluateConfig,
    MamoConfig,
    SolveOfflineConfig,
    TrainConfig,
    configuration,
)
from mamo_cli.strategies import registry as strategies
from tests.cli.invoke import mamo

ROOT = Path(mamo_cli.__file__).parent
RUNS = ("solve-offline", "train", "run-mamo", "evaluate", "baselines")
MADE = ("solve-offline", "train", "run-mamo", "baselines")
TRAINED = ("train", "run-mamo")
CONFIGURATIONS = {
    "solve-offline": SolveOfflineConfig,
    "train": TrainConfig,
    "run-mamo": MamoConfig,
    "baselines": BaselinesConfig,
}

RAISED_BY = {
    "cli/plot.py": ("plot",),
    "cli/ranges.py": TRAINED,
    "cli/generate.py": ("generate noisy",),
    "cli/import_trace.py": ("import",),
    "cli/report.py": ("report",),
    "cli/runs_list.py": ("runs list",),
    "cli/watch.py": ("watch",),
    "cli/runs_compare.py": ("runs compare",),
    "cli/runs.py": ("runs rm",),
    "cli/doctor.py": ("doctor",),
    "cli/evaluate.py": ("evaluate",),
    "cli/export.py": ("export",),
    "cli/serve.py": ("serve",),
    "cli/running.py": RUNS,
    "workload/generators.py": ("generate sinusoidal", "generate noisy"),
    "workload/trace.py": MADE,
    "workload/trace_csv.py": ("generate sinusoidal", "generate noisy", "import"),
    "workload/": ("import",),
    "domains/faas/domain.py": ("solve-offline",),
    "domains/faas/baselines/": ("baselines",),
    "domains/faas/offline/": ("solve-offline",),
    "domains/faas/validation.py": ("validate-model",),
    "domains/faas/held_out.py": ("validate-model",),
    "domains/faas/": MADE,
    "domains/": MADE,
    "solvers/": ("solve-offline",),
    "strategies/": ("run-mamo",),
    "learners/sb3/": ("run-mamo",),
    "learners/": TRAINED,
    "policies/onnx_model.py": ("export",),
    "serving/": ("serve",),
    "training/": TRAINED,
    "runs/ray": TRAINED,
    "runs/worker.py": TRAINED,
    "runs/": RUNS,
    "experiments/evaluate.py": ("evaluate",),
    "experiments/export.py": ("export",),
    "experiments/manifest.py": ("serve",),
    "experiments/dry_run.py": ("serve",),
    "experiments/event_files.py": ("export",),
    "experiments/report": ("report",),
    "experiments/files.py": ("export", "report"),
    "experiments/compare.py": ("compare",),
    "experiments/watch.py": ("watch",),
    "experiments/two_runs.py": ("runs compare",),
    "experiments/scenarios.py": ("compare",),
    "experiments/validate_model.py": ("validate-model",),
    "experiments/": TRAINED,
    "core/storage.py": TRAINED,  # whose remedies for a full machine say "train with"
    "": RUNS,
}
"""Which commands may say what stands in a module, by the start of its path; the first that fits."""

FREE = {"workload/generators.py": "an option of one of its commands"}
"""Modules whose functions serve commands with options of their own."""

COLUMNS = {
    *("max_replicas", "node_memory", "expected_rate", "actual_rate", "step_seconds", "period_steps"),
    *("rate_rps", "memory_mb", "counted_seconds"),
}
"""Words of several parts that stand in files which people write, or in what is told to a server."""

FOR_CODE = (
    *("domains/faas/offline/problem.py", "domains/faas/rejection/", "domains/faas/gym_env.py"),
    "policies/onnx_model.py",
    "workload/",
)
"""Modules that speak of arguments to who calls them, of columns, or to an engine, and check nothing that is typed."""


class Message(NamedTuple):
    module: str  # its path below the package
    line: int
    text: str  # with {} for what is filled in


def messages() -> Iterator[Message]:
    """What is raised or written to the log, and every other sentence; not ValueError, which only code can meet."""
    for path in sorted(ROOT.rglob("*.py")):
        for node, text in spoken(ast.parse(path.read_text(encoding="utf-8"))):
            yield Message(path.relative_to(ROOT).as_posix(), node.lineno, text)


def spoken(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The sentences in a tree of code that a user may read."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        if name in SILENT:
            return
        if name == "_require":  # its first words are an option of their own
            yield node, " ".join(_texts(node))
            return
    text = next(_texts(node), "") if isinstance(node, ast.Constant | ast.JoinedStr) else ""
    if len(text.split()) > 3 and not text.startswith("import "):
        yield node, text
    for child in ast.iter_child_nodes(node) if not isinstance(node, ast.JoinedStr) else ():
        yield from spoken(child)


SILENT = ("Option", "Argument", "Field", "ValueError", "RuntimeError", "TimeoutError", "Entry", "Quantity")
"""Calls whose words are help, or for code."""


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)


MESSAGES = [*messages()]


@cache
def options_of(command: str) -> frozenset[str]:
    """All options of a command, whatever domain and strategy it is about."""
    group = typer.main.get_command(app)
    name, _, inner = command.partition(" ")
    found: set[str] = set()
    for about in (
        ["--domain", domain, "--strategy", strategy] for domain in domains.DOMAINS for strategy in strategies.STRATEGIES
    ):
        context = typer.Context(group)
        context.meta["mamo.arguments"] = about
        entry = group.get_command(context, name)
        entry = entry.get_command(context, inner) if inner else entry
        found |= {option for parameter in entry.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return frozenset(found)


def every_command() -> list[str]:
    inner = {"generate": ["sinusoidal", "noisy"], "runs": ["list", "show", "compare", "rm"]}
    return [f"{name} {each}".strip() for name in COMMANDS for each in inner.get(name, [""])]


def commands_of(module: str) -> tuple[str, ...]:
    return next(commands for start, commands in RAISED_BY.items() if module.startswith(start))


def named_options(text: str) -> Iterator[tuple[str | None, str]]:
    """Each option in a message, and the command that it is said to be of, if one is named before it."""
    for found in re.finditer(r"(?:`?(mamo|ray|pip|tensorboard) ([a-z][a-z -]*?) (?:\S+ )??)?(--[a-z][a-z-]*)", text):
        program, command, option = found.groups()
        if program in (None, "mamo"):
            yield command, option


def missing_options(message: Message) -> list[str]:
    """What a message names that is no option of a command that may say it."""
    missing = []
    for command, option in named_options(message.text):
        sayers = (command,) if command else commands_of(message.module)
        has = [any(one.startswith(option) for one in options_of(each)) for each in sayers]
        if not (any(has) if message.module in FREE else all(has)):
            missing.append(option)
    return missing


def test_there_are_messages_to_look_at():
    assert len(MESSAGES) > 100
    assert sum(bool(list(named_options(message.text))) for message in MESSAGES) > 20


@pytest.mark.parametrize(
    ("module", "text", "missing"),
    [
        ("cli/plot.py", "draw elsewhere with --out", []),
        ("cli/plot.py", "a worker died: try --jobs 1", ["--jobs"]),
        ("runs/worker.py", "a worker died: try --jobs 1", []),
        ("runs/checkpoint.py", "start over with --refresh", ["--refresh"]),
        ("domains/faas/node.py", "scale it with `mamo import FILE --scale-to-peak`", []),
        ("domains/faas/node.py", "scale it with `mamo train --scale-to-peak`", ["--scale-to-peak"]),
    ],
)
def test_an_option_that_is_not_there_is_seen(module, text, missing):
    assert missing_options(Message(module, 1, text)) == missing


def test_every_option_that_a_message_names_is_one_of_the_commands_that_say_it():
    missing = [(message, options) for message in MESSAGES if (options := missing_options(message))]
    assert missing == []


def settings() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"evaluate": set(places(EvaluateConfig))}
    for command, kind in CONFIGURATIONS.items():
        for domain in domains.DOMAINS:
            for strategy in strategies.STRATEGIES:
                found.setdefault(command, set()).update(places(configuration(kind, domain, strategy)))
    return found


def test_every_setting_that_a_message_names_is_an_option_or_has_its_dotted_place():
    everywhere = set.union(*settings().values())
    sections = {place.rpartition(".")[0] for place in everywhere} - {""}
    for message in MESSAGES:
        if message.module.startswith(FOR_CODE):
            continue
        for section, key in re.findall(r"\b([a-z_]+)\.([a-z_]+)\b", message.text):
            assert section not in sections or f"{section}.{key}" in everywhere, message
        for word in re.findall(r"(?<![-.\w])[a-z]+(?:_[a-z]+)+\b(?!\()", message.text):
            assert word in COLUMNS, f"nobody types {word}: name its option or its dotted place: {message}"


CHOICES = {
    "--rejection-model": MODEL_NAMES,
    "--solver": get_args(SolveOfflineConfig.model_fields["solver"].annotation),
    "--scope": get_args(SolveOfflineConfig.model_fields["scope"].annotation),
    "--strategy": tuple(strategies.STRATEGIES),
    "--domain": tuple(domains.DOMAINS),
    "--engine": ("local", "ray"),
    "--device": ("cpu", "cuda", "other"),  # "--device other than cpu"
}


def test_every_choice_that_a_message_advises_is_there():
    for message in MESSAGES:
        for option, choice in re.findall(r"(--[a-z-]+)[ =]'?([a-z][a-z-]*)", message.text):
            if option in CHOICES and choice not in (
                "is",
                "are",
                "changes",
                "needs",
                "or",
                "and",
                "knows",
                "of",
                "lies",
            ):
                assert choice in CHOICES[option], message


FAULTS = {
    ("solve-offline", "--idle-timeout", "1"): (
        0,
        "the serverless rejection model is too optimistic for this node's idle timeout of 1 s: for function f0 at ",
    ),
    ("train", "--alpha", "-0.1"): (2, "mamo: --alpha: must be greater than or equal to 0, got -0.1"),
    ("train", "--batch-size", "64", "--replay-capacity", "32"): (
        2,
        "mamo: --replay-capacity 32 must hold a batch, --batch-size 64",
    ),
    ("solve-offline", "--rejection-model", "magic"): (
        2,
        "mamo: --rejection-model: must be 'serverless', 'erlang', 'simulation' or 'measured', got 'magic'",
    ),
    ("solve-offline", "--config", "flat.toml"): (
        2,
        "mamo: flat.toml: tolerance: no such setting; did you mean instance.tolerance?",
    ),
    ("run-mamo", "--config", "flat.toml"): (
        2,
        "mamo: flat.toml: tolerance: no such setting; did you mean instance.tolerance?",
    ),
    ("solve-offline", "--replica-cost", "1", "--replica-cost", "2"): (
        2,
        "mamo: --replica-cost: one for all or one for each of the 1 functions, got 2",
    ),
    ("generate", "sinusoidal", "--step-seconds", "0"): (2, "mamo: --step-seconds must be a finite number > 0, got 0.0"),
}


@pytest.mark.parametrize("command", FAULTS, ids=" ".join)
def test_a_fault_is_told_in_one_line_in_the_words_that_were_typed(command):
    Path("flat.toml").write_text("tolerance = 0.1\n")
    code, line = FAULTS[command]
    result = mamo(*command)
    assert result.code == code
    first, *others = result.err.splitlines()
    assert first.startswith(line)
    assert not others or code == 0


@pytest.mark.parametrize("command", MADE)
def test_a_value_out_of_its_bounds_is_one_line_that_names_its_option(command):
    numbers = [*numeric_options(command)]
    assert len(numbers) > 5
    for option in numbers:
        result = mamo(command, option, "-7")
        assert result.code == 2, option
        assert re.fullmatch(rf"mamo: {option}: must be .*, got -7(\.0)?\n", result.err), result.err


def numeric_options(command: str) -> Iterator[str]:
    """Those that set a number of the configuration."""
    entry = COMMANDS[command]
    function = getattr(import_module(f"mamo_cli.cli.{entry.module}"), entry.name)
    own = inspect.signature(function).parameters
    for name, parameter in inspect.signature(
        with_settings(function, function.configured, chosen([]))
    ).parameters.items():
        if name not in own and get_args(parameter.annotation)[0] in (int | None, float | None, list[float] | None):
            yield f"--{name.replace('_', '-')}"
