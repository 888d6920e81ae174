"""A shard that counts, which any process can build in no time."""

import os
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mamo_cli.core.errors import UsageError
from mamo_cli.experiments.configs import TrainConfig, configured
from mamo_cli.runs.cpu_time import own_seconds
from mamo_cli.runs.folder import RunFolder, open_run

COLUMNS = {"counts": ("name", "round", "value")}


class Spec(NamedTuple):
    """A shard's name, its rounds, and a round at whose start it kills its process, once (see `mark`)."""

    name: str
    rounds: int = 4
    deadly_round: int = -1
    mark: str = ""
    failing_round: int = -1


class CountingShard:
    """Adds up its rounds."""

    diverged_seeds: list[int] = []  # noqa: RUF012 - never changes

    def __init__(self, spec: Spec) -> None:
        self.spec, self.round, self.total = spec, 0, torch.zeros(1)

    @property
    def done(self) -> bool:
        return self.round >= self.spec.rounds

    def advance(self) -> dict[str, list[list[Any]]]:
        if self.round == self.spec.deadly_round and not (self.spec.mark and Path(self.spec.mark).exists()):
            if self.spec.mark:
                Path(self.spec.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.round == self.spec.failing_round:
            raise ValueError("a bug in a worker")
        self.round += 1
        self.total += self.round
        return {"counts": [[self.spec.name, self.round, self.total.item()]]}

    def state_dict(self) -> dict[str, Any]:
        return {"round": self.round, "total": self.total.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.round, self.total = state["round"], state["total"].clone()


def busy(seconds: float) -> None:
    """Use so many CPU-seconds of this process."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


class BusyShard(CountingShard):
    """The same, and a round takes 0.05 CPU-seconds."""

    def advance(self) -> dict[str, list[list[Any]]]:
        rows = super().advance()
        busy(0.05)
        return rows


class MeteredShard(BusyShard):
    """The same, and it tells which process played it, and what that had used by then."""

    def advance(self) -> dict[str, list[list[Any]]]:
        super().advance()
        return {"counts": [[os.getpid(), own_seconds()]]}


class DivergedShard(CountingShard):
    """The same, and a member of it has diverged."""

    diverged_seeds: list[int] = [7]  # noqa: RUF012 - never changes


class HeavyShard(CountingShard):
    """The same with a state that Ray keeps on the node that made it, as it does from 100 kB on."""

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "ballast": torch.zeros(100_000)}


def refuse(spec: Spec) -> CountingShard:
    """A shard that cannot be built."""
    raise UsageError("refused")


def opened(root: Path, name: str | None = "x", fresh: bool = False, config=None, content: str = "a trace"):
    """A run folder of `train`."""
    config = config or configured(TrainConfig)
    return open_run(root, "train", "label", config, [content], name=name, fresh=fresh, argv=["train", "--seeds", "8"])


def rows_of(run: RunFolder) -> list[str]:
    return (run.path / "counts.csv").read_text().splitlines()[1:]
