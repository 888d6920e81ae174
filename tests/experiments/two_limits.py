"""A domain with two limits that comes with no package: pumps whose drought and whose noise are limited, by tables.

As a domain of the registry: `monkeypatch.setitem(registry.DOMAINS, "pumps", PUMPS)`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Part, Played, Seen, Step
from mamo_cli.core.settings import Section
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.registry import Entry
from mamo_cli.domains.settings import WorkloadSettings
from mamo_cli.workload.trace import Trace
from tests.analysis.tables import Tables

PUMPS = Entry(__name__, __name__)
WORDS = Words(
    agent="pump",
    violations=(Quantity("drought", "Drought"), Quantity("noise", "Noise")),
    measures=(Quantity("litres", "Litres", whole=True),),
    conditions=(Quantity("forecast", "forecast"), Quantity("rain", "rain")),
    control="Rain (mm)",
    cost="Mean cost",
)
DEFAULTS: Mapping[str, Any] = {}
STEPS = 4
# Four ways to pump: the more litres the less drought, and the quicker the noisier; the quiet ones cost.
COST = np.array([0.1, 0.3, 0.5, 0.9])
DROUGHT = np.array([[0.8, 0.3, 0.35, 0.0], [0.6, 0.2, 0.25, 0.0], [0.7, 0.3, 0.2, 0.1], [0.5, 0.1, 0.15, 0.0]])
NOISE = np.array([[0.1, 0.7, 0.2, 0.4], [0.0, 0.6, 0.1, 0.3], [0.1, 0.5, 0.3, 0.2], [0.2, 0.8, 0.2, 0.3]])


class SETTINGS(WorkloadSettings):
    """What is allowed of drought and of noise."""

    tolerance: float = 0.25
    noisy: float = 0.25
    pumps: int = 1


PLANNING = Section


def load(settings):
    rates = np.ones((STEPS, settings.pumps))
    return Trace(tuple(f"p{n}" for n in range(settings.pumps)), rates, rates, step_seconds=60.0, period_steps=STEPS)


def build(settings, source, evaluation=None, planning=None):
    return Pumps(settings)


class Pumps(Tables):
    def __init__(self, settings):
        agents = settings.pumps
        cost = np.tile(COST, (STEPS, agents, 1))
        brought = np.repeat(np.stack((DROUGHT, NOISE), -1)[:, None], agents, 1)
        super().__init__(cost, brought, np.tile([settings.tolerance, settings.noisy], (agents, 1)))
        self.spec = self.spec._replace(agents=tuple(f"p{n}" for n in range(agents)), words=WORDS, observation=STEPS)

    def shifted(self, shift, steps=None):
        raise UsageError("nothing of a pump drifts")

    def environment(self, part, members, copies=1):
        return Pumping(self, members, copies, spread=part is Part.TRAINING)

    def optimum(self, *_):
        raise NothingExactError("plans are by tables alone")

    def choices_of(self, measures):
        return measures[..., 0].astype(int)

    def expected(self, plan):
        return Played(*super().expected(plan)[:1], plan[..., None].astype(float), super().expected(plan).violations)


class Pumping:
    """K members' E copies, a copy each at another step: an agent sees which step it is."""

    steps = STEPS

    def __init__(self, domain, members, copies, spread):
        self._domain, self._shape, self._at = domain, (members, copies), np.arange(copies) * spread

    def draw(self, steps, streams):
        return [None] * steps

    def observe(self):
        agents, choices = self._domain.cost.shape[1:]
        seen = np.eye(STEPS, dtype=np.float32)[self._at % STEPS][None, :, None]
        values = np.broadcast_to(seen, (*self._shape, agents, STEPS)).copy()
        return Seen(values, np.ones((*self._shape, agents, choices), dtype=bool))

    def step(self, actions, draw=None):
        at, agents = (self._at % STEPS)[None, :, None], np.arange(actions.shape[2])
        cost, violations = self._domain.cost[at, agents, actions], self._domain.violations[at, agents, actions]
        self._at = self._at + 1
        seen = self.observe()
        objectives = np.concatenate((cost[..., None], violations), -1)
        on = np.ones(self._shape, dtype=np.float32)
        return Step(
            objectives, cost, actions[..., None].astype(float), on, np.zeros(self._shape, dtype=bool), seen, seen
        )

    def state_dict(self):
        return {"at": self._at.copy()}

    def load_state_dict(self, state):
        self._at = np.asarray(state["at"]).copy()
