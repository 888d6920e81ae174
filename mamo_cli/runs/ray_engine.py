"""Shards on a Ray cluster: a round is one task a process, from the states before it to those after it.

States stay on the cluster, only rows come to the driver, and no worker process keeps anything. So Ray itself starts a
task again whose process died, and gets the same rows; where a node is lost with the states on it, Ray plays the rounds
again that have made them. The price is about 10 ms a member and round, most of it for storing the states, which a
process that kept its shards would have to do as well.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import ray

from mamo_cli.runs.cpu_time import CPU_TIME, own_seconds
from mamo_cli.runs.engine import LocalEngine, Shard, Spec, Tables, dealt, joined
from mamo_cli.runs.ray_cluster import gathered, own_versions, refuse_other_versions
from mamo_cli.runs.worker import MOST_RESTARTS, States

Report = tuple[Tables, bool, list[int], float]


class RayEngine:
    """Shards dealt out, in order, to as many tasks at a time as asked for; see `joined_cluster` for the cluster."""

    def __init__(
        self, build: Callable[[Spec], Shard], specs: Sequence[Spec], states: States | None, processes: int
    ) -> None:
        play: Any = ray.remote(num_cpus=1, num_returns=2, max_retries=MOST_RESTARTS)(_play)
        parts = dealt(build, specs, states, processes)
        self._tasks = [partial(play.remote, own_versions(), ray.put(make)) for make, _ in parts]
        self._states: list[Any] = [part for _, part in parts]
        self._play(advance=False)

    @property
    def done(self) -> bool:
        """Whether no round is left."""
        return all(done for _, done, *_ in self._reports)

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of frozen members."""
        return [seed for _, _, seeds, _ in self._reports for seed in seeds]

    def advance(self) -> Tables:
        """Play one round of every shard, all tasks at once."""
        self._play(advance=True)
        return joined([rows for rows, *_ in self._reports])

    def states(self) -> States:
        """Each shard's state, which is also what a lost one is played again from."""
        told = gathered(self._states)
        self._states = [ray.put(states) for states in told]
        return [state for states in told for state in states]

    def close(self) -> None:
        """Nothing is held: leaving the cluster ends the tasks."""

    def _play(self, *, advance: bool) -> None:
        results = [task(states, advance) for task, states in zip(self._tasks, self._states, strict=True)]
        self._states = [states for _, states in results]
        self._reports: list[Report] = gathered([report for report, _ in results])
        CPU_TIME.add(sum(used for *_, used in self._reports))


def _play(
    versions: Mapping[str, str | None],
    make: Callable[[States | None], LocalEngine],
    states: States | None,
    advance: bool,
) -> tuple[Report, States]:
    """A task: one round of some shards, or none where only their beginning is wanted."""
    refuse_other_versions(versions, own_versions(), platform.node())  # which may have joined after all were asked
    engine = make(states)
    rows = engine.advance() if advance else {}
    states = engine.states()
    return (rows, engine.done, engine.diverged_seeds, _used_since()), states


def _used_since() -> float:
    """CPU-seconds of a task's process since its last task ended: from its beginning on it works for one job alone."""
    before, _TOLD[0] = _TOLD[0], own_seconds()
    return _TOLD[0] - before


_TOLD = [0.0]
