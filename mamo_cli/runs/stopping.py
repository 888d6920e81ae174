"""Stopping on request: the first signal stops cleanly, a second one of a person at once, and nothing outlasts 5 s.

A person or a service asks by SIGINT or SIGTERM, a session that is closed by SIGHUP, a scheduler whose time is nearly up
by SIGUSR1, SIGUSR2 or SIGXCPU.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, current_thread, main_thread
from types import FrameType

GRACE_SECONDS = 2.5  # for the round in progress and its checkpoint
PATIENCE_SECONDS = 4.0  # for everything, also for a solver's own code, in which Python gets no say
IMPATIENCE_SECONDS = 0.5  # the same after a second signal
INSISTING = (signal.SIGINT, signal.SIGTERM)  # the others may come several times, SIGXCPU every second
ASKING = (*INSISTING, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


class Stopped(SystemExit):
    """A signal stopped the process; `code` is the exit code for it.

    Attributes:
        signal_name: such as "SIGINT".
        run: the run folder that was being worked in, if any.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal_name = signal.Signals(number).name
        self.run: Path | None = None


class StopRequest:
    """Raises `Stopped` at a signal; or only remembers it for a while, where something must be saved first."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._deferred = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle all signals until the end of the block; they are the main thread's, and for another there are none."""
        if current_thread() is not main_thread():
            yield
            return
        self.number, self._deferred = None, False
        before = {number: signal.signal(number, self._asked) for number in ASKING if not _left_alone(number)}
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._out_of_grace)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        woken_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        watch = Thread(target=_watch, args=(reader,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.set_wakeup_fd(woken_before)
            os.close(writer)
            watch.join()
            for number, handler in before.items():
                signal.signal(number, handler)
            self.number = None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the first signal wait: the block looks at `number` and ends soon, or is ended when its grace is over."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
            if self.number is not None:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
        if self.number is not None:
            raise Stopped(self.number)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        first = self.number is None
        self.number = self.number or number
        if first and self._deferred:
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        elif first or number in INSISTING:
            raise Stopped(self.number)

    def _out_of_grace(self, number: int, frame: FrameType | None) -> None:
        raise Stopped(self.number or signal.SIGTERM)


STOP = StopRequest()
"""The process's one request: signals are the process's, too."""


def _left_alone(number: signal.Signals) -> bool:
    """Whether the process was started so that a signal does not move it, as nohup does."""
    return number not in INSISTING and signal.getsignal(number) is signal.SIG_IGN


def _watch(reader: int) -> None:
    """End the process where the main thread did not, because it sits in a solver's own code."""
    asked, deadline = 0, None
    while True:
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([reader], [], [], wait)[0]:
            os.write(2, b"mamo: stopped in the middle of a solve; the same command starts it again\n")
            os._exit(128 + asked)
        numbers = os.read(reader, 1)
        if not numbers:
            os.close(reader)
            return
        if numbers[0] in ASKING and not asked:
            asked, deadline = numbers[0], time.monotonic() + PATIENCE_SECONDS
        elif numbers[0] in INSISTING:
            deadline = time.monotonic() + IMPATIENCE_SECONDS
