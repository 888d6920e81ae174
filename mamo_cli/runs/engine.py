"""Where shards run: in this process, or one worker process a core. Rows come out the same either way.

A worker keeps its shards to itself between rounds and is asked for their state only when a checkpoint is due. A worker
that dies is started again from the state the engine last saw and plays the rounds since then once more; as every draw
is seeded, the rows are the same and are dropped.
"""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeVar

from mamo_cli.errors import MamoError

Tables = dict[str, list[list[Any]]]
Spec = TypeVar("Spec")

# A worker that dies this often in a row dies of something that another try will not mend.
MOST_RESTARTS = 5


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

    def states(self) -> list[dict[str, Any]]:
        """Each shard's state, in order."""
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


class LocalEngine:
    """All shards in this process, one after the other."""

    def __init__(self, build: Callable[[Spec], Shard], specs: Sequence[Spec], states: list[dict[str, Any]] | None) -> None:
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

    def states(self) -> list[dict[str, Any]]:
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
        states: list[dict[str, Any]] | None,
        processes: int,
    ) -> None:
        edges = [len(specs) * worker // processes for worker in range(processes + 1)]
        parts = [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]
        self._workers = [_Worker(build, specs[part], states and states[part]) for part in parts]
        for worker in self._workers:
            worker.greet()

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
        for worker in self._workers:
            worker.ask("advance")
        return joined([worker.answer() for worker in self._workers])

    def states(self) -> list[dict[str, Any]]:
        """Each shard's state, which is also what a worker that dies later is started from."""
        for worker in self._workers:
            worker.ask("states")
        return [state for worker in self._workers for state in worker.answer()]

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.stop()


class _Worker:
    """A process that owns some shards, and what it takes to start it again."""

    def __init__(
        self, build: Callable[[Any], Shard], specs: Sequence[Any], states: list[dict[str, Any]] | None
    ) -> None:
        self._build, self._specs, self._states = build, specs, states
        self._rounds = 0  # played since `_states`
        self._request = ""
        self._restarts = 0
        self.done = False
        self.diverged_seeds: list[int] = []
        self._start()

    def _start(self) -> None:
        # A fresh interpreter: forking a process in which torch has run threads may deadlock.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs, self._build), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.send((self._specs, self._states))

    def greet(self) -> None:
        """Wait until the shards are built; workers that start together build together."""
        self.done, self.diverged_seeds = self._pipe.recv()

    def ask(self, request: str) -> None:
        self._request = request
        try:
            self._pipe.send(request)
        except OSError:
            return  # `answer` finds the worker dead and starts it again

    def answer(self) -> Any:
        while True:
            try:
                answer, self.done, self.diverged_seeds = self._pipe.recv()
                break
            except (EOFError, OSError):
                self._revive()
                self.ask(self._request)
        if isinstance(answer, BaseException):
            raise answer
        self._restarts = 0
        if self._request == "states":
            self._states, self._rounds = answer, 0
        else:
            self._rounds += 1
        return answer

    def _revive(self) -> None:
        self.stop()
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            raise MamoError(f"a worker process died {MOST_RESTARTS} times in a row: try --jobs 1 to see why")
        try:
            self._start()
            self.greet()
            for _ in range(self._rounds):
                self._pipe.send("advance")
                self._pipe.recv()
        except (EOFError, OSError):
            self._revive()

    def stop(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, build: Callable[[Any], Shard]) -> None:
    """A worker's life: build the shards, then answer requests until the pipe closes."""
    # The driver decides when to stop; a Ctrl-C reaches the whole group and must not tear a round.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    limit_threads()
    try:
        specs, states = pipe.recv()
        shards = LocalEngine(build, specs, states)
        pipe.send((shards.done, shards.diverged_seeds))
        while True:
            request = pipe.recv()
            try:
                answer: Any = shards.advance() if request == "advance" else shards.states()
            except Exception as error:  # told to the driver, which raises it
                answer = error
            pipe.send((answer, shards.done, shards.diverged_seeds))
    except (EOFError, OSError):
        return


def limit_threads() -> None:
    """One thread a process: the products are too small to share, and one order of sums keeps numbers the same."""
    import torch

    torch.set_num_threads(1)


def joined(parts: Sequence[Tables]) -> Tables:
    """Rows of all shards by table, in the order of the shards."""
    return {table: [row for part in parts for row in part[table]] for table in parts[0]}
