"""Where a run's members train: worker processes of this machine, or a Ray cluster; on its processor, or on a GPU."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Domain, Spec
from mamo_cli.core.storage import replace_bytes
from mamo_cli.experiments.growth import Grown, forget, take_over
from mamo_cli.experiments.trained import START, content, keep_source
from mamo_cli.policies.start import Start
from mamo_cli.runs.driver import drive
from mamo_cli.runs.engine import Engine, InOrder, Tables, local_engine
from mamo_cli.runs.folder import RunFolder
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.provenance import cores
from mamo_cli.runs.worker import Pool
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.conditions import ONE_WORLD, WALKED
from mamo_cli.training.federation.federation import COLUMNS, promised
from mamo_cli.training.records import columns_of
from mamo_cli.training.settings import EXACT
from mamo_cli.training.shards import ShardSpec, build_log, build_shard, cut, place_in, shards_of
from mamo_cli.training.windows import walk_columns
from mamo_cli.training.worlds import Worlds, shifts
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace

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
class Machines:
    """Where members train.

    Attributes:
        jobs: worker processes, at most; None for one a core, of this machine or of the cluster.
        engine: "local", or "ray" for a Ray cluster.
        ray_address: the Ray cluster's; None for "auto".
        device: where the networks are: "cpu", or "cuda" for thousands of members.
        pool: keeps this machine's worker processes from one run to the next.
    """

    jobs: int | None = None
    engine: str = "local"
    ray_address: str | None = None
    device: str = "cpu"
    pool: Pool | None = None

    def check(self) -> None:
        """See that they are such as there can be; whether they are there, only using them tells.

        Raises:
            UsageError: they are not.
        """
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"--jobs must be at least 1, got {self.jobs}")
        if self.engine not in ENGINES:
            raise UsageError(f"--engine is one of {', '.join(ENGINES)}, got {self.engine!r}")
        if self.engine == "local" and self.ray_address is not None:
            raise UsageError(f"--ray-address {self.ray_address} needs --engine ray")
        if self.engine != "local" and self.device != "cpu":
            raise UsageError(f"--device {self.device} needs --engine local")


ONE_A_CORE = Machines()
"""One process a core of this machine."""


def identity(source: Trace, device: str, start: Start | None = None) -> str:
    """What decides a run's numbers beside its configuration (see `content`), on a device that is there.

    Raises:
        UsageError: there is no such device here.
    """
    if device not in DEVICES:
        raise UsageError(f"--device is one of {', '.join(DEVICES)}, got {device!r}")
    if device != "cpu":
        import torch

        if not torch.cuda.is_available():
            raise UsageError("--device cuda: torch finds no CUDA device here; `mamo doctor` lists those it does find")
    return content(source, device, None if start is None else start.digest)


def require_worlds(spec: ShardSpec, domain: Domain) -> None:
    """See that there are the worlds that members are to train in, and the rule that they learn from first.

    Raises:
        UsageError: nothing of the kind can shift in the domain, it cannot go so far, or that moves nothing; or there is
            no such rule.
    """
    build_log(spec, domain)
    if spec.randomise != ONE_WORLD:
        if spec.phase.environments == 1:
            raise UsageError("--randomise gives each copy of the environment a world: --environments 1 is one world")
        Worlds(spec.randomise).of(domain, spec.phase.environments)
        rates = training_and_evaluation(spec.source, spec.instance.train_share)[0].actual_rate_rps
        if spec.randomise.shape is not None and np.allclose(rates, rates.mean(0), rtol=1e-9, atol=0.0):
            raise UsageError("--randomise shape moves nothing: the rates never deviate from their mean")


def train_members(
    run: RunFolder,
    spec: ShardSpec,
    domain: Domain,
    machines: Machines,
    progress: Progress | None = None,
    grown: Grown | None = None,
) -> None:
    """Train all members of a run, in the worker processes or on the cluster asked for.

    Args:
        run: its folder.
        spec: its members.
        domain: what they control.
        machines: where.
        progress: told of every round.
        grown: a run whose members and cycles are taken over.

    Raises:
        UsageError: no worker process, an unknown engine, or a Ray cluster that cannot be used.
    """
    machines.check()
    with _place(machines) as (make_engine, available):
        processes = min(machines.jobs or (available if spec.device == "cpu" else 1), len(spec.seeds))
        seeds = sorted(set(spec.seeds))
        run.record(seeds=seeds, jobs=processes)
        run.record_start(engine=machines.engine, device=spec.device)
        keep_source(run.path, spec.source)
        if spec.start is not None:
            replace_bytes(run.path / START, spec.start.to_bytes())
            run.record(start=spec.start.facts)
        if spec.randomise != ONE_WORLD:
            names, worlds = spec.randomise.ranges(), shifts(spec.randomise, spec.phase.environments)
            run.record(worlds=[{name: getattr(world, name) for name in names} for world in worlds])

        told = strategies.columns_of(spec.strategy) if spec.strategy else ()
        if spec.federation.every is not None:
            _say_what_is_sent(run, promised(spec.federation, spec.cycles))
            told = (*told, *COLUMNS)
        columns = columns_of(domain.spec, told)
        chosen = ("cycles", "delivered")  # of the weights that a strategy picks
        kept = {name: header for name, header in columns.items() if spec.strategy or name not in chosen}
        if spec.walk is not None:
            kept[WALKED] = walk_columns(domain.spec.words, len(domain.spec.agents))

        def train(folder: RunFolder, part: ShardSpec) -> list[int]:
            def started(states: list[dict[str, Any]] | None) -> Engine:
                sizes = even_sizes(len(part.seeds), min(processes, len(part.seeds)))
                shards = shards_of(part, states) if states else cut(part, sizes)
                return InOrder(make_engine(build_shard, shards, states, processes), kept, place_in(part))

            if progress is not None:
                progress.start(part.rounds, domain.spec)
            return drive(folder, kept, started, progress or (lambda rounds, rows: None))

        if grown is not None:
            run.record(grown_from=grown.path.name)
            take_over(run, spec, grown, kept, train)
        forget(run)
        diverged = train(run, spec)
    run.record(diverged_seeds=diverged)
    if spec.te != EXACT and spec.learnt_from < spec.learner.batch_size:
        held = f"{spec.learnt_from:,} of {spec.learner.batch_size:,}"
        LOGGER.warning("no gradient step was made: the replay holds %s transitions", held)
    if diverged:
        LOGGER.warning("%d of %d members diverged and were frozen: seeds %s", len(diverged), len(spec.seeds), diverged)


def _say_what_is_sent(run: RunFolder, facts: dict[str, Any]) -> None:
    """Record the facts of a federation, and tell those that there are."""
    run.record(federation=facts)
    known = {name: f"{fact:g}" if isinstance(fact, float) else fact for name, fact in facts.items() if fact is not None}
    LOGGER.info("federation: %s", ", ".join(f"{name} {fact}" for name, fact in known.items()))


def _place(machines: Machines) -> AbstractContextManager[tuple[Callable[..., Engine], int]]:
    """What makes an engine, and how many cores there are for it."""
    if machines.engine == "local":
        return nullcontext((partial(local_engine, pool=machines.pool), cores()))
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


def even_sizes(members: int, processes: int) -> list[int]:
    """Shard sizes: one for each of at most as many processes as there are members."""
    return [members * (shard + 1) // processes - members * shard // processes for shard in range(processes)]
