"""A junction of two queues, one of which has green: each switch costs a slot of its own and a yellow one.

In a slot of green that is kept, one vehicle leaves its queue, if there is one; then a vehicle arrives at each queue, or
not, by chance; beyond the places it is lost. Nobody leaves in the slot of a switch, nor in yellow. Queues are counted
at the slot's start. Cost is their sum over all places; violation a switch.

Choice: the next phase, of `PHASES`. From a green, it or the yellow that leads to the other; from a yellow, its green.
Observed: both queues over the places, then the phase, one-hot.

Safety: anything else is not played, whoever asks for it, as `Process.played` has it: who asks for the other's green
keeps their own, who asks for the wrong yellow gets the right one, and a yellow leads to its green. So green never
follows the other's green. Without that layer (`safety`) any phase follows any other, and a green that does so is a
conflict: vehicles of both are in the crossing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mamo_cli.core.settings import ADDED, Section, Share
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import ProcessSettings
from mamo_cli.domains.tabular.domain import Proxy, TabularDomain, refuse, workload
from mamo_cli.domains.tabular.process import Process
from mamo_cli.workload.trace import Trace

PHASES = ("green 1", "green 2", "yellow to 1", "yellow to 2")
NEXT = {0: (0, 3), 1: (1, 2), 2: (0,), 3: (1,)}
AGENT = "junction"
WORDS = Words(
    agent=AGENT,
    violations=(Quantity("switches", "Switches\n(per slot)", symbol="S"),),
    measures=(
        Quantity("queue_1", "Queue 1\n(vehicles)", whole=True),
        Quantity("queue_2", "Queue 2\n(vehicles)", whole=True),
        Quantity("phase", "Phase", whole=True),
        Quantity("next_phase", "Next phase", whole=True),
    ),
    conditions=(Quantity("expected_arrivals", "expected arrivals"), Quantity("arrivals", "arrivals")),
    control="Arrivals\n(vehicles/slot)",
    cost="Mean cost (share of all places)",
)
CONFLICTS = Quantity("conflicts", "Conflicts\n(per slot)")
"""Measured where no safety layer makes them impossible: slots whose green follows the other's green."""

# A switch pays off tens of slots later. A policy that never switches sees nothing else any more: many copies, a replay
# of several phases and small steps keep the others in mind. A copy to the target network is one step of value
# iteration, of which a phase must hold many. A policy that changes while it is measured is told to bring what none
# brings: from 0.6 of a phase on it hardly moves. Plays begin with empty queues, and must outlast that.
DEFAULTS: Mapping[str, Any] = {
    "learner": {
        "hidden": (64, 64),
        "discount": 0.98,
        "batch_size": 64,
        "priority_exponent": 0.0,
        "replay_capacity": 65_536,
        "target_interval": 10,
    },
    "phase": {
        "iteration_steps": 40,
        "environments": 128,
        "window": 8,
        "learning_rate": ((0.0, 2e-3), (0.3, 2e-3), (0.6, 1e-4), (1.0, 1e-5)),
    },
}
BLOCK = 100
"""Slots for which one policy of a mixture plays on: queues and phase remember some tens of slots."""

Chance = Annotated[float, Field(gt=0.0, lt=1.0)]


class JunctionConfig(ProcessSettings):
    """The junction, its traffic and what is asked of it."""

    tolerance: Share = Field(default=0.10, description="Most switches a slot, on average.")
    arrivals: tuple[Chance, Chance] = Field(
        default=(0.30, 0.20), description="Chance of an arrival in a slot, once for each queue."
    )
    places: int = Field(default=12, ge=1, le=40, description="Vehicles that a queue holds; more are lost.")
    safety: bool = Field(
        default=True,
        description="A layer that plays no green after the other's green, whoever asks for it.",
        json_schema_extra=ADDED,
    )
    proxy: Literal["busier-queue"] | None = Field(
        default=None,
        description="What training is told in place of the truth. busier-queue: the queue with more arrivals stands "
        "for both.  [default: the truth]",
        json_schema_extra=ADDED,
    )

    @model_validator(mode="after")
    def _one_queue_is_busier(self) -> Self:
        if self.proxy is not None and self.arrivals[0] == self.arrivals[1]:
            raise ValueError("proxy busier-queue needs arrivals that differ: here neither queue has more")
        return self


SETTINGS, PLANNING = JunctionConfig, Section


def load(settings: JunctionConfig) -> Trace:
    """Vehicles, as many as are expected."""
    return workload(settings, AGENT, sum(settings.arrivals))


def build(
    settings: JunctionConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> TabularDomain:
    """The junction of a configuration; see `registry.build`."""
    refuse(AGENT, evaluation, planning)
    safe = settings.safety
    junction = process(settings.arrivals, settings.places, safe)
    return TabularDomain(
        process=junction,
        words=WORDS if safe else WORDS._replace(measures=(*WORDS.measures, CONFLICTS)),
        agent=AGENT,
        limit=settings.tolerance,
        block=BLOCK,
        settings=settings,
        warned=() if safe else ("no safety layer: one approach may get green right after the other, see conflicts",),
        proxy=None if settings.proxy is None else _busier_alone(settings, junction),
    )


def _busier_alone(settings: JunctionConfig, junction: Process) -> Proxy:
    """The junction whose cost is told by one queue."""
    busier, all_places = int(np.argmax(settings.arrivals)), 2 * settings.places
    objectives = junction.objectives.copy()
    objectives[..., 0] = junction.measures[..., busier] / all_places
    formula = f"cost is queue {busier + 1} alone, which has more arrivals, / {all_places} places, in place of both"
    return Proxy(replace(junction, objectives=objectives), formula)


def process(arrivals: tuple[float, float], places: int, safety: bool = True) -> Process:
    """The junction under a chance of arrival at each queue, any phase being asked for. A state is both and the phase.

    Safety decides what is allowed, and so played, and nothing else.
    """
    shape = (places + 1, places + 1, len(PHASES))
    first, second, phase = (part.ravel() for part in np.indices(shape))
    states, phases = len(phase), len(PHASES)
    arriving = np.array([(a, b) for a in (0, 1) for b in (0, 1)])
    chance = np.where(arriving, arrivals, 1.0 - np.array(arrivals)).prod(1)
    lawful = np.array([[after in NEXT[before] for after in range(phases)] for before in range(phases)])[phase]
    after = np.broadcast_to(np.arange(phases), lawful.shape)
    kept = after == phase[:, None]
    queues = [
        np.minimum(
            np.maximum(queue[:, None] - (kept & (phase[:, None] == green)), 0)[..., None] + arriving[:, green], places
        )
        for green, queue in enumerate((first, second))
    ]
    cost = np.broadcast_to((first + second)[:, None] / (2 * places), (states, phases))
    switch = (phase[:, None] < 2) & ~kept
    told = [first[:, None], second[:, None], phase[:, None], after]
    if not safety:
        told.append(switch & (after < 2))
    return Process(
        successor=np.ravel_multi_index((*queues, np.broadcast_to(after[..., None], queues[0].shape)), shape),
        chance=chance,
        allowed=lawful | (not safety),
        objectives=np.stack((cost, switch.astype(np.float64)), -1),
        cost_scale=2.0 * places,
        starts=np.array([0]),
        ends=np.zeros(len(chance), dtype=np.bool_),
        came=arriving.sum(1).astype(np.float64),
        observed=np.column_stack((first / places, second / places, np.eye(phases)[phase])).astype(np.float32),
        measures=np.stack(np.broadcast_arrays(*told), -1).astype(np.float64),
    )
