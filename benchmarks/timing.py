"""Wall-clock time of repeated calls."""

import time
from collections.abc import Callable
from typing import Any


def seconds_each(call: Callable[[], Any], repeats: int) -> list[float]:
    """Seconds of each of `repeats` calls, after one that is not counted."""
    call()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken
