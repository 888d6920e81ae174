"""Time as a program has it to itself: what a clock says, less what the machine made it wait for a processor.

A promise such as "within 5 s" is about a machine that has room for the program. On a busy one the clock runs on while
the program stands in a queue; Linux counts that wait for every thread, and here it is taken off. What a program sleeps
or computes is never taken off: no load makes a slow program fast.
"""

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread, get_native_id
from typing import NamedTuple

SAMPLE_SECONDS = 0.1
HANG_SECONDS = 600.0  # no test of ours takes that long, whatever the load


class Spent(NamedTuple):
    """Of a thread, in seconds: computed, and waited for a processor."""

    computed: float
    waited: float


def of_thread(task: Path) -> Spent:
    """What a thread has spent; nothing where the system does not tell."""
    try:
        computed, waited, _ = (task / "schedstat").read_text().split()
    except (OSError, ValueError):
        return Spent(0.0, 0.0)
    return Spent(int(computed) / 1e9, int(waited) / 1e9)


def own_clock() -> float:
    """A clock of this thread that stands still while the thread waits for a processor."""
    return time.monotonic() - of_thread(Path("/proc/thread-self")).waited


class OwnTime:
    """The own time of processes and all that they have started, from now on.

    Of each sample's span, what one of their threads waited longest is taken off: another may have waited for that one.
    What a single thread has computed is the least that all have taken.
    """

    def __init__(self, *roots: int) -> None:
        """Args: roots: process ids."""
        self._roots = roots
        self._uncounted: set[int] = set()
        self._start, self._held = time.monotonic(), 0.0
        self._first = self._last = self._spent()

    def without_this_thread(self) -> None:
        """Do not count the thread that calls this."""
        self._uncounted.add(get_native_id())

    def sample(self) -> float:
        """The seconds so far."""
        now, before = self._spent(), self._last
        self._held += max((now[task].waited - before.get(task, Spent(0.0, 0.0)).waited for task in now), default=0.0)
        self._last = now
        computed = (now[task].computed - self._first.get(task, Spent(0.0, 0.0)).computed for task in now)
        return max(time.monotonic() - self._start - self._held, *computed)

    def _spent(self) -> dict[Path, Spent]:
        tasks = [task for process in family(self._roots) for task in tasks_of(process)]
        return {task: of_thread(task) for task in tasks if int(task.name) not in self._uncounted}


def family(roots: tuple[int, ...]) -> list[int]:
    """Processes and all their descendants."""
    found, waiting = [], list(roots)
    while waiting:
        found.append(waiting.pop())
        for task in tasks_of(found[-1]):
            with suppress(OSError):
                waiting += map(int, (task / "children").read_text().split())
    return found


def tasks_of(process: int) -> list[Path]:
    """The threads of a process, as the system's folders; none of one that is gone."""
    try:
        return list(Path(f"/proc/{process}/task").iterdir())
    except OSError:
        return []


def ended_within(process: subprocess.Popen, limit: float, *beside: int) -> float:
    """Wait for a process to end; returns the own time that it took.

    Args:
        process: whose output fits the pipes that it goes to.
        limit: own time after which it is killed.
        beside: processes that it waits for and has not started.

    Raises:
        AssertionError: it had not ended by then.
    """
    spent, hung = OwnTime(process.pid, *beside), time.monotonic() + HANG_SECONDS
    descriptor = os.pidfd_open(process.pid)
    try:
        while True:
            ended = bool(select.select([descriptor], [], [], SAMPLE_SECONDS)[0])
            seconds = spent.sample()
            if ended:  # and not yet taken notice of: what it has spent is still told
                assert seconds < limit, f"it took {seconds:.2f} s of its own, {limit:g} s are promised"
                return seconds
            if seconds > limit or time.monotonic() > hung:
                process.kill()
                raise AssertionError(f"it has not ended after {seconds:.2f} s of its own, {limit:g} s are promised")
    finally:
        os.close(descriptor)


@contextmanager
def spends_less_than(limit: float) -> Iterator[None]:
    """Assert that a block takes less own time than so many seconds, threads and processes of its own included."""
    spent, over = OwnTime(os.getpid()), Event()

    def watch() -> None:
        spent.without_this_thread()
        while not over.wait(SAMPLE_SECONDS):
            spent.sample()

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    seconds = spent.sample()
    assert seconds < limit, f"it took {seconds:.2f} s of its own, {limit:g} s are promised"
