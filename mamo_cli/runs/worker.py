"""A worker process that keeps some shards to itself, and is started again should it die.

It is asked for their state only when a checkpoint is due. A worker that dies is started from the state it last told
and plays the rounds since then once more; as every draw is seeded, the rows are the same and are dropped.
"""

import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from mamo_cli.core.errors import MamoError

# A worker that dies this often in a row dies of something that another try will not mend.
MOST_RESTARTS = 5

States = list[dict[str, Any]]


class Served(Protocol):
    """What a worker keeps: see `Engine`."""

    @property
    def done(self) -> bool: ...  # noqa: D102

    @property
    def diverged_seeds(self) -> list[int]: ...  # noqa: D102

    def advance(self) -> Any: ...  # noqa: D102

    def states(self) -> States: ...  # noqa: D102


class Worker:
    """A process that owns some shards, and what it takes to start it again.

    Attributes:
        done: whether no round is left.
        diverged_seeds: seeds of frozen members.
    """

    def __init__(self, make: Callable[[States | None], Served], states: States | None) -> None:
        """Start the process; the first `answer` tells that it is ready.

        Args:
            make: makes what is served from its states, or from nothing; can be pickled.
            states: where to start.
        """
        self._make, self._states = make, states
        self._rounds = 0  # played since `_states`
        self._request: str | None = None
        self._restarts = 0
        self.done = False
        self.diverged_seeds: list[int] = []
        self._start()

    def ask(self, request: str) -> None:
        """Send a request, "advance" or "states"; `answer` waits for what comes back."""
        self._request = request
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
                answer, self.done, self.diverged_seeds = _hear(self._pipe)
                break
            except (EOFError, OSError):
                dead = True
        if isinstance(answer, Exception):
            raise answer
        self._restarts = 0
        if self._request == "states":
            self._states, self._rounds = answer, 0
        elif self._request == "advance":
            self._rounds += 1
        return answer

    def stop(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        # A fresh interpreter: forking a process in which torch has run threads may deadlock.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_serve, args=(theirs, self._make), daemon=True)
        resource_tracker.ensure_running()  # else it is started below, and unblocks the signals
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            # The mask is inherited: a Ctrl-C reaches the whole group, and only this process decides when to stop.
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        _tell(self._pipe, self._states)

    def _revive(self) -> None:
        """Bring a new process to where the dead one was, the last request included."""
        self.stop()
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            code = self._process.exitcode
            raise MamoError(f"a worker process died {MOST_RESTARTS} times in a row (exit code {code}): try --jobs 1")
        self._start()
        if self._request is None:
            return
        _hear(self._pipe)
        for _ in range(self._rounds):
            _tell(self._pipe, "advance")
            _hear(self._pipe)
        _tell(self._pipe, self._request)


def _tell(pipe: Connection, content: Any) -> None:
    """Send by value; the pipe's own `send` would pass every tensor as shared memory, of which there may be little."""
    pipe.send_bytes(pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))


def _hear(pipe: Connection) -> Any:
    return pickle.loads(pipe.recv_bytes())  # from a process of ours


def _serve(pipe: Connection, make: Callable[[States | None], Served]) -> None:
    """A worker's life: build what is served, say so, then answer requests until the pipe closes."""
    try:
        states = _hear(pipe)
        try:
            served = make(states)
        except Exception:
            _tell(pipe, (RuntimeError(f"in a worker process:\n{traceback.format_exc().strip()}"), True, []))
            return
        _tell(pipe, (None, served.done, served.diverged_seeds))
        while True:
            request = _hear(pipe)
            try:
                answer: Any = served.advance() if request == "advance" else served.states()
            except MamoError as error:
                answer = error
            except Exception:  # the driver raises it; not every exception survives the journey
                answer = RuntimeError(f"in a worker process:\n{traceback.format_exc()}")
            _tell(pipe, (answer, served.done, served.diverged_seeds))
    except (EOFError, OSError):
        return
