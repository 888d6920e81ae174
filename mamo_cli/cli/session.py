"""What commands that make a run share: from a configuration to a finished run folder, and what is said about it."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from mamo_cli.adaptation.loop import CYCLE_COLUMNS, EVALUATION_COLUMNS, TRAINING_COLUMNS
from mamo_cli.adaptation.shards import TRAIN_ROUNDS, ShardSpec, build_shard, cut
from mamo_cli.analysis.exact import FRONTIER_COLUMNS, frontier, solve_bounds
from mamo_cli.cli.console import OUTPUT, print_json
from mamo_cli.config import InstanceConfig, MamoConfig, Section, TrainConfig, digest, read_toml
from mamo_cli.errors import DivergedError, UsageError
from mamo_cli.offline.solution import OfflineSolution
from mamo_cli.runs.driver import drive
from mamo_cli.runs.engine import Engine, Tables, local_engine
from mamo_cli.runs.folder import RunFolder, open_run
from mamo_cli.runs.provenance import cores
from mamo_cli.runs.stopping import STOP, Stopped
from mamo_cli.runs.tables import write_table
from mamo_cli.scaling.instance import Case
from mamo_cli.workload.trace import Trace

RESULTS = Path("results")
ENGINES = ("local", "ray")
DEVICES = ("cpu", "cuda")


def layers(config_file: Path | None, overrides: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The layers a configuration is filled from: the TOML file, then the command line."""
    return [*([read_toml(config_file)] if config_file else []), overrides]


@contextmanager
def open_session(
    command: str, label: str, config: Section, content: str, *, name: str | None, fresh: bool
) -> Iterator[RunFolder]:
    """Hold the run folder of a configuration (see `open_run`), and say what the user needs to know of it.

    Args:
        command: such as "train".
        label: the readable part of the folder's name.
        config: the resolved configuration.
        content: digest of the files that the configuration names.
        name: the folder's name, or None.
        fresh: start over in a new folder.

    Raises:
        DivergedError: an earlier start ended so.
    """
    key = digest(config, content)
    argv = sys.argv[1:]
    path = None
    try:
        with open_run(RESULTS, command, label, config, key, name=name, fresh=fresh, argv=argv) as run:
            path = run.path
            if run.complete:
                OUTPUT.note(f"{path} is {run.manifest['status']} already; --fresh starts over")
            if run.manifest["status"] == "diverged":
                raise _diverged(path)
            yield run
    except BaseException as error:
        if path is None or STOP.number is None:
            raise
        # What a signal cut short may end in any error.
        stopped = error if isinstance(error, Stopped) else Stopped(STOP.number)
        resume = _resume_line(argv, path)
        OUTPUT.alert(f"mamo: stopped by {stopped.signal_name}; {path} keeps what is saved. Resume with: {resume}")
        stopped.told = True
        raise stopped from (error.__cause__ if stopped is error else error)


def finish(run: RunFolder, content: Mapping[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    """Say what came out, where it is and what to do next: `show` prints the table where no JSON is wanted."""
    if as_json:
        print_json({"run": str(run.path), "status": run.manifest["status"], **content})
        return
    show()
    OUTPUT.note(f"run folder: {run.path}\nnext: mamo plot {run.path.name}")


def identity(source: Trace, device: str) -> str:
    """What decides a run's numbers beside its configuration: its trace, and a device that rounds in its own way.

    Raises:
        UsageError: there is no such device here.
    """
    if device not in DEVICES:
        raise UsageError(f"--device is one of {', '.join(DEVICES)}, got {device!r}")
    if device == "cpu":
        return source.digest()
    if not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no CUDA device here; `mamo doctor` lists those it does find")
    return f"{source.digest()} {device}"


def members_of(config: TrainConfig | MamoConfig, source: Trace, device: str = "cpu") -> ShardSpec:
    """All members of a run: a `train` run has each seed at each alpha."""
    alphas = config.alpha if isinstance(config, TrainConfig) else ()
    seeds = range(config.seeds)
    pairs = [(seed, alpha) for alpha in alphas for seed in seeds]
    members = tuple(seed for seed, _ in pairs) or tuple(seeds)
    return ShardSpec(config, source, members, tuple(alpha for _, alpha in pairs), device)


def train_members(run: RunFolder, spec: ShardSpec, jobs: int | None, engine: str, ray_address: str | None) -> None:
    """Play a run to its end, on all cores unless told otherwise.

    Args:
        run: the folder.
        spec: all members.
        jobs: worker processes; None for one a core, or one for all where the networks are on a GPU.
        engine: "local", or "ray" for a Ray cluster.
        ray_address: the Ray cluster's; None for "auto".

    Raises:
        UsageError: no worker process, an unknown engine, or a Ray cluster that cannot be used.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}")
    if engine != "local" and spec.device != "cpu":
        raise UsageError(f"--device {spec.device} needs --engine local")
    with _place(engine, ray_address) as (make_engine, available):
        processes = min(jobs or (available if spec.device == "cpu" else 1), len(spec.seeds))
        run.record(seeds=list(range(spec.config.seeds)), jobs=processes, engine=engine, device=spec.device)

        def started(states: list[dict[str, Any]] | None) -> Engine:
            sizes = [len(state["alive"]) for state in states] if states else even_sizes(len(spec.seeds), processes)
            return make_engine(build_shard, cut(spec, sizes), states, processes)

        diverged = _drive(run, spec, started)
    run.record(diverged_seeds=diverged)
    if diverged:
        OUTPUT.warn(f"{len(diverged)} of {len(spec.seeds)} members diverged and were frozen: seeds {diverged}")


@contextmanager
def _place(engine: str, ray_address: str | None) -> Iterator[tuple[Callable[..., Engine], int]]:
    """What makes an engine, and how many cores there are for it."""
    if engine not in ENGINES:
        raise UsageError(f"--engine is one of {', '.join(ENGINES)}, got {engine!r}")
    if engine == "local":
        if ray_address is not None:
            raise UsageError(f"--ray-address {ray_address} needs --engine ray")
        yield local_engine, cores()
        return
    try:
        from mamo_cli.runs.ray_cluster import joined_cluster
        from mamo_cli.runs.ray_engine import RayEngine
    except ModuleNotFoundError as error:
        raise UsageError(f"--engine ray needs Ray ({error}): pip install 'mamo[ray]'") from error
    with joined_cluster(ray_address or "auto") as available:
        yield RayEngine, available


def _drive(run: RunFolder, spec: ShardSpec, engine: Callable[[list[dict[str, Any]] | None], Engine]) -> list[int]:
    """Play all rounds, with a progress bar; returns the seeds that diverged."""
    with OUTPUT.progress() as bar:
        task = bar.add_task(run.manifest["command"], total=total_rounds(spec.config), detail="")

        def progress(rounds: int, rows: Tables) -> None:
            detail = _detail(rows.get("training", []), spec.config.instance.tolerance)
            bar.update(task, completed=rounds, detail=detail)

        return drive(run, _columns(spec), engine, progress)


def refuse_diverged(run: RunFolder, spec: ShardSpec) -> None:
    """End a run in which nothing is left to trust.

    Raises:
        DivergedError: every member diverged.
    """
    if len(run.manifest["diverged_seeds"]) == len(spec.seeds):
        raise _diverged(run.path)


def even_sizes(members: int, processes: int) -> list[int]:
    """Shard sizes: one for each of at most as many processes as there are members."""
    return [members * (shard + 1) // processes - members * shard // processes for shard in range(processes)]


def total_rounds(config: TrainConfig | MamoConfig) -> int:
    """How many rounds a run has: its cycles, or tenths of its only phase."""
    cycles = config.adaptation.cycles if isinstance(config, MamoConfig) else 1
    iterations = config.phase.iterations
    return cycles if cycles > 1 else -(-iterations // -(-iterations // TRAIN_ROUNDS))


def write_frontier(
    run: RunFolder, case: Case, instance: InstanceConfig, alphas: Any, told: Sequence[str] = ()
) -> OfflineSolution:
    """Solve both bounds, write frontier.csv, and return the scope average's solution, MAMO's lower bound.

    Notices that the user was `told` already are not repeated.
    """
    step, average = solve_bounds(case, instance)
    for notice in dict.fromkeys((*step.notices, *average.notices)):
        if notice not in told:
            OUTPUT.warn(notice)
    rows = frontier(case, alphas, step.replicas, average.replicas)
    write_table(run.path / "frontier.csv", FRONTIER_COLUMNS, rows)
    run.record(solver={"name": average.solver, "version": average.solver_version})
    return average


def write_summary(run: RunFolder, columns: Sequence[str], rows: list[list[Any]]) -> None:
    """Write summary.csv, and the same rows into run.json, where not-a-number is null."""
    write_table(run.path / "summary.csv", columns, rows)
    values = [[value.item() if hasattr(value, "item") else value for value in row] for row in rows]
    known = [[None if value != value else value for value in row] for row in values]  # noqa: PLR0124 - true of NaN
    run.record(summary=[dict(zip(columns, row, strict=True)) for row in known])


def _columns(spec: ShardSpec) -> dict[str, Sequence[str]]:
    """Headers of the tables that the members fill."""
    named = ("function",) if len(spec.source.functions) > 1 else ()
    columns: dict[str, Sequence[str]] = {"training": (*TRAINING_COLUMNS, *named), "evaluation": EVALUATION_COLUMNS}
    if isinstance(spec.config, MamoConfig):
        columns["cycles"] = (*CYCLE_COLUMNS, *named)
    return columns


def _diverged(path: Path) -> DivergedError:
    return DivergedError(f"{path}: every member diverged: set a lower phase.learning_rate with --config")


def _resume_line(argv: list[str], path: Path) -> str:
    """The command that goes on in the same folder: where that was made by --fresh, it must be named."""
    words = argv if "--fresh" not in argv else [*(word for word in argv if word != "--fresh"), "--name", path.name]
    return shlex.join(["mamo", *words])


def _detail(rows: list[list[Any]], tolerance: float) -> str:
    """The members' median alpha and mean rejection in the newest round, against the tolerance."""
    alpha, rejection = (TRAINING_COLUMNS.index(name) for name in ("alpha", "mean_rejection"))
    known = [row for row in rows if row[rejection] is not None]
    if not known:
        return ""
    median = sorted(row[alpha] for row in known)[len(known) // 2]
    mean = sum(row[rejection] for row in known) / len(known)
    return f"alpha {median:.2f}  rejection {mean:.3f} of {tolerance:g}"
