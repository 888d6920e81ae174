"""Cells to be timed, each held ready in processes of its own, and run in turns so that drift hits all alike."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

PATIENCE_S = 180.0  # within which an engine must be built, compiled and warm, or have finished a turn


@dataclass(frozen=True)
class Cell:
    """One engine under one setting.

    Attributes:
        engine: a key of `worker.ENGINES`.
        members: all members, spread evenly over the processes.
        processes: each on a core of its own, started together.
        threads: of each process.
        copies: of the environment, to a member.
        device: where ours keeps its networks, "cpu" or "cuda".
        filled: transitions of each member of ours before the clock runs; None for a full replay.
    """

    engine: str
    members: int
    processes: int = 1
    threads: int = 1
    copies: int = 1
    device: str = "cpu"
    filled: int | None = None

    @property
    def cores(self) -> int:
        """How many cores the cell keeps busy."""
        return self.processes * self.threads


class UnavailableError(Exception):
    """An engine could not be built or died; the text says why."""


class Running:
    """A cell's processes, ready."""

    def __init__(self, cell: Cell, first_core: int) -> None:
        self._cell = cell
        everything = cores(first_core, os.cpu_count() or 1)
        places = [everything[lane :: cell.processes][: cell.threads] for lane in range(cell.processes)]
        self._lanes = [_Lane(cell, place) for place in places]
        try:
            answers = [lane.answer() for lane in self._lanes]
        except UnavailableError:
            self.close()
            raise
        self.about: dict[str, str] = answers[0]

    def rate(self, seconds: float, first_core: int) -> float:
        """Updates per second over all processes, which start together."""
        everything = cores(first_core, os.cpu_count() or 1)
        for number, lane in enumerate(self._lanes):
            lane.ask({"seconds": seconds, "cores": everything[number :: self._cell.processes][: self._cell.threads]})
        answers = [lane.answer() for lane in self._lanes]
        return sum(answer["updates"] / answer["seconds"] for answer in answers)

    def close(self) -> None:
        """End the processes."""
        for lane in self._lanes:
            lane.close()


class _Lane:
    """One worker process, spoken to in lines of JSON."""

    def __init__(self, cell: Cell, place: list[int]) -> None:
        order = {"engine": cell.engine, "members": cell.members // cell.processes, "copies": cell.copies}
        text = json.dumps(
            {**order, "threads": cell.threads, "device": cell.device, "filled": cell.filled, "cores": place}
        )
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in close()
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.worker", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **environment(cell.threads, cell.device)},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise UnavailableError(f"its process ended: {self._last_words()}") from None

    def answer(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise UnavailableError(f"no answer within {PATIENCE_S:g} s") from None
        if not line:
            raise UnavailableError(f"its process ended: {self._last_words()}")
        told: dict[str, Any] = json.loads(line)
        if "unavailable" in told:
            raise UnavailableError(told["unavailable"])
        return told

    def close(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(20)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def cores(first: int, count: int) -> list[int]:
    """All cores this process may use, counted from one of them on."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(count))
    return usable[first % len(usable) :] + usable[: first % len(usable)]


def environment(threads: int, device: str = "cpu") -> dict[str, str]:
    """Variables that hold every numerical library to so many threads, and off any GPU that is not asked for."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    return {**dict.fromkeys(names, str(threads)), "JAX_PLATFORMS": "cpu", **hidden}


def interleaved(
    cells: Iterable[Cell], repeats: int, seconds: float
) -> tuple[dict[Cell, list[float]], dict[Cell, dict[str, str]]]:
    """Time all cells in turns: each once, then each once again, on the next core.

    Returns:
        Rates by cell, one a repeat, empty where the cell is unavailable; and by cell what it says of itself: version
        and replay, or the reason why it is unavailable.
    """
    chosen = list(dict.fromkeys(cells))
    about: dict[Cell, dict[str, str]] = {}
    rates: dict[Cell, list[float]] = {cell: [] for cell in chosen}

    def prepared(numbered: tuple[int, Cell]) -> Running | None:
        number, cell = numbered
        try:
            running = Running(cell, number)
        except UnavailableError as reason:
            about[cell] = {"unavailable": str(reason)}
            return None
        about[cell] = running.about
        return running

    with ThreadPoolExecutor(os.cpu_count() or 1) as preparing:
        ready = list(preparing.map(prepared, enumerate(chosen)))
    try:
        for repeat in range(repeats):
            for cell, running in zip(chosen, ready, strict=True):
                if running is None or "unavailable" in about[cell]:
                    continue
                try:
                    rates[cell].append(running.rate(seconds, repeat))
                except UnavailableError as reason:
                    about[cell]["unavailable"], rates[cell] = str(reason), []
    finally:
        for running in ready:
            if running is not None:
                running.close()
    return rates, about
