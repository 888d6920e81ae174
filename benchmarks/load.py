"""Decisions at a steady rate over real sockets: `python -m benchmarks.serving_sockets --minutes 10`.

Requests are due at fixed times, whatever became of those before (an open loop); a few connections stay open. Each must
be answered by a decision, their numbers must be 1, 2, ... without a gap, the log must check, and hold as many.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.served import Served, served

RATE = 1000.0
CONNECTIONS = 8
HEAD = b"POST /decide HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Loaded(NamedTuple):
    """What came of it."""

    asked: int
    lost: int  # asked and not answered by a decision of its own
    seconds: float
    late_ms: list[float]  # from when each request was due to its answer
    resident_mib: list[float]  # of the server, once a second
    computed_s: float  # by the server

    def quantile_ms(self, share: float) -> float:
        return sorted(self.late_ms)[int(share * (len(self.late_ms) - 1))]

    def growth_mib(self) -> float:
        """Memory in the last tenth against that in the second: the first is where caches fill."""
        tenth = max(len(self.resident_mib) // 10, 1)
        return statistics.mean(self.resident_mib[-tenth:]) - statistics.mean(self.resident_mib[tenth : 2 * tenth])


def load(policy: Path, bodies: list[bytes], seconds: float, rate: float = RATE) -> Loaded:
    """Ask a server for so many decisions a second.

    Args:
        policy: file of what is served.
        bodies: of requests, in turn.
        seconds: for how long.
        rate: requests/s.
    """
    from mamo_cli.serving.log import check

    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "decisions.jsonl"
        with served(policy, log) as server:
            loaded, numbers = asyncio.run(_asked(server, bodies, seconds, rate))
        checked = check(log)
    answered = set(numbers)
    assert len(answered) == len(numbers)
    return loaded._replace(lost=loaded.asked - len(answered & set(range(1, checked.count + 1))))


async def _asked(server: Served, bodies: list[bytes], seconds: float, rate: float) -> tuple[Loaded, list[int]]:
    requests = [HEAD % len(body) + body for body in bodies]
    count, numbers, late, resident = round(seconds * rate), [], [], []
    start, computed, due = time.perf_counter() + 0.2, server.computed_s(), iter(range(round(seconds * rate)))

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        for index in due:
            at = start + index / rate
            await asyncio.sleep(at - time.perf_counter())
            writer.write(requests[index % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            said = json.loads(await reader.readexactly(length))
            late.append(1e3 * (time.perf_counter() - at))
            if head.startswith(b"HTTP/1.1 200"):
                numbers.append(said["number"])
        writer.close()

    async def watch() -> None:
        while True:
            resident.append(server.resident_mib())
            await asyncio.sleep(1.0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    watching.cancel()
    took = time.perf_counter() - start
    return Loaded(count, 0, took, late, resident, server.computed_s() - computed), numbers
