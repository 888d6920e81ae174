"""A part of the workload for rules to be played on, so many times over, by the model or request by request."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import stream
from mamo_cli.domains.faas.baselines.analytic import Modelled, play_modelled
from mamo_cli.domains.faas.baselines.play import PLANNED
from mamo_cli.domains.faas.baselines.simulated import play_simulated, simulated
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.domains.faas.node import Node
from mamo_cli.domains.faas.rejection.models import SimulationModel
from mamo_cli.domains.faas.simulation.pool import Service
from mamo_cli.workload.generators import perturb

EPISODES, SIMULATED_EPISODES = 8, 3
"""Times that the training part is played under each setting of a rule's knobs, each under noise of its own; always the
same noise, and the same requests."""

PLACES = 2**64

Seeds = NDArray[np.uint64]


class Fare(NamedTuple):
    """What R plays brought."""

    measures: FloatArray  # (R, T, F, Q): replicas, a mean over the period, and what else the node measures
    violations: FloatArray  # (R, T, F, M - 1): shares of a period's requests

    def means(self) -> FloatArray:
        """`(F, M)` mean replicas and mean violations."""
        numbers = np.concatenate((self.measures[..., :1], self.violations), -1)
        return np.asarray(np.ascontiguousarray(numbers.transpose(2, 3, 0, 1)).mean((2, 3)))


class Stage:
    """Functions of a node under R courses of rates."""

    def __init__(self, domain: FaasDomain, node: Node, rates_rps: FloatArray, seeds: Seeds | None) -> None:
        """Args: rates_rps: `(R, T, F)`. seeds: `(R, F)` of the requests, 0..2^64 - 1; None: by the node's model."""
        self.node = node
        self._domain, self._rates, self._seeds = domain, rates_rps, seeds
        self._functions, self._shared = list(range(node.functions)), node.memory is not None

    def alone(self, functions: Sequence[int]) -> "Stage":
        """Some of the functions, each by itself: as if memory were no limit."""
        some = Stage(self._domain, self.node, self._rates, self._seeds)
        some._functions, some._shared = list(functions), False
        return some

    def play(self, rule: int, knobs: FloatArray, tick_s: float, plan: IntArray | None = None) -> Fare:
        """Play a rule on all functions; knobs `(F, ...)`; plan `(T, F)`, of replicas, is what a planned one does."""
        courses, steps, _ = self._rates.shape
        shape, step_seconds = (steps, len(self._functions)), self.node.trace.step_seconds
        words = self._domain.spec.words
        brought = np.full((courses, *shape, 2 + len(words.measures)), np.nan)
        planned = np.zeros(shape, dtype=np.int64) if plan is None else np.ascontiguousarray(plan)
        caps = np.ascontiguousarray(self.node.max_replicas[:, self._functions])
        use, budgets = self._memory()
        tick_s = step_seconds if rule == PLANNED else tick_s
        play = play_modelled if self._seeds is None else play_simulated

        def one(course: int) -> None:
            rates = np.ascontiguousarray(self._rates[course][:, self._functions])
            node = self._played(course)
            play(node, rule, knobs, planned, rates, caps, use, budgets, step_seconds, tick_s, brought[course])

        with ThreadPoolExecutor(os.cpu_count()) as threads:  # compiled code does not hold the interpreter
            list(threads.map(one, range(courses)))
        return Fare(brought[..., 2:], brought[..., : len(words.violations)])

    def _played(self, course: int) -> Any:
        settings, table = self._domain.settings, self.node.table
        own = [settings.of(self.node.trace.functions[function]) for function in self._functions]
        if self._seeds is None:
            return Modelled(
                table.values[self._functions], table.root_step, np.array([f.warm_service_time for f in own])
            )
        slow_s = np.inf if settings.latency_limit is None else settings.latency_limit
        services = [Service(f.warm_service_time, f.cold_service_time, f.idle_timeout, slow_s) for f in own]
        return simulated(services, table.max_replicas, self._seeds[course, self._functions].tolist())

    def _memory(self) -> tuple[IntArray, IntArray]:
        """Units that 1..N replicas of each function take, and that there are; all 0 where memory is no limit."""
        memory = self.node.memory
        if memory is None or not self._shared:
            nothing = np.zeros((len(self._functions), self.node.replica_choices), dtype=np.int64)
            return nothing, np.zeros(self.node.trace.steps, dtype=np.int64)
        return memory.use, memory.budgets


def is_simulated(domain: FaasDomain) -> bool:
    """Whether requests are simulated one by one, so that a play is one of many."""
    return domain.settings.rejection_model == SimulationModel.name


def training_stage(domain: FaasDomain) -> Stage:
    """The training part under its noise, the same at every call."""
    node, one_by_one = domain.case.training, is_simulated(domain)
    rng = stream(0, "baselines", "training")
    courses = SIMULATED_EPISODES if one_by_one else EPISODES
    rates = np.stack([perturb(node.trace.actual_rate_rps, domain.settings.noise, rng) for _ in range(courses)])
    seeds = rng.integers(PLACES, size=(courses, node.functions), dtype=np.uint64) if one_by_one else None
    return Stage(domain, node, rates, seeds)


def calm_stage(domain: FaasDomain) -> Stage:
    """The training part once, without its noise."""
    node = domain.case.training
    numbers = stream(0, "baselines", "log").integers(PLACES, size=(1, node.functions), dtype=np.uint64)
    return Stage(domain, node, node.trace.actual_rate_rps[None], numbers if is_simulated(domain) else None)


def evaluation_stage(domain: FaasDomain, seeds: tuple[int, ...]) -> Stage:
    """The evaluation part as it came; requests of their own for each seed, where they are simulated."""
    node = domain.case.evaluation
    one_by_one = is_simulated(domain)
    drawn = [stream(seed, "baselines", str(Part.EVALUATION)) for seed in seeds]
    numbers = [rng.integers(PLACES, size=node.functions, dtype=np.uint64) for rng in drawn]
    rates = np.repeat(node.trace.actual_rate_rps[None], len(seeds), 0)
    return Stage(domain, node, rates, np.stack(numbers) if one_by_one else None)
