"""What `train` and `run-mamo` share: from a configuration to a finished run folder."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from mamo_cli.adaptation.loop import CYCLE_COLUMNS, EVALUATION_COLUMNS, TRAINING_COLUMNS
from mamo_cli.adaptation.shards import ShardSpec, build_shard, cut
from mamo_cli.analysis.exact import FRONTIER_COLUMNS, frontier, solve_bounds
from mamo_cli.cli.console import OUTPUT
from mamo_cli.config import InstanceConfig, Section, digest, read_toml
from mamo_cli.errors import DivergedError
from mamo_cli.offline.solution import OfflineSolution
from mamo_cli.runs.driver import Stopped, drive
from mamo_cli.runs.engine import Engine, LocalEngine, ProcessEngine, limit_threads
from mamo_cli.runs.folder import RunFolder, open_run
from mamo_cli.runs.tables import write_table
from mamo_cli.scaling.instance import Case

RESULTS = Path("results")
MOST_MEMBERS = 32  # of a shard: a larger batch no longer fits the processor's cache


def layers(config_file: Path | None, overrides: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The layers a configuration is filled from: the TOML file, then the command line."""
    return [*([read_toml(config_file)] if config_file else []), overrides]


def open_session(
    command: str, label: str, config: Section, trace_digest: str, name: str | None, fresh: bool
) -> AbstractContextManager[RunFolder]:
    """Hold the run folder of a configuration (see `open_run`)."""
    key = digest(config, trace_digest)
    return open_run(RESULTS, command, label, config, key, name, fresh, sys.argv[1:])


def train_members(run: RunFolder, spec: ShardSpec, jobs: int | None, with_cycles: bool, total_rounds: int) -> None:
    """Play a run to its end, on all cores unless told otherwise.

    Args:
        run: the folder.
        spec: all members.
        jobs: worker processes; None for one a core.
        with_cycles: whether cycles.csv is among the tables.
        total_rounds: how many rounds the progress bar counts to.

    Raises:
        DivergedError: every member diverged; with some left the run goes on and says so.
    """
    functions = len(spec.source.functions)
    named = ("function",) if functions > 1 else ()
    columns: dict[str, Sequence[str]] = {"training": (*TRAINING_COLUMNS, *named), "evaluation": EVALUATION_COLUMNS}
    if with_cycles:
        columns["cycles"] = (*CYCLE_COLUMNS, *named)
    processes = min(jobs or os.cpu_count() or 1, len(spec.seeds))

    def engine(states: list[dict[str, Any]] | None) -> Engine:
        sizes = [len(state["alive"]) for state in states] if states else even_sizes(len(spec.seeds), processes)
        specs = cut(spec, sizes)
        if processes == 1:
            limit_threads()
            return LocalEngine(build_shard, specs, states)
        return ProcessEngine(build_shard, specs, states, min(processes, len(specs)))

    tolerance = spec.config.instance.tolerance
    with OUTPUT.progress() as bar:
        task = bar.add_task(run.manifest["command"], total=total_rounds, detail="")

        def progress(rows: Mapping[str, list[list[Any]]]) -> None:
            bar.update(task, advance=1, detail=_detail(rows["training"], tolerance))

        try:
            diverged = drive(run, columns, engine, progress)
        except Stopped:
            OUTPUT.note(f"stopped; saved in {run.path}. Resume with: mamo {' '.join(sys.argv[1:])}")
            raise
    if diverged:
        OUTPUT.note(f"diverged and frozen: seeds {diverged}")
        run.record(diverged_seeds=diverged)
    if len(diverged) == len(spec.seeds):
        raise DivergedError(f"{run.path}: every member diverged: lower the learning rate")


def even_sizes(members: int, processes: int) -> list[int]:
    """Shard sizes: as many shards as it takes to keep every process busy and no shard too large for the cache."""
    rounds = -(-members // (processes * MOST_MEMBERS))
    shards = min(members, processes * rounds)
    return [members * (shard + 1) // shards - members * shard // shards for shard in range(shards)]


def write_frontier(run: RunFolder, case: Case, instance: InstanceConfig, alphas: Any) -> OfflineSolution:
    """Solve both bounds, write frontier.csv, and return the scope average's solution, MAMO's lower bound."""
    step, average = solve_bounds(case, instance)
    for notice in dict.fromkeys((*step.notices, *average.notices)):
        OUTPUT.note(notice)
    rows = frontier(case, alphas, step.replicas, average.replicas)
    write_table(run.path / "frontier.csv", FRONTIER_COLUMNS, rows)
    run.record(solver={"name": average.solver, "version": average.solver_version})
    return average


def _detail(rows: list[list[Any]], tolerance: float) -> str:
    """Newest alpha and rejection over the members, against the tolerance."""
    known = [row for row in rows if row[9] is not None]
    if not known:
        return ""
    alphas = sorted(row[1] for row in known)
    rejection = sum(row[9] for row in known) / len(known)
    return f"alpha {alphas[len(alphas) // 2]:.2f}  P {rejection:.3f} / {tolerance:g}"
