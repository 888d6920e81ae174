"""Two runs beside one another: what differs in what was asked for and by what it was made, and what came out."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.analysis.break_even import BreakEven
from mamo_cli.analysis.statistics import bootstrap_interval, mean
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import canonical, read_toml
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import KINDS, EvaluateConfig, configured
from mamo_cli.experiments.paid_off import paid_off
from mamo_cli.experiments.trained import TRACE
from mamo_cli.runs.folder import CONFIG, changes
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.manifest import read_manifest

TRACE_CONTENT = "content of the trace"
HELD_TO = "held_to"
KEYS = ("scenario", "strategy", "rule", "knobs", "scope", "function", "model", "times", HELD_TO)
"""Columns of a summary whose words say what a row is of."""
SETTINGS = (
    *("seed", "seeds", "seeds_total", "env_steps", "steps", "step_seconds", "tolerance"),
    *("fitted_rows", "held_out_rows"),
)
"""Columns that repeat what was asked for; those of one violation's tolerance begin likewise."""


class Difference(NamedTuple):
    """Something that is not the same in two runs; None where one has no such thing."""

    of: str
    first: Any
    second: Any


class Mean(NamedTuple):
    """A mean over seeds and its 95 % bootstrap interval; a single seed has none."""

    value: float
    low: float | None
    high: float | None
    seeds: int


class Beside(NamedTuple):
    """A number of two runs; None where one of them does not know it.

    Attributes:
        of: what it is of: an alpha, a scenario and a strategy, or empty where all members are one.
        quantity: the summary's column.
        first: over the seeds of the first run that did not diverge.
        second: of the second.
        difference: the second less the first, over the seeds that both have.
        same: whether it is the same for all seeds of both.
    """

    of: str
    quantity: str
    first: Mean | None
    second: Mean | None
    difference: Mean | None
    same: bool


class TwoRuns(NamedTuple):
    """What two runs have and have not in common.

    Attributes:
        differences: of their configurations, the content of their traces, devices, versions, commits and processors.
        outcome: number by number.
        only: what one of them alone tried, by its place.
        not_comparable: why there is no outcome, or what is to be minded with it; empty where nothing is.
        break_even: of a run with agents and one of rules on the same problem: when what is saved has paid for it.
    """

    differences: list[Difference]
    outcome: list[Beside]
    only: tuple[list[str], list[str]]
    not_comparable: str
    break_even: BreakEven | None = None


class _Run(NamedTuple):
    path: Path
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]


def two_runs(first: Path, second: Path) -> TwoRuns:
    """Compare two runs.

    Args:
        first: a run's folder.
        second: another's.

    Raises:
        UsageError: they are the same, or a configuration cannot be read.
        DataError: a run.json cannot be read.
    """
    if first.resolve() == second.resolve():
        raise UsageError(f"{first} and {second} are the same run: name two")
    runs = _read(first), _read(second)
    differences = list(chain(_asked(*runs), _made_by(*runs)))
    reason = _not_comparable(*runs)
    if reason and (paid := paid_off([run.path for run in runs])) is not None:
        return TwoRuns(differences, [], ([], []), *paid)
    if reason:
        return TwoRuns(differences, [], ([], []), reason)
    by_alpha = any(_at_fixed_alphas(run) for run in runs)
    groups, others = (_groups(run, by_alpha) for run in runs)
    outcome = [beside for of in groups if of in others for beside in _beside(of, groups[of], others[of])]
    only = [of for of in groups if of not in others], [of for of in others if of not in groups]
    if not outcome:
        return TwoRuns(differences, [], only, "no number of one summary stands beside one of the other")
    return TwoRuns(differences, outcome, only, _another_problem(runs[0], differences))


def _read(path: Path) -> _Run:
    manifest, written = read_manifest(path), read_toml(path / CONFIG)
    kind = KINDS.get(manifest["command"])
    try:
        return _Run(path, manifest, written if kind is None else canonical(configured(kind, written), words=False))
    except UsageError as error:  # it was made by another version
        LOGGER.warning("%s/%s is compared as it is written: %s", path, CONFIG, error)
        return _Run(path, manifest, written)


def _asked(first: _Run, second: _Run) -> Iterator[Difference]:
    """In configuration and content."""
    if first.manifest["command"] != second.manifest["command"]:
        yield Difference("command", first.manifest["command"], second.manifest["command"])
    found = [Difference(*change) for change in changes(first.config, second.config)]
    yield from found
    devices = [run.manifest.get("device", "cpu") for run in (first, second)]
    if devices[0] != devices[1]:
        yield Difference("device", *devices)
    starts = [(run.manifest.get("start") or {}).get("content") for run in (first, second)]
    if None not in starts and starts[0] != starts[1]:
        yield Difference("content of the start", "its own", "another")
    traces = [_content(run.path / TRACE) for run in (first, second)]
    if None not in traces and traces[0] != traces[1]:
        yield Difference(TRACE_CONTENT, "its own", "another")
    elif not found and devices[0] == devices[1] and first.manifest["command"] == second.manifest["command"]:
        digests = [run.manifest.get("config_digest") for run in (first, second)]
        if digests[0] != digests[1]:
            yield Difference("digest, as of another trace or version", *digests)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _made_by(first: _Run, second: _Run) -> Iterator[Difference]:
    """In versions, the state of the code, and the machine."""
    for part in ("versions", "git", "cpu"):
        old, new = ({part: run.manifest.get(part)} for run in (first, second))
        yield from (Difference(*change) for change in changes(old, new))


def _not_comparable(first: _Run, second: _Run) -> str:
    """Why no number of one stands beside one of the other; empty where they do."""
    names = [(run.manifest["command"], run.manifest.get("domain", domains.DEFAULT)) for run in (first, second)]
    for place, of in enumerate(("command", "domain")):
        if names[0][place] != names[1][place]:
            return f"outcomes of another {of} are not comparable: {names[0][place]} and {names[1][place]}"
    for run in (first, second):
        if not _rows(run):
            return f"outcomes are not comparable: {run.path} is {run.manifest['status']} and has no summary"
    return ""


def _another_problem(run: _Run, differences: Sequence[Difference]) -> str:
    about = _about_the_problem(run.manifest)
    problem = [one.of for one in differences if one.of.partition(".")[0] in about]
    return f"the two are of different problems ({', '.join(problem)}): mind that beside the numbers" if problem else ""


def _about_the_problem(manifest: Mapping[str, Any]) -> set[str]:
    """Sections and settings that say what problem a run is of."""
    found, domain = {"instance", "drift", TRACE_CONTENT}, manifest.get("domain", domains.DEFAULT)
    if domain in domains.DOMAINS and (table := domains.own_table(domain)):
        found.add(table[0])
    if manifest["command"] == "evaluate":
        found |= EvaluateConfig.model_fields.keys() - {"run"}  # which says who plays; all others, what is played
    return found


def _rows(run: _Run) -> list[Mapping[str, Any]]:
    """Of its summary, whatever is none left out."""
    summary = run.manifest.get("summary")
    if run.manifest["command"] == "validate-model" and isinstance(summary, Mapping):
        held_out = [{**row, HELD_TO: "held to measurements"} for row in summary.get("held_out") or []]
        summary = [*(summary.get("models") or []), *held_out]  # the others are held to the simulation
    rows = summary if isinstance(summary, list) else [summary]
    return [row for row in rows if isinstance(row, Mapping)]


def _at_fixed_alphas(run: _Run) -> bool:
    """Whether alpha says what a row is of, and not what came out of it."""
    seeds = [row.get("seed") for row in _rows(run)]
    return run.manifest["command"] in ("train", "evaluate") and (
        run.manifest["command"] == "train" or len(set(seeds)) < len(seeds)
    )


Seeds = dict[Any, Mapping[str, Any]]


def _groups(run: _Run, by_alpha: bool) -> dict[str, Seeds]:
    """Rows by what they are of, and by their seed."""
    found: dict[str, Seeds] = {}
    for row in _rows(run):
        words = [str(row[key]) for key in KEYS if isinstance(row.get(key), str)]
        alphas = [f"{name} {row[name]:g}" for name in row if by_alpha and _is_alpha(name) and row[name] is not None]
        found.setdefault(" ".join([*words, *alphas]), {})[row.get("seed")] = row
    return found


def _is_alpha(name: str) -> bool:
    return name == "alpha" or name.startswith("alpha_")


def _beside(of: str, first: Seeds, second: Seeds) -> Iterator[Beside]:
    for name in dict.fromkeys(name for row in (*first.values(), *second.values()) for name in row):
        if name in SETTINGS or name.startswith("tolerance_") or (_is_alpha(name) and name in of.split()):
            continue
        old, new = _known(first, name), _known(second, name)
        if old or new:
            common = [new[seed] - old[seed] for seed in old if seed in new]
            same = len({*old.values(), *new.values()}) == 1 and bool(old) and bool(new)
            yield Beside(of, name, _mean(old), _mean(new), _mean(dict(enumerate(common))), same)


def _known(rows: Seeds, name: str) -> dict[Any, float]:
    """A column's numbers by seed, as far as they are."""
    values = {seed: row.get(name) for seed, row in rows.items()}
    return {seed: float(value) for seed, value in values.items() if isinstance(value, int | float)}


def _mean(values: Mapping[Any, float]) -> Mean | None:
    if not values:
        return None
    numbers = np.array(list(values.values()))
    if len(numbers) == 1:
        return Mean(float(numbers[0]), None, None, 1)
    low, high = bootstrap_interval(numbers, mean, rng=stream(0, "bootstrap"))
    return Mean(float(mean(numbers)), float(low), float(high), len(numbers))
