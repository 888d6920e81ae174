"""What each window of a walk brought, as rows of continual.csv: in it, and from the first step to its last."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.means import mean_of_known, of_measures
from mamo_cli.core.seam import Played, Spec
from mamo_cli.core.words import Words
from mamo_cli.training.records import Row, mean_over_steps

LEARNING, FROZEN = "learning", "frozen"
PLAYERS = (LEARNING, FROZEN)
"""Who walks: the agents that go on learning, and the policies that were delivered, which do not."""


class Place(NamedTuple):
    """Where in the walk who is."""

    player: str
    window: int  # counted from 0
    start: int  # its first step
    stop: int  # that after its last
    changed: bool  # whether conditions have changed with it


def walk_columns(words: Words, agents: int) -> tuple[str, ...]:
    """The head of continual.csv, whose limits are those of one constraint."""
    names = [one.name for one in (*words.measures, *words.violations)]
    totals = ("cumulative_cost", *(f"cumulative_{one.name}" for one in words.violations))
    named = [words.agent] if agents > 1 else []
    return ("seed", "player", "window", "steps", "alpha", "limit", "cost", *names, *totals, "recovered", *named)


class WalkRecords:
    """Rows of the members at hand, gathered until they are taken, and what they add up to."""

    def __init__(self, spec: Spec, seeds: Sequence[int], alive: BoolArray) -> None:
        """Args: spec: of the domain. seeds: one a member. alive: `(K,)`, which the loop changes."""
        self._seeds, self._alive = list(seeds), alive
        self._named = [[name] for name in spec.agents] if len(spec.agents) > 1 else [[]]
        shape = (len(PLAYERS), len(self._seeds), len(spec.agents))
        self._totals = np.zeros((*shape, spec.objectives))
        self._recovered = np.ones(shape, dtype=np.bool_)
        self._rows: list[list[Row]] = [[] for _ in self._seeds]

    def taken(self) -> list[Row]:
        """All rows since the last call, member after member."""
        rows, self._rows = self._rows, [[] for _ in self._seeds]
        return [row for member in rows for row in member]

    def add(self, place: Place, spec: Spec, weights: FloatArray, played: Played) -> FloatArray:
        """A row of continual for each member and agent.

        Args:
            place: whose, and of which window.
            spec: of the domain in this window, whose limits hold.
            weights: `(K, A, M)` that were played under.
            played: `(K, T, ...)`.

        Returns:
            `(K, A, M)` means of the normalised cost and the violations.
        """
        who = PLAYERS.index(place.player)
        cost = mean_over_steps(played.paid[..., None]) / spec.cost_scale
        violations = mean_over_steps(played.violations)
        measures = of_measures(mean_over_steps(played.measures, mean_of_known), spec.words)
        objectives = np.concatenate((cost, violations), -1)
        self._totals[who] += objectives * (place.stop - place.start)
        held = np.all(violations <= spec.limits, -1)
        self._recovered[who] = held | (self._recovered[who] & (not place.changed))
        limits = np.broadcast_to(spec.limits, violations.shape)
        numbers = np.concatenate((limits, cost, measures, violations, self._totals[who] / place.stop), -1)
        for member, agent in np.ndindex(numbers.shape[:2]):
            own = [*numbers[member, agent], int(self._recovered[who, member, agent])]
            own = own if self._alive[member] else [None] * len(own)
            start = [self._seeds[member], place.player, place.window, place.stop]
            row = [*start, *weights[member, agent, 1:], *own]
            self._rows[member].append([*row, *self._named[agent]])
        return objectives

    def state_dict(self) -> dict[str, Any]:
        """What it adds up to so far."""
        return {"totals": self._totals.copy(), "recovered": self._recovered.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        put_back(self._totals, state["totals"])
        put_back(self._recovered, state["recovered"])
