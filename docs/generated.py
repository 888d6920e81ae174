"""What of the manual is made from the code when it is built, so that nothing stands there twice.

A page has a line that begins with `<!-- made: commands -->`, and gets Markdown in its place: commands and their options
from the command line, settings from the typed sections, columns from what writes them (their meaning is in
`reference/columns.toml`), exit codes from the errors. Formulas become MathML, which a browser shows without any script.
"""

import inspect
import re
import signal
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import NoneType, SimpleNamespace
from typing import Any, get_args, get_origin

import typer
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from pydantic.fields import FieldInfo

from mamo_cli.analysis import baselines, believed, delivered, each_agent, equality, exact, summaries, walk
from mamo_cli.cli import options
from mamo_cli.cli.commands import COMMANDS
from mamo_cli.cli.main import app
from mamo_cli.core import errors
from mamo_cli.core.settings import Section
from mamo_cli.core.words import Words
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.held_out import HELD_OUT, MEASURED
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.faas.validation import VALIDATED, VALIDATION
from mamo_cli.experiments import compare, solve_offline
from mamo_cli.experiments.configs import (
    DEFAULT_DOMAIN,
    DEFAULT_STRATEGY,
    KINDS,
    MamoConfig,
    OtherConfig,
    ProblemConfig,
    TrainConfig,
    configuration,
    configured,
)
from mamo_cli.experiments.scenarios import About
from mamo_cli.runs.stopping import ASKING
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.federation import federation
from mamo_cli.training.records import columns_of
from mamo_cli.training.settings import CONDITIONED, TASK_DEFAULTS
from mamo_cli.training.windows import walk_columns

HERE = Path(__file__).parent
GLOSSARY = HERE / "reference" / "columns.toml"
COMMON = ("--quiet", "--verbose", "--json", "--help")
PROBLEMS = [name for name, kind in KINDS.items() if issubclass(kind, ProblemConfig)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; nothing where there are no rows."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ").strip() or " " for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) if rows else ""


def code(text: str) -> str:
    """Text as code, or nothing."""
    return f"`{text}`" if text else ""


def paragraphs(text: str | None) -> str:
    """A docstring's text, whose arguments are for code."""
    return inspect.cleandoc(text or "").partition("\nArgs:")[0].strip()


# Commands


def commands() -> str:
    """Every command with its options, and the options that a domain or a strategy brings."""
    group = typer.main.get_command(app)
    before = [record for _, record in _records(group, typer.Context(group, info_name="mamo"))]
    parts = [f"Before a command's name:\n\n{table(('option', 'what'), before)}"]
    for name in COMMANDS:
        command, context = _command([name])
        inner = getattr(command, "commands", {"": command})
        parts += [_described(f"{name} {one}".strip(), each, context) for one, each in inner.items()]
    parts += ["## Options of an instance", *(_of_domain(name) for name in domains.DOMAINS)]
    parts += ["## Options of a strategy", *(_of_strategy(name) for name in strategies.STRATEGIES)]
    return "\n\n".join(parts)


def _command(arguments: Sequence[str]) -> tuple[Any, Any]:
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="mamo")
    _, command, _ = group.resolve_command(context, list(arguments))
    return command, typer.Context(command, info_name=arguments[0], parent=context)


def _records(command: Any, context: Any) -> Iterator[tuple[Any, tuple[str, str]]]:
    """Each parameter of a command that has help, with its names and that help."""
    for parameter in command.get_params(context):
        if record := parameter.get_help_record(context):
            names = re.sub(r"<list\[(\w+)\]>", r"<\1>", record[0]).replace("<Path>", "<path>")
            yield parameter, (code(names), record[1])


def _described(name: str, command: Any, context: Any) -> str:
    places = _places(name)
    own, settings = [], []
    for parameter, record in _records(command, context):
        place = places.get(parameter.name)
        if place is None and not set(parameter.opts) & set(COMMON):
            own.append(record)
        elif place is not None and not place.startswith(("instance.", "adaptation.")):
            settings.append(record)
    usage = " ".join(["mamo", name, *command.collect_usage_pieces(context)])
    parts = [f"## `mamo {name}`", paragraphs(command.help), code(usage), table(("option", "what"), own)]
    if settings:
        parts += [f"Settings that are options, too:\n\n{table(('option', 'what'), settings)}"]
    if name in PROBLEMS:
        also = " and [a strategy's](#options-of-a-strategy)" if name == "run-mamo" else ""
        parts += [f"Also [an instance's](#options-of-an-instance){also}."]
    return "\n\n".join(part for part in parts if part)


def _places(name: str, about: options.Chosen | None = None) -> dict[str, str]:
    """Dotted place of the settings that are options of a command, by the option's name."""
    kind = KINDS.get(name)
    if kind is None or not hasattr(_function(name), "configured"):
        return {}
    about = about or options.Chosen(DEFAULT_DOMAIN, DEFAULT_STRATEGY)
    return options._paths(kind, configuration(kind, *about), about)


def _function(name: str) -> Any:
    entry = COMMANDS[name]
    module = __import__(f"mamo_cli.cli.{entry.module}", fromlist=[entry.name])
    return getattr(module, entry.name)


def _options_at(name: str, start: str, arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Options of a command, and what they say, whose settings begin so."""
    command, context = _command([name, *arguments])
    places = _places(name, options.chosen(arguments))
    return [
        record for parameter, record in _records(command, context) if places.get(parameter.name, "").startswith(start)
    ]


def _of_domain(name: str) -> str:
    title, of = f"### `--domain {name}`", ["--domain", name]
    kinds = ", ".join(f"`mamo {one}`" for one in PROBLEMS if one != "validate-model")
    parts = [title, f"Of {kinds}.", table(("option", "what"), _options_at("train", "instance.", of))]
    asked = domains.about(name).PLANNING.model_fields
    if asked and name != DEFAULT_DOMAIN:
        rows = [row for field in asked for row in _options_at("solve-offline", field, of)]
        parts += ["Of `mamo solve-offline` besides:", table(("option", "what"), rows)]
    return "\n\n".join(parts)


def _of_strategy(name: str) -> str:
    rows = _options_at("run-mamo", "adaptation.", ["--strategy", name])
    about = paragraphs(inspect.getdoc(_module(strategies.entry(name).strategy)))
    shown = table(("option", "what"), rows) or "No option of its own."
    return f"### `--strategy {name}`\n\n{about}\n\n{shown}"


def _module(name: str) -> Any:
    return __import__(name, fromlist=["_"])


# Settings


def configuration_page() -> str:
    """Every section of a configuration file, with its settings."""
    usual, train = configured(MamoConfig, strategies.preset(DEFAULT_STRATEGY, "quick")), configured(TrainConfig)
    tops = [_top(name) for name in KINDS]
    loops = [_loop(name) for name in strategies.STRATEGIES]
    conditioned = configured(MamoConfig, {"te": CONDITIONED})
    parts = [
        "## Above all sections",
        *tops,
        "## `[instance]`: what is controlled",
        *(_instance(name) for name in domains.DOMAINS),
        "## `[learner]`: how values are learnt",
        _section(usual.learner, "learner"),
        "## `[phase]`: a training phase",
        _section(usual.phase, "phase", beside=(train.phase, "`mamo train`")),
        "## `[adaptation]`: how a strategy looks",
        *loops,
        f'## `[preparation]`: with `te = "{CONDITIONED}"`',
        _section(conditioned.preparation, "preparation"),  # type: ignore[attr-defined]
        f"It changes these defaults: {_changes(TASK_DEFAULTS[CONDITIONED])}.",
        "## `[pretrain]`: whose log is learnt from first",
        _section(usual.pretrain, "pretrain"),
        "## `[randomise]`, or `--randomise`: ranges of what differs from world to world in training",
        _section(usual.randomise, "randomise"),
        "## `[federation]`: agents that train apart and average their networks",
        _section(usual.federation, "federation"),
        "## `[own.NAME]`: what one agent has otherwise, in `mamo evaluate`",
        table(HEAD[:1] + HEAD[2:3] + HEAD[4:], _each(OtherConfig)),
        "## `[drift]`: what changes",
        _section(usual.drift, "drift"),
        "## `[walk]`: how an evaluation is walked",
        _section(usual.walk, "walk"),
        "## `[scenario]`: what makes a configuration a scenario",
        _section(About.model_construct(), "scenario"),
    ]
    return "\n\n".join(part for part in parts if part)


def _top(name: str) -> str:
    kind = KINDS[name]
    config = configured(kind, *([strategies.preset(DEFAULT_STRATEGY, "quick")] if kind is MamoConfig else []))
    rows = [
        _row(config, key, field, _places(name))
        for key, field in kind.model_fields.items()
        if key != "run" and not _is_section(field)
    ]
    return f"### `mamo {name}`\n\n{table(HEAD, rows)}"


HEAD = ("setting", "option", "what it may be", "default", "what it is")


def _is_section(field: FieldInfo) -> bool:
    kinds = (field.annotation, *get_args(field.annotation))
    return any(isinstance(kind, type) and issubclass(kind, Section) for kind in kinds) or dict in map(get_origin, kinds)


def _section(
    section: Section, name: str, places: Mapping[str, str] | None = None, beside: tuple[Section, str] | None = None
) -> str:
    """A table of a section's settings.

    Args:
        section: with its defaults.
        name: its place.
        places: which options set what; None: those of `mamo run-mamo`.
        beside: the same section with other defaults, and whose they are.
    """
    known = _places("run-mamo") if places is None else places
    rows = [_row(section, key, field, known, f"{name}.", beside) for key, field in type(section).model_fields.items()]
    return table(HEAD, rows)


def _row(
    section: Section,
    key: str,
    field: FieldInfo,
    places: Mapping[str, str],
    start: str = "",
    beside: tuple[Section, str] | None = None,
) -> tuple[str, ...]:
    option = next((f"--{name.replace('_', '-')}" for name, place in places.items() if place == f"{start}{key}"), "")
    default = shown(getattr(section, key, None))
    if beside is not None and shown(getattr(beside[0], key)) != default:
        default += f"; {shown(getattr(beside[0], key))} in {beside[1]}"
    return code(key), code(option), kind_of(field), default, str(field.description or "")


def shown(value: Any) -> str:
    """A default as it is written in TOML."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, tuple):
        return code(str([list(one) if isinstance(one, tuple) else one for one in value]).replace("'", '"'))
    return code(f'"{value}"' if isinstance(value, str) else str(value))


def kind_of(field: FieldInfo) -> str:
    """What a setting may be, in words."""
    names = [one for rule in field.metadata for one in _names(rule)] or options._choices(field)
    if names:
        return ", ".join(code(f'"{name}"') for name in names)
    facts = [_plain(field.annotation), options._range(field) or _inner_range(field)]
    return ", ".join(fact for fact in facts if fact)


def _names(rule: Any) -> Sequence[str]:
    """The names that a rule made by `one_of` allows."""
    found = inspect.getclosurevars(rule.func).nonlocals if hasattr(rule, "func") else {}
    return tuple(found.get("names", ()))


def _inner_range(field: FieldInfo) -> str:
    """The bounds of an optional number, or of a list's."""
    for kind in (field.annotation, *get_args(field.annotation)):
        for part in (kind, *get_args(kind)):
            metadata = [one for rule in getattr(part, "__metadata__", ()) for one in getattr(rule, "metadata", [rule])]
            if text := options._range(SimpleNamespace(metadata=metadata)):  # type: ignore[arg-type]
                return text
    return ""


PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text", tuple: "list", dict: "tables"}


def _plain(kind: Any) -> str:
    if kind in PLAIN:
        return PLAIN[kind]
    if get_origin(kind) in PLAIN:
        return PLAIN[get_origin(kind)]
    parts = [_plain(part) for part in get_args(kind) if part is not NoneType and not isinstance(part, FieldInfo)]
    return " or ".join(dict.fromkeys(part for part in parts if part))


def _instance(name: str) -> str:
    module = domains.about(name)
    places = _places("train", options.Chosen(name, DEFAULT_STRATEGY))
    parts = [
        f'### `domain = "{name}"`',
        paragraphs(module.SETTINGS.__doc__),
        _section(module.SETTINGS(), "instance", places),
    ]
    if module.PLANNING is not Section:
        planning = _section(module.PLANNING(), "", {})
        parts += [f"Above all sections, of `mamo solve-offline`:\n\n{planning}"]
    if own := domains.own_table(name):
        rows = _each(own[1], module.SETTINGS)
        text = f"`[{own[0]}.NAME]`: what one {own[0]} has of its own. What it does not say is as it is for all."
        parts += [text, table(("setting", "what it may be", "what it is"), rows)]
    if module.DEFAULTS:
        parts += [f"It changes these defaults: {_changes(module.DEFAULTS)}."]
    return "\n\n".join(parts)


def _each(section: type[Section], common: type[Section] = InstanceConfig) -> list[tuple[str, str, str]]:
    """Rows of what one agent has of its own, in the words of what is common to all where it has none."""
    told = {key: field.description or "" for key, field in common.model_fields.items()}
    return [
        (code(key), kind_of(field), str(field.description or told.get(key, "")))
        for key, field in section.model_fields.items()
    ]


def _changes(changed: Mapping[str, Any]) -> str:
    told = []
    for name, own in changed.items():
        each = {f"{name}.{key}": value for key, value in own.items()} if isinstance(own, Mapping) else {name: own}
        told += [f"{code(place)} {shown(value)}" for place, value in each.items()]
    return ", ".join(told)


def _loop(name: str) -> str:
    about = options.Chosen(DEFAULT_DOMAIN, name)
    config = configured(MamoConfig, {"strategy": name}, strategies.preset(name, "quick"))
    places = _places("run-mamo", about)
    parts = [f'### `strategy = "{name}"`']
    for section in strategies.sections_of(name):
        title = "" if section == "adaptation" else f"`[{section}]`:"
        parts += [title, _section(getattr(config, section), section, places)]
    presets = _module(strategies.entry(name).settings).PRESETS
    told = [f"`--preset {preset}` sets {_changes(layer)}." for preset, layer in presets.items() if layer]
    return "\n\n".join([part for part in parts if part] + told)


# Tables


def heads(words: Words) -> dict[str, dict[str, Sequence[str]]]:
    """The columns of every table, by command and file, in a domain's words; of loops, by the paper's strategy."""
    spec = SimpleNamespace(words=words, agents=("one", "another"))
    own = (*strategies.columns_of(DEFAULT_STRATEGY), *federation.COLUMNS)
    looped = columns_of(spec, own)  # type: ignore[arg-type]
    loop = {f"{name}.csv": head for name, head in looped.items()}
    plan = _plan_summary(words)
    walked = walk.walk_summary_columns(words, domains.rules_of(DEFAULT_DOMAIN) if words.agent == "function" else ())
    frontier = {"frontier.csv": exact.frontier_columns(words)}
    return {
        "solve-offline": {
            "plan.csv": solve_offline.plan_columns(words),
            "summary.csv": (*plan, *equality.equality_columns(words)),
            "agents.csv": solve_offline.agents_columns(words),
            **frontier,
        },
        "train": {
            "training.csv": loop["training.csv"],
            "evaluation.csv": loop["evaluation.csv"],
            "summary.csv": (
                *summaries.train_columns(words),
                *believed.believed_columns(words),
                *equality.equality_columns(words),
            ),
            "agents.csv": each_agent.agents_columns(words),
            **frontier,
        },
        "run-mamo": {
            **loop,
            "summary.csv": (
                *summaries.mamo_columns(words),
                *believed.believed_columns(words),
                believed.CHARGED,
                *walked,
                *equality.equality_columns(words),
                *equality.FAIR,
            ),
            "agents.csv": each_agent.agents_columns(words),
            "decomposition.csv": delivered.decomposition_columns(words),
            "continual.csv": walk_columns(words, 2),
            "references.csv": walk.reference_columns(words, 2),
            **frontier,
        },
        "baselines": {
            "baselines.csv": baselines.baselines_columns(words),
            "summary.csv": baselines.rules_columns(words),
            "agents.csv": baselines.agents_columns(words),
        },
        "evaluate": {
            "evaluation.csv": loop["evaluation.csv"],
            "summary.csv": (*summaries.train_columns(words), *equality.equality_columns(words)),
        },
        "validate-model": {
            "validation.csv": VALIDATION,
            "summary.csv": VALIDATED,
            "measured.csv": MEASURED,
            "held_out.csv": HELD_OUT,
        },
        "compare": {f"{name}.csv": head for name, head in compare.TABLES.items()},
    }


def _plan_summary(words: Words) -> tuple[str, ...]:
    """The head of a plan's summary.csv, whose solver's account is in the order of the glossary."""
    measures = [name for one in words.measures for name in (one.total, f"mean_{one.name}") if name]
    when = ("expected", "actual", "over_noise")
    violations = [f"mean_{one.name}_{each}" for one in words.violations for each in when]
    known = list(glossary()["solve-offline/summary.csv"])
    told = known[known.index("share_above_tolerance") :]
    return ("scope", "alpha", *words.each("tolerance"), "step_seconds", *measures, "mean_cost", *violations, *told)


def glossary() -> dict[str, dict[str, str]]:
    """Meanings of columns, by the place that they are looked for under."""
    with GLOSSARY.open("rb") as file:
        return tomllib.load(file)


def meaning(column: str, command: str, file: str, words: Words) -> str:
    """What a column of a table means.

    Raises:
        KeyError: the glossary does not say.
    """
    known = glossary()
    for place in (f"{command}/{file}", file, "any"):
        if column in known.get(place, {}):
            return known[place][column]
    own = {one.name: one for one in (*words.conditions, *words.measures, *words.violations)}
    if column in own:
        return " ".join(own[column].label.split())
    if column == words.agent:
        return (
            f"the {column}'s name; in {file} only where there are several" if file in NAMED else f"the {column}'s name"
        )
    for pattern, text in known["patterns"].items():
        start, _, end = pattern.partition("*")
        if column.startswith(start) and column.endswith(end):
            inner = column[len(start) : len(column) - len(end)]
            if inner in own or inner == "cost" or "{}" not in text:
                return text.format(inner)
    raise KeyError(f"{GLOSSARY.name} does not say what {column} of {command}'s {file} is")


NAMED = ("training.csv", "cycles.csv", "delivered.csv", "continual.csv", "references.csv")


def tables() -> str:
    """Every table of every command, in the words of a FaaS node, and the words of the other domains."""
    usual = domains.about(DEFAULT_DOMAIN).WORDS
    parts = []
    for command, files in heads(usual).items():
        parts.append(f"## Tables of `mamo {command}`")
        for file, head in files.items():
            rows = [(code(column), meaning(column, command, file, usual)) for column in head]
            parts.append(f"### `{file}` of `{command}`\n\n{table(('column', 'what'), rows)}")
    parts += ["## Columns of a strategy in `cycles.csv`", table(("strategy", "columns"), _strategies_columns())]
    parts += ["## Words of the domains", table(("domain", "agent", "conditions", "measures", "violations"), _words())]
    return "\n\n".join(parts)


def _strategies_columns() -> list[tuple[str, str]]:
    return [(code(name), ", ".join(map(code, strategies.columns_of(name)))) for name in strategies.STRATEGIES]


def _words() -> list[tuple[str, ...]]:
    rows = []
    for name in domains.DOMAINS:
        words = domains.about(name).WORDS
        groups = (words.conditions, words.measures, words.violations)
        told = ["; ".join(f"{code(one.name)} {' '.join(one.label.split())}" for one in each) for each in groups]
        rows.append((code(name), words.agent, *told))
    return rows


# Exit codes


def exit_codes() -> str:
    """What a process ends with, and which error it is."""
    rows = [
        ("`0`", "", "Done."),
        (
            "`1`",
            "",
            "A bug, of ours or of a module of yours: a line on stderr says whose, and the traceback is in `log.txt`.",
        ),
    ]
    for error in _kinds(errors.MamoError):
        about = paragraphs(error.__doc__).split("\n\n")[0]
        rows.append((code(str(error.exit_code)), code(error.__name__), about))
    rows += [
        (code(str(128 + number)), signal.Signals(number).name, "Stopped by this signal.") for number in sorted(ASKING)
    ]
    return table(("code", "error", "when"), rows)


def _kinds(error: type[errors.MamoError]) -> list[type[errors.MamoError]]:
    """The kinds of an error, by their code, then by name; those of other modules are details of these."""
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, error)]
    return sorted((kind for kind in found if kind is not error), key=lambda kind: (kind.exit_code, kind.__name__))


# Sphinx

MADE: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "configuration": configuration_page,
    "tables": tables,
    "exit-codes": exit_codes,
}


def put_in(_app: Any, _name: str, source: list[str]) -> None:
    """Put what is made into the page that asks for it, and leave out what a page says to its tests."""
    source[0] = re.sub(r"^<!-- (?:long|needs|exits): .* -->\n", "", source[0], flags=re.MULTILINE)
    for what, make in MADE.items():
        if f"<!-- made: {what} -->" in source[0]:
            source[0] = re.sub(f"^<!-- made: {what} -->.*$", lambda _, make=make: make(), source[0], flags=re.MULTILINE)


def visit_math(translator: Any, node: nodes.math | nodes.math_block, *, block: bool) -> None:
    """Write a formula as MathML."""
    translator.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(sphinx: Any) -> dict[str, Any]:
    """Tell Sphinx what is made here."""
    sphinx.connect("source-read", put_in)
    sphinx.add_html_math_renderer(
        "mathml", (partial(visit_math, block=False), None), (partial(visit_math, block=True), None)
    )
    return {"parallel_read_safe": True}
