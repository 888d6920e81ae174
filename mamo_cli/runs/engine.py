"""Where shards run on this machine: in this process, or one worker process a core. Rows are the same either way."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from mamo_cli.runs.worker import Pool, States, Worker

Tables = dict[str, list[list[Any]]]
Spec = TypeVar("Spec")


class Shard(Protocol):
    """A slice of a run's members that advances by rounds."""

    @property
    def done(self) -> bool:
        """Whether no round is left."""
        ...

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of frozen members."""
        ...

    def advance(self) -> Tables:
        """Play one round; returns rows by table."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...


class Engine(Protocol):
    """All shards of a run, advanced together."""

    @property
    def done(self) -> bool:
        """Whether no round is left."""
        ...

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of frozen members."""
        ...

    def advance(self) -> Tables:
        """Play one round of every shard; rows by table, in the order of the shards."""
        ...

    def states(self) -> States:
        """Each shard's state, in order."""
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


class LocalEngine:
    """All shards in this process, one after the other."""

    def __init__(self, build: Callable[[Spec], Shard], specs: Sequence[Spec], states: States | None) -> None:
        limit_threads()
        self._shards = [build(spec) for spec in specs]
        for shard, state in zip(self._shards, states or [], strict=states is not None):
            shard.load_state_dict(state)

    @property
    def done(self) -> bool:
        """Whether no round is left."""
        return all(shard.done for shard in self._shards)

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of frozen members."""
        return [seed for shard in self._shards for seed in shard.diverged_seeds]

    def advance(self) -> Tables:
        """Play one round of every shard."""
        return joined([shard.advance() for shard in self._shards])

    def states(self) -> States:
        """Each shard's state."""
        return [shard.state_dict() for shard in self._shards]

    def close(self) -> None:
        """Nothing is held."""


class ProcessEngine:
    """Shards dealt out, in order, to as many worker processes as asked for."""

    def __init__(
        self,
        build: Callable[[Spec], Shard],
        specs: Sequence[Spec],
        states: States | None,
        processes: int,
        pool: Pool | None = None,
    ) -> None:
        self._workers: list[Worker] = []
        try:
            for make, part in dealt(build, specs, states, processes):
                self._workers.append(Worker(make, part, pool))
            for worker in self._workers:
                worker.answer()
        except BaseException:
            self.close()
            raise

    @property
    def done(self) -> bool:
        """Whether no round is left."""
        return all(worker.done for worker in self._workers)

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of frozen members."""
        return [seed for worker in self._workers for seed in worker.diverged_seeds]

    def advance(self) -> Tables:
        """Play one round of every shard, all workers at once."""
        return joined(self._from_all("advance"))

    def states(self) -> States:
        """Each shard's state, which is also what a worker that dies later is started from."""
        return [state for states in self._from_all("states") for state in states]

    def close(self) -> None:
        """Let all workers go."""
        for worker in self._workers:
            worker.stop()

    def _from_all(self, request: str) -> list[Any]:
        for worker in self._workers:
            worker.ask(request)
        return [worker.answer() for worker in self._workers]


class InOrder:
    """Some tables of another engine, rows in the order of the members whatever shards those are in."""

    def __init__(self, engine: Engine, tables: Iterable[str], place: Callable[[list[Any]], int]) -> None:
        """Args: engine: the other one. tables: their names. place: of the member that a row is of."""
        self._engine, self._tables, self._place = engine, list(tables), place
        self.states, self.close = engine.states, engine.close

    @property
    def done(self) -> bool:
        """Whether no round is left."""
        return self._engine.done

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of frozen members."""
        return self._engine.diverged_seeds

    def advance(self) -> Tables:
        """Play one round."""
        rows = self._engine.advance()
        return {table: sorted(rows[table], key=self._place) for table in self._tables}


def local_engine(
    build: Callable[[Spec], Shard],
    specs: Sequence[Spec],
    states: States | None,
    processes: int,
    pool: Pool | None = None,
) -> Engine:
    """An engine on this machine; for one process, that is this one."""
    if processes == 1:
        return LocalEngine(build, specs, states)
    return ProcessEngine(build, specs, states, processes, pool)


def dealt(
    build: Callable[[Spec], Shard], specs: Sequence[Spec], states: States | None, processes: int
) -> list[tuple[Callable[[States | None], LocalEngine], States | None]]:
    """Consecutive shards for each process: what makes their engine, and where it starts; never a process for none."""
    processes = min(processes, len(specs))
    edges = [len(specs) * process // processes for process in range(processes + 1)]
    return [
        (partial(LocalEngine, build, specs[start:stop]), states and states[start:stop])
        for start, stop in pairwise(edges)
    ]


def joined(parts: Sequence[Tables]) -> Tables:
    """Rows of all shards by table, in the order of the shards."""
    return {table: [row for part in parts for row in part[table]] for table in parts[0]}


def limit_threads() -> None:
    """One thread a process: the products are too small to share, and one order of sums keeps numbers the same."""
    import scipy.linalg  # noqa: F401 - loads the BLAS that compiled code calls
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, where it is imported later: most workers never need it
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
