"""CPU-seconds, user and system, of all processes that work for this one: exact, as the kernel counts them."""

import resource
import time


def own_seconds() -> float:
    """Of this process in all its threads, and of the children that it has waited for with theirs, s."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class CpuTime:
    """What this process and all others that work for it have used.

    A worker that lives counts with what it told last, and from its end on with what the kernel says of it, so that
    nothing is lost with one that died.
    """

    def __init__(self) -> None:
        self._living: dict[int, float] = {}
        self._elsewhere = 0.0

    def told(self, process: int, seconds: float) -> None:
        """A child of this process, by its id, says that it has used so much since it began."""
        self._living[process] = seconds

    def ended(self, process: int) -> None:
        """A child has been waited for: from now on the kernel counts it among this process's own."""
        self._living.pop(process, None)

    def add(self, seconds: float) -> None:
        """Processes that are none of our children have used so much more."""
        self._elsewhere += seconds

    def seconds(self) -> float:
        """All so far, s."""
        return own_seconds() + sum(self._living.values()) + self._elsewhere


CPU_TIME = CpuTime()
"""That of this process."""
