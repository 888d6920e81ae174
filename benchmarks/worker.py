"""A process that holds one engine ready and runs it for as long as it is told: `python -m benchmarks.worker ...`.

It answers in lines of JSON on what was its standard output; what engines print goes to standard error.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

ENGINES = {
    "mamo": "benchmarks.ours",
    "jax loop": "benchmarks.peers.jax_loop",
    "sb3": "benchmarks.peers.sb3",
    "sbx": "benchmarks.peers.sbx",
    "rllib": "benchmarks.peers.rllib",
}


def main() -> None:
    """Build, say so, then obey until the standard input ends."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    order = json.loads(sys.argv[1])
    pin(order["cores"])
    try:
        module = importlib.import_module(ENGINES[order["engine"]])
        only_ours = {"device": order["device"], "filled": order["filled"]} if order["engine"] == "mamo" else {}
        engine = module.build(order["members"], order["copies"], order["threads"], **only_ours)
    except Exception as error:
        say(channel, unavailable=f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}")
        raise
    say(channel, version=engine.version, replay=engine.replay)
    for line in sys.stdin:
        request = json.loads(line)
        pin(request["cores"])
        updates, start = 0, time.perf_counter()
        while time.perf_counter() - start < request["seconds"]:
            updates += engine.advance()
        say(channel, updates=updates, seconds=time.perf_counter() - start)


def pin(cores: list[int]) -> None:
    """Keep every thread of this process on the given cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def say(channel: TextIO, **answer: Any) -> None:
    """Send one line."""
    channel.write(json.dumps(answer) + "\n")
    channel.flush()


if __name__ == "__main__":
    main()
