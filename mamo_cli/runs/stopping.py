"""Stopping on request: the first SIGINT or SIGTERM stops cleanly, a second one at once, and nothing outlasts 5 s."""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import FrameType

GRACE_SECONDS = 2.5  # for the round in progress and its checkpoint
PATIENCE_SECONDS = 4.0  # for everything, also for a solver's own code, in which Python gets no say
IMPATIENCE_SECONDS = 0.5  # the same after a second signal
ASKING = (signal.SIGINT, signal.SIGTERM)


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
        """Handle both signals until the end of the block."""
        self.number, self._deferred = None, False
        before = {number: signal.signal(number, self._asked) for number in ASKING}
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
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        if self.number is not None:
            raise Stopped(self.number)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        first = self.number is None
        self.number = self.number or number
        if not (first and self._deferred):
            raise Stopped(self.number)
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def _out_of_grace(self, number: int, frame: FrameType | None) -> None:
        raise Stopped(self.number or signal.SIGTERM)


STOP = StopRequest()
"""The process's one request: signals are the process's, too."""


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
        if numbers[0] in ASKING:
            deadline = time.monotonic() + (IMPATIENCE_SECONDS if asked else PATIENCE_SECONDS)
            asked = asked or numbers[0]
