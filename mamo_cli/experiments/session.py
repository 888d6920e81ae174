"""What all commands that make a run share: from a configuration to a finished run folder.

Nothing here knows of a command line, a console or signals: what is to be said goes to the package's log.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from mamo_cli.analysis.exact import frontier, frontier_columns
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import DivergedError, NothingExactError, UsageError
from mamo_cli.core.seam import Domain, Optimum, Scope, Spec
from mamo_cli.core.settings import Section, digest
from mamo_cli.runs.driver import drive
from mamo_cli.runs.engine import Engine, Tables, local_engine
from mamo_cli.runs.folder import RunFolder, open_run
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.provenance import cores
from mamo_cli.runs.stopping import STOP, Stopped
from mamo_cli.runs.tables import write_table
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.records import columns_of
from mamo_cli.training.shards import ShardSpec, build_shard, cut
from mamo_cli.workload.trace import Trace

RESULTS = Path("results")
ENGINES = ("local", "ray")
DEVICES = ("cpu", "cuda")


class Progress(Protocol):
    """Who is told how far a run has come."""

    def start(self, rounds: int, spec: Spec) -> None:
        """So many rounds are to be played."""
        ...

    def __call__(self, rounds: int, rows: Tables) -> None:
        """So many are over; before the first and after each, with that round's rows."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a run is kept, and how it was asked for.

    Attributes:
        results: the folder of all runs.
        name: the run folder's name; None for one made from the configuration.
        fresh: start over in a new folder where this one is taken.
        argv: the command line, for the record.
    """

    results: Path = RESULTS
    name: str | None = None
    fresh: bool = False
    argv: Sequence[str] = ()


@dataclass(frozen=True)
class Machines:
    """Where members train.

    Attributes:
        jobs: worker processes, at most; None for one a core, of this machine or of the cluster.
        engine: "local", or "ray" for a Ray cluster.
        ray_address: the Ray cluster's; None for "auto".
        device: where the networks are: "cpu", or "cuda" for thousands of members.
    """

    jobs: int | None = None
    engine: str = "local"
    ray_address: str | None = None
    device: str = "cpu"


HERE, ONE_A_CORE = Place(), Machines()
"""Under `results/`, and one process a core of this machine."""


class Outcome(NamedTuple):
    """A run that has ended."""

    path: Path
    status: str
    summary: Any  # what summary.csv holds: a mapping for a plan, else one for each member


@contextmanager
def open_session(command: str, label: str, config: Section, content: str, place: Place) -> Iterator[RunFolder]:
    """Hold the run folder of a configuration (see `open_run`).

    Args:
        command: such as "train".
        label: the readable part of the folder's name.
        config: the resolved configuration.
        content: digest of the files that the configuration names.
        place: where to.

    Raises:
        DivergedError: an earlier start ended so.
        Stopped: a signal came; `run` is the folder.
    """
    key = digest(config, content)
    path = None
    try:
        with open_run(
            place.results, command, label, config, key, name=place.name, fresh=place.fresh, argv=list(place.argv)
        ) as run:
            path = run.path
            if run.complete:
                LOGGER.info("%s is %s already; --fresh starts over", path, run.manifest["status"])
            if run.manifest["status"] == "diverged":
                raise _diverged(path)
            yield run
    except BaseException as error:
        if path is None or STOP.number is None:
            raise
        # What a signal cut short may end in any error.
        stopped = error if isinstance(error, Stopped) else Stopped(STOP.number)
        stopped.run = path
        raise stopped from (error.__cause__ if stopped is error else error)


def outcome(run: RunFolder) -> Outcome:
    """What came out of a session."""
    return Outcome(run.path, run.manifest["status"], run.manifest["summary"])


def identity(source: Trace, device: str) -> str:
    """What decides a run's numbers beside its configuration: its workload, and a device that rounds in its own way.

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


def train_members(
    run: RunFolder, spec: ShardSpec, domain: Domain, machines: Machines, progress: Progress | None = None
) -> None:
    """Train all members of a run, in the worker processes or on the cluster asked for.

    Raises:
        UsageError: no worker process, an unknown engine, or a Ray cluster that cannot be used.
    """
    if machines.jobs is not None and machines.jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {machines.jobs}")
    if machines.engine != "local" and spec.device != "cpu":
        raise UsageError(f"--device {spec.device} needs --engine local")
    with _place(machines) as (make_engine, available):
        processes = min(machines.jobs or (available if spec.device == "cpu" else 1), len(spec.seeds))
        seeds = sorted(set(spec.seeds))
        run.record(seeds=seeds, jobs=processes, engine=machines.engine, device=spec.device)

        def started(states: list[dict[str, Any]] | None) -> Engine:
            sizes = [len(state["alive"]) for state in states] if states else even_sizes(len(spec.seeds), processes)
            return make_engine(build_shard, cut(spec, sizes), states, processes)

        columns = columns_of(domain.spec, strategies.columns_of(spec.strategy) if spec.strategy else ())
        kept = {name: header for name, header in columns.items() if spec.strategy or name != "cycles"}
        if progress is not None:
            progress.start(spec.rounds, domain.spec)
        diverged = drive(run, kept, started, progress or (lambda rounds, rows: None))
    run.record(diverged_seeds=diverged)
    if diverged:
        LOGGER.warning("%d of %d members diverged and were frozen: seeds %s", len(diverged), len(spec.seeds), diverged)


def _place(machines: Machines) -> AbstractContextManager[tuple[Callable[..., Engine], int]]:
    """What makes an engine, and how many cores there are for it."""
    if machines.engine not in ENGINES:
        raise UsageError(f"--engine is one of {', '.join(ENGINES)}, got {machines.engine!r}")
    if machines.engine == "local":
        if machines.ray_address is not None:
            raise UsageError(f"--ray-address {machines.ray_address} needs --engine ray")
        return nullcontext((local_engine, cores()))
    return _cluster(machines.ray_address or "auto")


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Callable[..., Engine], int]]:
    try:
        from mamo_cli.runs.ray_cluster import joined_cluster
        from mamo_cli.runs.ray_engine import RayEngine
    except ModuleNotFoundError as error:
        raise UsageError(f"--engine ray needs Ray ({error}): pip install 'mamo[ray]'") from error
    with joined_cluster(address) as available:
        yield RayEngine, available


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


def begin(run: RunFolder, name: str, domain: Domain) -> None:
    """Write down what a run is about, for whoever reads its tables, and say what the user should know of it.

    Raises:
        UsageError: the domain has another number of constraints than one, whose weight is alpha.
    """
    if len(domain.spec.words.violations) != 1:
        raise UsageError(f"{name} has {len(domain.spec.words.violations)} constraints; commands know domains of one")
    run.record(domain=name)
    for warning in domain.warnings:
        LOGGER.warning("%s", warning)


def write_frontier(run: RunFolder, domain: Domain, alphas: FloatArray, told: Sequence[str] = ()) -> Optimum | None:
    """Solve both bounds, write frontier.csv, and return the scope average's solution, the loop's lower bound.

    Where nothing exact is known, that is said, and there is neither a table nor a bound. Notices that the user was
    `told` already are not repeated.
    """
    try:
        step, average = domain.optimum(Scope.STEP), domain.optimum(Scope.AVERAGE)
    except NothingExactError as error:
        LOGGER.warning("%s: no bound, no exact alpha and no regret", error)
        run.record(exact=False)
        return None
    for notice in dict.fromkeys((*step.notices, *average.notices)):
        if notice not in told:
            LOGGER.warning("%s", notice)
    rows = frontier(domain, alphas, step.plan, average.plan)
    write_table(run.path / "frontier.csv", frontier_columns(domain.spec.words), rows)
    run.record(solver={"name": average.solver, "version": average.solver_version})
    return average


def write_summary(run: RunFolder, columns: Sequence[str], rows: list[list[Any]]) -> None:
    """Write summary.csv, and the same rows into run.json, where not-a-number is null."""
    write_table(run.path / "summary.csv", columns, rows)
    values = [[value.item() if hasattr(value, "item") else value for value in row] for row in rows]
    known = [[None if value != value else value for value in row] for row in values]  # noqa: PLR0124 - true of NaN
    run.record(summary=[dict(zip(columns, row, strict=True)) for row in known])


def _diverged(path: Path) -> DivergedError:
    return DivergedError(f"{path}: every member diverged: set a lower phase.learning_rate with --config")
