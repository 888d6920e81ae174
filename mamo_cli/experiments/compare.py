"""Strategies on scenarios, all seeds of a scenario under one budget, one run of `run-mamo` for each pair."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.analysis.leaderboard import (
    AGENTS,
    ANYTIME,
    CYCLES,
    IMPROVEMENT,
    LEADERBOARD,
    MEMBERS,
    OVERALL,
    PROFILE,
    SCENARIOS,
    agent_rows,
    anytime_rows,
    common,
    cycle_rows,
    improvement_rows,
    leaderboard_row,
    members,
    overall_rows,
    profile_rows,
)
from mamo_cli.analysis.standing import Cell, Judged, judge_of, standing
from mamo_cli.core.errors import DataError, MamoError, SweepError, UsageError
from mamo_cli.core.seam import Domain
from mamo_cli.core.settings import digest
from mamo_cli.experiments.configs import CompareConfig, MamoConfig
from mamo_cli.experiments.machines import ONE_A_CORE, Machines, Progress, identity
from mamo_cli.experiments.members import members as members_of
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.scenarios import (
    ALL,
    Scenario,
    configuration_of,
    env_steps,
    in_all,
    measuring_steps,
    read_scenario,
    source_of,
    spec_of,
)
from mamo_cli.experiments.session import HERE, Outcome, Place, open_session, outcome, own_facts
from mamo_cli.experiments.starts import start_of
from mamo_cli.runs.folder import RunFolder, name_of, unused
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.manifest import is_run, read_manifest
from mamo_cli.runs.outcomes import seconds_taken
from mamo_cli.runs.tables import write_table
from mamo_cli.runs.worker import Pool
from mamo_cli.training.conditions import DriftConfig
from mamo_cli.training.drift import World
from mamo_cli.training.shards import build_domain
from mamo_cli.workload.trace import Trace

TABLES = {
    "scenarios": SCENARIOS,
    "agents": AGENTS,
    "profile": PROFILE,
    "leaderboard": LEADERBOARD,
    "members": MEMBERS,
    "improvement": IMPROVEMENT,
    "overall": OVERALL,
    "anytime": ANYTIME,
    "cycles": CYCLES,
}
"""What a comparison writes, and the head of each."""

Telling = Callable[[str], AbstractContextManager[Progress | None]]


class Planned(NamedTuple):
    """A cell that is to be run."""

    scenario: Scenario
    config: MamoConfig
    source: Trace
    digest: str

    @property
    def name(self) -> str:
        """Of its run folder, made as that of any other run."""
        return name_of("run-mamo", f"{self.scenario.name}-{self.config.strategy}-s{self.config.seeds}", self.digest)

    @property
    def called(self) -> str:
        """What a person calls it."""
        return f"{self.scenario.name} {self.config.strategy}"


def compare(
    config: CompareConfig,
    place: Place = HERE,
    machines: Machines = ONE_A_CORE,
    progress: Telling = lambda cell: nullcontext(None),
) -> Outcome:
    """Let every strategy run in every scenario, and say who does better; what `mamo compare` does.

    Cells that are complete are not run again, whichever comparison they were run for; one that fails is told of, and
    the others go on.

    Args:
        config: which.
        place: where the runs are kept.
        machines: where the members train.
        progress: tells of a cell's rounds.

    Raises:
        SweepError: some cells failed; all that came of the others is there.
        MamoError: see its kinds.
    """
    machines.check()
    planned, skipped = _planned(config, machines)
    scenarios = tuple(dict.fromkeys(cell.scenario.name for cell in planned))
    named, content = config.model_copy(update={"scenario": scenarios}), " ".join(cell.digest for cell in planned)
    with open_session("compare", "-".join(scenarios), named, content, place) as run:
        if not run.complete:
            for why in skipped:
                LOGGER.warning("skipped: %s", why)
            run.record_start(engine=machines.engine, device=machines.device)
            folders = _folders(run, planned, place)
            failed: dict[str, str] = {}
            with Pool() as pool:
                for count, (cell, folder) in enumerate(zip(planned, folders, strict=True), 1):
                    with progress(f"{cell.called} ({count} of {len(planned)})") as told:
                        here = Place(place.results, folder.name, argv=place.argv)
                        reason = _run(cell, here, replace(machines, pool=pool), told)
                    run.checkpointed()
                    if reason is not None:
                        failed[cell.called] = reason
            done = [pair for pair in zip(planned, folders, strict=True) if pair[0].called not in failed]
            run.record(summary=_write(run, done), failed=failed, skipped=skipped)
            if failed:
                raise SweepError(
                    f"{run.path}: {len(failed)} of {len(planned)} cells failed; the same command tries them again",
                    Outcome(run.path, "failed", run.manifest["summary"]),
                )
    return outcome(run)


def _planned(config: CompareConfig, machines: Machines) -> tuple[list[Planned], list[str]]:
    """All cells, and why scenarios that nobody named are left out.

    Raises:
        UsageError: a scenario or a strategy is not there, is named twice or cannot be run.
        DataError: the trace of a scenario that was named cannot be read.
    """
    shipped = in_all() if ALL in config.scenario else []
    asked = list(dict.fromkeys([*(name for name in config.scenario if name != ALL), *shipped]))
    scenarios = [read_scenario(name) for name in asked]
    if len({one.name for one in scenarios}) < len(scenarios):
        raise UsageError(f"two scenarios of one name: {', '.join(asked)}")
    planned, skipped = [], []
    for name, scenario in zip(asked, scenarios, strict=True):
        try:
            source = source_of(scenario)
        except DataError as error:
            if name in config.scenario:
                raise
            skipped.append(str(error))
            continue
        cells = [configuration_of(scenario, one, source, config.seeds, config.others()) for one in config.strategy]
        _require_one_limit(scenario, cells[0], source)
        _require_one_budget(scenario, cells, source)
        content = identity(source, machines.device, start_of(cells[0]))
        planned += [Planned(scenario, cell, source, digest(cell, content)) for cell in cells]
    return planned, skipped


def _require_one_limit(scenario: Scenario, cell: MamoConfig, source: Trace) -> None:
    """Raises UsageError where agents have several limits: a regret charges for one."""
    limits = spec_of(cell.domain, cell.instance, source).objectives - 1
    if limits > 1:
        raise UsageError(f"scenario {scenario.name}: strategies are compared within one limit, and here are {limits}")


def _require_one_budget(scenario: Scenario, cells: Sequence[MamoConfig], source: Trace) -> None:
    """See that every strategy makes as many environment steps as every other.

    Raises:
        UsageError: they do not, as their phases differ.
    """
    steps = {cell.strategy: env_steps(cell, source) for cell in cells}
    if len(set(steps.values())) > 1:
        told = ", ".join(f"{strategy} {count:,}" for strategy, count in steps.items())
        raise UsageError(f"scenario {scenario.name}: strategies do not make equally many environment steps ({told})")


def _folders(run: RunFolder, planned: Sequence[Planned], place: Place) -> list[Path]:
    """Where the cells are kept: what was begun goes on; of what starts over, each is new."""
    known = run.manifest.get("cells", {})
    paths = [place.results / known.get(cell.called, cell.name) for cell in planned]
    if place.fresh and not known:
        paths = [unused(path) for path in paths]
    run.record(cells={cell.called: path.name for cell, path in zip(planned, paths, strict=True)})
    return paths


def _run(cell: Planned, place: Place, machines: Machines, progress: Progress | None) -> str | None:
    """Run a cell unless it is complete; returns why it failed, if it did."""
    folder = place.results / str(place.name)
    if is_run(folder):
        before = read_manifest(folder)
        if (before["status"], before.get("config_digest")) == ("complete", cell.digest):
            LOGGER.debug("%s: %s is complete already", cell.called, folder)
            return None
    try:
        run_mamo(cell.config, place, machines, progress)
    except MamoError as error:
        LOGGER.error("%s failed: %s", cell.called, error)
        return str(error)
    return None


def _write(run: RunFolder, done: Sequence[tuple[Planned, Path]]) -> list[dict[str, Any]]:
    """Write all tables of a comparison, and what scenarios have of their own; returns the leaderboard's rows."""
    rows: dict[str, list[list[Any]]] = {name: [] for name in TABLES}
    known: dict[str, Judged] = {}
    own_of: dict[str, dict[str, Any]] = {}
    for planned, folder in done:
        name, spec = planned.scenario.name, members_of(planned.config, planned.source)
        if name not in known:
            known[name] = judged_of(build_domain(spec), planned.config.drift, spec.cycles)
            if facts := own_facts(planned.config.domain, known[name].domain):
                own_of[name] = facts
            rows["scenarios"].append(_about(planned, known[name]))
            rows["agents"] += agent_rows(name, known[name].domain.spec.agents, known[name].judge.limits)
            rows["profile"] += profile_rows(name, known[name].domain)
        judged, total = known[name], env_steps(planned.config, spec.source)
        beside = spec.prepared_transitions + measuring_steps(planned.config, spec.source)
        cell = Cell(
            name, spec.strategy, folder, spec.te, spec.readout, total, beside, seconds_of(read_manifest(folder))
        )
        found = standing(cell, judged)
        own = members(cell, found, judged)
        rows["members"] += own
        rows["leaderboard"].append(leaderboard_row(cell, own, common(judged.judge.limits)))
        rows["anytime"] += anytime_rows(cell, found)
        rows["cycles"] += cycle_rows(cell, found, judged.domain.spec.agents)
    rows["improvement"], rows["overall"] = improvement_rows(rows["members"]), overall_rows(rows["members"])
    for table, columns in TABLES.items():
        write_table(run.path / f"{table}.csv", columns, rows[table])
    if own_of:
        run.record(own=own_of)
    return [dict(zip(LEADERBOARD, map(_known, row), strict=True)) for row in rows["leaderboard"]]


def judged_of(domain: Domain, drift: DriftConfig, cycles: int) -> Judged:
    """The conditions of each cycle, and what they are judged by."""
    world = World(domain, drift)
    each = [world.at(cycle) for cycle in range(cycles)]
    judges = [judge_of(each[0])]
    for before, now in pairwise(each):
        judges.append(judges[-1] if now is before else judge_of(now))
    return Judged(each, judges)


def _about(planned: Planned, judged: Judged) -> list[Any]:
    """A scenario's row of scenarios.csv."""
    limit, title = common(judged.judge.limits), planned.scenario.about.title
    return [planned.scenario.name, title, planned.config.domain, limit, judged.judge.bound, judged.eras[-1]]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def seconds_of(manifest: Mapping[str, Any]) -> float:
    """Wall time that a run has taken in all its starts, s; NaN where one was killed, and nobody knows when."""
    seconds, whole = seconds_taken(manifest)
    return seconds if whole and seconds is not None else math.nan
