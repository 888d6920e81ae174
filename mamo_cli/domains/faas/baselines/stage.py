"""A part of the workload for rules to be played on, so many times over, by the model or request by request."""

import os
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

    measures: FloatArray  # (R, T, Q): replicas, a mean over the period, and what else the node measures
    rejection: FloatArray  # (R, T), shares of a period's requests

    @property
    def replicas(self) -> FloatArray:
        """`(R, T)`."""
        return self.measures[..., 0]


class Stage:
    """A node's functions under R courses of rates."""

    def __init__(self, domain: FaasDomain, node: Node, rates_rps: FloatArray, seeds: Seeds | None) -> None:
        """Args: rates_rps: `(R, T, F)`. seeds: `(R, F)` of the requests, 0..2^64 - 1; None: by the node's model."""
        self.node = node
        self._rates, self._seeds, self._settings = rates_rps, seeds, domain.settings
        self._measures = len(domain.spec.words.measures)

    def play(self, function: int, rule: int, knobs: FloatArray, tick_s: float, plan: IntArray | None = None) -> Fare:
        """Play a rule on a function; plan `(T,)`, numbers of replicas, is what a planned one does."""
        courses, steps, _ = self._rates.shape
        brought = np.empty((courses, steps, 1 + self._measures))
        planned = np.zeros(steps, dtype=np.int64) if plan is None else np.ascontiguousarray(plan)
        caps = np.ascontiguousarray(self.node.max_replicas[:, function])
        tick_s = self.node.trace.step_seconds if rule == PLANNED else tick_s
        play = play_modelled if self._seeds is None else play_simulated

        def one(course: int) -> None:
            rates = np.ascontiguousarray(self._rates[course, :, function])
            node = self._function(function, course)
            play(node, rule, knobs, planned, rates, caps, self.node.trace.step_seconds, tick_s, brought[course])

        with ThreadPoolExecutor(os.cpu_count()) as threads:  # compiled code does not hold the interpreter
            list(threads.map(one, range(courses)))
        return Fare(brought[..., 1:], brought[..., 0])

    def _function(self, function: int, course: int) -> Any:
        settings, table = self._settings.of(self.node.trace.functions[function]), self.node.table
        if self._seeds is None:
            return Modelled(table.values[function : function + 1], table.root_step, settings.warm_service_time)
        service = Service(settings.warm_service_time, settings.cold_service_time, settings.idle_timeout)
        return simulated(service, table.max_replicas, int(self._seeds[course, function]))


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


def evaluation_stage(domain: FaasDomain, seeds: tuple[int, ...]) -> Stage:
    """The evaluation part as it came; requests of their own for each seed, where they are simulated."""
    node = domain.case.evaluation
    one_by_one = is_simulated(domain)
    drawn = [stream(seed, "baselines", str(Part.EVALUATION)) for seed in seeds]
    numbers = [rng.integers(PLACES, size=node.functions, dtype=np.uint64) for rng in drawn]
    rates = np.repeat(node.trace.actual_rate_rps[None], len(seeds), 0)
    return Stage(domain, node, rates, np.stack(numbers) if one_by_one else None)
