"""A run as a page tells of it: what was asked, what came out, and by what it was made."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.analysis.run_tables import read_command
from mamo_cli.analysis.told import tables_of
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.settings import Section, canonical, read_toml
from mamo_cli.core.told import Table
from mamo_cli.domains.sources import Source
from mamo_cli.experiments.configs import (
    DEFAULT_DOMAIN,
    DEFAULT_STRATEGY,
    DEFAULT_TE,
    KINDS,
    MamoConfig,
    ProblemConfig,
    configured,
)
from mamo_cli.experiments.glossary import glossary_of
from mamo_cli.experiments.headlines import fallen_of, headline
from mamo_cli.experiments.problem import Facts, problem_of, workload_of
from mamo_cli.experiments.sources import data_of, sources_of
from mamo_cli.runs.folder import CONFIG, changes
from mamo_cli.runs.ledger import told as energy_told
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.manifest import NAME, read_manifest
from mamo_cli.strategies import registry as strategies

ASKED = {
    "solve-offline": "The cheapest plan with perfect knowledge, and the same plan under noise.",
    "train": "Task-execution agents at fixed weights, each beside the exact optimum at its weight.",
    "run-mamo": "The weight at which task-execution agents are cheapest within the limit, and what they then cost.",
    "evaluate": "Trained policies, greedy, played once more: on their run's own evaluation, or as the settings say.",
    "baselines": "Today's autoscalers on the same problem, at their defaults and tuned.",
    "compare": "Strategies that pick the weight, on scenarios, under one budget of environment steps.",
    "validate-model": "The models of how a node rejects, held to a simulation of its requests.",
}
NAMES = {"domain": DEFAULT_DOMAIN, "strategy": DEFAULT_STRATEGY, "te": DEFAULT_TE}
"""Settings that decide which others there are, and what they are unless told otherwise."""
PROBLEM = "instance"
"""The section that sets the problem: what a reader must know of it, though it may be all as usual."""


class Setting(NamedTuple):
    """A setting, what it is by default, and what it means."""

    setting: str
    value: str
    default: str
    meaning: str


class Reported(NamedTuple):
    """What a page tells of a run, figures apart.

    Attributes:
        name: the run's, told apart from the others of the page.
        folder: where it is.
        manifest: its run.json.
        asked: what the command finds out, in a sentence.
        headline: what came out, in a sentence.
        problem: the workload, as far as it is known.
        settings: the problem's, and what else differs from the defaults; None where this version does not know them.
        config: all of it, as its file has it.
        tables: those that the command ends with.
        made_of: what its cost over the bound is made of, where that is known.
        words: what headings of its tables mean.
        provenance: by what it was made.
        starts: each process that worked on it.
        sources: what it rests on.
        data: whose data the workload is.
    """

    name: str
    folder: Path
    manifest: Mapping[str, Any]
    asked: str
    headline: str
    problem: Table
    settings: Sequence[Setting] | None
    config: str
    tables: Sequence[Table]
    made_of: Table | None
    words: Sequence[tuple[str, str]]
    provenance: Table
    starts: Table
    sources: Sequence[Source]
    data: Sequence[str]

    @property
    def command(self) -> str:
        """That made it."""
        return str(self.manifest["command"])


def reported(name: str, folder: Path) -> Reported:
    """Read a run that has ended.

    Raises:
        DataError: it has not ended, or has no results, or a file of it cannot be read.
        UsageError: its configuration cannot be read.
    """
    manifest = read_manifest(folder)
    try:
        return _reported(name, folder, read_command(folder), manifest)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise DataError(f"{folder / NAME} is damaged: what it tells is not what its command leaves") from None


def _reported(name: str, folder: Path, command: str, manifest: Mapping[str, Any]) -> Reported:
    written = read_toml(folder / CONFIG)
    if command not in ASKED:
        raise DataError(f"{folder}: a run of {command!r} has no report, only those of {', '.join(ASKED)} have")
    if not manifest.get("summary"):
        raise DataError(f"{folder}: the run is {manifest['status']} and has no summary: there is nothing to report")
    config = _known(folder, command, written)
    facts, tables = workload_of(folder, manifest, config), tables_of(folder, manifest["summary"])
    made_of = next((told for told in tables if set(TERMS) <= set(told.headings)), None)
    return Reported(
        name=name,
        folder=folder,
        manifest=manifest,
        asked=ASKED[command],
        headline=headline(folder, manifest),
        problem=Table((), [*_problem(manifest, config, facts), *_proxy(manifest)]),
        settings=None if config is None else list(_settings(command, config)),
        config=(folder / CONFIG).read_text(encoding="utf-8"),
        tables=[told for told in tables if told is not made_of],
        made_of=made_of,
        words=list(glossary_of(tables)),
        provenance=Table((), list(_provenance(manifest))),
        starts=Table(("started (UTC)", "ended as", "seconds", "command line"), [_start(s) for s in manifest["starts"]]),
        sources=list(sources_of(command, written)),
        data=[] if facts is None else data_of(facts["notes"]),
    )


def _problem(manifest: Mapping[str, Any], config: Section | None, facts: Facts | None) -> Iterator[tuple[str, Any]]:
    summary = manifest["summary"]
    row = summary[0] if isinstance(summary, list) else summary
    return problem_of(manifest.get("domain", DEFAULT_DOMAIN), config, facts, row.get("step_seconds"))


def _proxy(manifest: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What training was told in place of the truth, if it was."""
    return [("trained on a proxy", manifest["proxy"])] if "proxy" in manifest else []


def _known(folder: Path, command: str, written: Mapping[str, Any]) -> Section | None:
    """The configuration; None, which is said, where another version wrote it."""
    try:
        return configured(KINDS[command], written)
    except UsageError as error:
        LOGGER.warning("%s/%s is shown as it is written: %s", folder, CONFIG, error)
        return None


def _settings(command: str, config: Section) -> Iterator[Setting]:
    """Those that set the problem, and what differs from the defaults of the same domain, strategy and task agents."""
    about = NAMES if isinstance(config, ProblemConfig) else ()
    names = {name: getattr(config, name) for name in about if hasattr(config, name)}
    preset = [strategies.preset(config.strategy, "quick")] if isinstance(config, MamoConfig) else []
    usual, own = canonical(configured(KINDS[command], {**names}, *preset)), canonical(config)
    found: dict[str, tuple[Any, Any]] = {
        name: (NAMES[name], value) for name, value in names.items() if value != NAMES[name]
    }
    found |= {f"{PROBLEM}.{name}": (value, value) for name, value in own.get(PROBLEM, {}).items()}
    found |= {setting: (default, value) for setting, default, value in changes(usual, own)}
    for setting, (default, value) in found.items():
        if default is not None or value is not None:
            yield Setting(setting, _value(value), _value(default), _meaning(config, setting))


def _meaning(config: Section, place: str) -> str:
    """What a setting is, as its help says."""
    section: Any = config
    *sections, key = place.split(".")
    for name in sections:
        section = section.get(name) if isinstance(section, dict) else getattr(section, name, None)
    field = type(section).model_fields.get(key) if isinstance(section, Section) else None
    return "" if field is None else str(field.description or "").partition("  [")[0]


def _value(value: Any) -> str:
    """A setting as a person reads it."""
    if value is None:
        return "unset"
    return value if isinstance(value, str) else json.dumps(value)


def _provenance(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """By what it was made, where, when, and of which seeds."""
    git = manifest.get("git") or {}
    dirty = " with changes that were not committed" if git.get("dirty") else ""
    versions = manifest.get("versions") or {}
    solver = manifest.get("solver") or {}
    scope = f"(scope {solver['scope']})" if "scope" in solver else None  # not in runs of old
    facts = {
        "status": manifest["status"],
        "started": manifest.get("started"),
        "ended": manifest.get("ended"),
        "commit": f"{git['commit']}{dirty}" if git.get("commit") else None,
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
        "solver": " ".join(filter(None, (solver.get("name"), solver.get("version"), scope))),
        "processor": manifest.get("cpu"),
        "cores": manifest.get("threads"),
        "worker processes": manifest.get("jobs"),
        "engine": manifest.get("engine"),
        "device": manifest.get("device"),
        "energy": energy_told(manifest),
        "seeds": _seeds(manifest.get("seeds")),
        "members that diverged": ", ".join(fallen_of(manifest)),
        "digest of the configuration": manifest.get("config_digest"),
    }
    return ((name, value) for name, value in facts.items() if value not in (None, ""))


def _seeds(seeds: Any) -> str:
    """Those in a row as a range."""
    if not isinstance(seeds, list) or not seeds:
        return ""
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _start(start: Mapping[str, Any]) -> list[Any]:
    typed = shlex.join(["mamo", *map(str, start.get("argv", ()))])
    return [str(start.get("started", ""))[:19].replace("T", " "), start.get("status"), start.get("seconds"), typed]
