"""The gridworld of Sutton and Barto (example 3.5) with visits that are asked for: 5 x 5 cells, four moves.

Leaving cell 1 earns 10 and leads to 21, leaving 3 earns 5 and leads to 13; a move into a wall costs 1 and leads
nowhere. A discount of gamma is the chance that a play goes on; else it begins anew in any cell. So long-run means are
discounted sums times 1 - gamma. Cost is the return that is lost, (10 - reward) / 11; a visit of cell 3 counts 1, one of
cell 1 counts .1, and the violation of a period is 1 less its visit.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from mamo_cli.core.settings import Section
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains.settings import ProcessSettings
from mamo_cli.domains.tabular.domain import TabularDomain, refuse, workload
from mamo_cli.domains.tabular.process import Process
from mamo_cli.workload.trace import Trace

SIDE = 5
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
LEAPS = {1: (21, 10.0), 3: (13, 5.0)}
VISITS = {3: 1.0, 1: 0.1}
MOST, LEAST = 10.0, -1.0
AGENT = "walker"
WORDS = Words(
    agent=AGENT,
    violations=(Quantity("missed", "Missed visits\n(share of periods)", symbol="M", spoken="missed visits"),),
    measures=(
        Quantity("earned", "Earned R", symbol="R"),
        Quantity("cell", "Cell", whole=True),
        Quantity("move", "Move", whole=True),
    ),
    conditions=(Quantity("restart_chance", "chance of a restart"), Quantity("restart", "restart")),
    control="Restarts",
    cost="Mean cost (share of the largest loss)",
)
# The end of an episode is the world's own discount. The learner's comes on top, near 1: the two together look ahead.
# A copy to the target network is one step of value iteration, of which a phase must hold many. A policy that changes
# while it is measured is told to bring what none brings: from 0.6 of a phase on it hardly moves.
DEFAULTS: Mapping[str, Any] = {
    "learner": {
        "hidden": (64, 64),
        "discount": 0.95,
        "batch_size": 64,
        "priority_exponent": 0.0,
        "replay_capacity": 65_536,
        "target_interval": 10,
    },
    "phase": {
        "iteration_steps": 40,
        "environments": 64,
        "updates_per_step": 2,
        "window": 8,
        "learning_rate": ((0.0, 3e-3), (0.3, 3e-3), (0.6, 1e-4), (1.0, 1e-5)),
    },
}


class GridworldConfig(ProcessSettings):
    """How far ahead it looks, and the visits that are asked for."""

    gamma: float = Field(default=0.9, gt=0.0, lt=1.0, description="Chance that a play goes on; else it begins anew.")
    visits: float = Field(default=1.5, ge=0.0, description="Least mean visits, summed up discounted by gamma.")

    @model_validator(mode="after")
    def _no_more_visits_than_periods(self) -> Self:
        most = 1.0 / (1.0 - self.gamma)
        if self.visits > most * (1.0 + 1e-12):
            raise ValueError(f"visits {self.visits:g}: discounted by gamma {self.gamma:g} there are at most {most:g}")
        return self


SETTINGS, PLANNING = GridworldConfig, Section


def load(settings: GridworldConfig) -> Trace:
    """Restarts, as many as are expected."""
    return workload(settings, AGENT, 1.0 - settings.gamma)


def build(
    settings: GridworldConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> TabularDomain:
    """The gridworld of a configuration; see `registry.build`. A mixture plays a policy for ten episodes."""
    refuse(AGENT, evaluation, planning)
    going_on = settings.gamma
    return TabularDomain(
        process=process(going_on),
        words=WORDS,
        agent=AGENT,
        limit=1.0 - (1.0 - going_on) * settings.visits,
        block=round(10 / (1.0 - going_on)),
        settings=settings,
    )


def process(gamma: float) -> Process:
    """The gridworld under a discount."""
    cells, moves = SIDE * SIDE, len(MOVES)
    reached, reward = np.empty((cells, moves), dtype=np.int64), np.zeros((cells, moves))
    for cell, move in np.ndindex(cells, moves):
        row, column = np.array(divmod(cell, SIDE)) + MOVES[move]
        inside = 0 <= row < SIDE and 0 <= column < SIDE
        reached[cell, move], reward[cell, move] = (row * SIDE + column, 0.0) if inside else (cell, LEAST)
        reached[cell, move], reward[cell, move] = LEAPS.get(cell, (reached[cell, move], reward[cell, move]))
    visit = np.array([VISITS.get(cell, 0.0) for cell in range(cells)])
    anew = np.broadcast_to(np.arange(cells), (cells, moves, cells))
    cost = (MOST - reward) / (MOST - LEAST)
    return Process(
        successor=np.concatenate((reached[..., None], anew), -1),
        chance=np.r_[gamma, np.full(cells, (1.0 - gamma) / cells)],
        allowed=np.ones((cells, moves), dtype=np.bool_),
        objectives=np.stack((cost, np.broadcast_to(1.0 - visit[:, None], cost.shape)), -1),
        cost_scale=MOST - LEAST,
        starts=np.arange(cells),
        ends=np.r_[False, np.full(cells, True)],
        came=np.r_[0.0, np.ones(cells)],
        observed=np.eye(cells, dtype=np.float32),
        measures=np.stack((reward, *np.indices((cells, moves))), -1),
    )
