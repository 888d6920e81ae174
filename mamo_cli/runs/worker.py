"""A worker process that keeps some shards to itself, and is started again should it die.

It is asked for their state only when a checkpoint is due. A worker that dies is started from the state it last told
and plays the rounds since then once more; as every draw is seeded, the rows are the same and are dropped.
"""

import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any, Protocol

from mamo_cli.core.errors import MamoError
from mamo_cli.core.faults import WorkerError, fault
from mamo_cli.runs.cpu_time import CPU_TIME, own_seconds
from mamo_cli.runs.stopping import ASKING

# A worker that dies this often in a row dies of something that another try will not mend.
MOST_RESTARTS = 5

OVER = "over"  # the request after which a process waits to be told what to serve next

States = list[dict[str, Any]]


class Served(Protocol):
    """What a worker keeps: see `Engine`."""

    @property
    def done(self) -> bool: ...  # noqa: D102

    @property
    def diverged_seeds(self) -> list[int]: ...  # noqa: D102

    def advance(self) -> Any: ...  # noqa: D102

    def states(self) -> States: ...  # noqa: D102


class Pool:
    """Processes that have served and wait to serve again, so that the next run need not start its own.

    A process takes some seconds to start, most of it imports.
    """

    def __init__(self) -> None:
        self._idle: list[tuple[subprocess.Popen[bytes], Connection]] = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        while self._idle:
            _end(*self._idle.pop())

    def take(self) -> tuple[subprocess.Popen[bytes], Connection]:
        """A process that waits to be told what to serve, and the pipe to it: an idle one, else a new one."""
        return self._idle.pop() if self._idle else _started()

    def give(self, process: subprocess.Popen[bytes], pipe: Connection) -> None:
        """Keep a process, which has answered all that it was asked, for the next."""
        with suppress(OSError):  # who takes a dead one finds it dead, and starts it again
            _tell(pipe, OVER)
        self._idle.append((process, pipe))


class Worker:
    """A process that owns some shards, and what it takes to start it again.

    Attributes:
        done: whether no round is left.
        diverged_seeds: seeds of frozen members.
    """

    def __init__(
        self, make: Callable[[States | None], Served], states: States | None, pool: Pool | None = None
    ) -> None:
        """Start the process; the first `answer` tells that it is ready.

        Args:
            make: makes what is served from its states, or from nothing; can be pickled.
            states: where to start.
            pool: where processes come from and go to, if not from nowhere and to their end.
        """
        self._make, self._states, self._pool = make, states, pool
        self._rounds = 0  # played since `_states`
        self._request: str | None = None
        self._restarts = 0
        self.done = False
        self.diverged_seeds: list[int] = []
        self._start()

    def ask(self, request: str) -> None:
        """Send a request, "advance" or "states"; `answer` waits for what comes back."""
        self._request, self._waits = request, False
        try:
            _tell(self._pipe, request)
        except OSError:
            return  # `answer` finds the worker dead and starts it again

    def answer(self) -> Any:
        """What the worker answers to the last request.

        Raises:
            MamoError: the worker dies again and again.
            Exception: whatever the request raised in the worker.
        """
        dead = False
        while True:
            try:
                if dead:
                    self._revive()
                answer, self.done, self.diverged_seeds, used = _hear(self._pipe)
                CPU_TIME.told(self._process.pid, used)
                break
            except (EOFError, OSError):
                dead = True
        if isinstance(answer, Exception):
            raise answer
        self._restarts, self._waits = 0, True
        if self._request == "states":
            self._states, self._rounds = answer, 0
        elif self._request == "advance":
            self._rounds += 1
        return answer

    def stop(self) -> None:
        """End the process, unless it waits and there is a pool that it can wait in."""
        if self._waits and self._pool is not None:
            self._pool.give(self._process, self._pipe)
        else:
            _end(self._process, self._pipe)

    def _start(self) -> None:
        self._waits = False  # for a request, all others being answered
        self._process, self._pipe = _started() if self._pool is None else self._pool.take()
        with suppress(OSError):  # `answer` finds the worker dead and starts it again
            _tell(self._pipe, self._states)
            _tell(self._pipe, self._make)

    def _revive(self) -> None:
        """Bring a new process to where the dead one was, the last request included."""
        _end(self._process, self._pipe)
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            code = self._process.returncode
            raise MamoError(f"a worker process died {MOST_RESTARTS} times in a row (exit code {code}): try --jobs 1")
        self._start()
        if self._request is None:
            return
        _hear(self._pipe)
        for _ in range(self._rounds):
            _tell(self._pipe, "advance")
            _hear(self._pipe)
        _tell(self._pipe, self._request)


def _started() -> tuple[subprocess.Popen[bytes], Connection]:
    """A new process, and the pipe to it."""
    # A fresh interpreter: forking a process in which torch has run threads may deadlock. It looks for modules where
    # this one does, and -P keeps it from looking in the working folder before it is told so: what a user keeps there
    # may be named like a module of Python's own.
    ours, theirs = Pipe()
    with theirs:
        path, number = [str(folder) for folder in sys.path], theirs.fileno()
        life = f"import sys; sys.path[:] = {path!r}; from mamo_cli.runs import worker; worker.serve({number})"
        # The mask is inherited: a Ctrl-C reaches the whole group, and only this process decides when to stop.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
        try:
            command = [sys.executable, "-P", "-c", life]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[number]), ours
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _end(process: subprocess.Popen[bytes], pipe: Connection) -> None:
    pipe.close()
    process.kill()
    process.wait()
    CPU_TIME.ended(process.pid)


def _tell(pipe: Connection, content: Any) -> None:
    """Send by value; the pipe's own `send` would pass every tensor as shared memory, of which there may be little."""
    pipe.send_bytes(pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))


def _hear(pipe: Connection) -> Any:
    return pickle.loads(pipe.recv_bytes())  # from a process of ours


def serve(descriptor: int) -> None:
    """A worker's life: build what is served, say so, answer requests until all is over, and wait for the next.

    Args:
        descriptor: of the worker's end of the pipe, which is told the states and what makes the served of them.
    """
    pipe = Connection(descriptor)
    with suppress(EOFError, OSError):
        while True:
            _serve_once(pipe)


def _serve_once(pipe: Connection) -> None:
    states = _hear(pipe)
    made = _outcome(lambda: _hear(pipe)(states))
    if isinstance(made, Exception):
        _tell(pipe, (made, True, [], own_seconds()))
        return
    _tell(pipe, (None, made.done, made.diverged_seeds, own_seconds()))
    while (request := _hear(pipe)) != OVER:
        answer = _outcome(made.advance if request == "advance" else made.states)
        _tell(pipe, (answer, made.done, made.diverged_seeds, own_seconds()))


def _outcome(work: Callable[[], Any]) -> Any:
    """What some work returns, or the error that the driver is to raise; not every exception survives the journey."""
    try:
        return work()
    except MamoError as error:
        return error
    except Exception as error:
        return WorkerError(fault(error), traceback.format_exc().strip())
