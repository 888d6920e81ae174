"""One strategy for a team: as all its agents are told the same, it is told once, and what it proposes goes for all."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.strategies.protocol import CycleReport, Strategy


def as_one(spec: Spec) -> Spec:
    """What a strategy is to know of a team: a single agent."""
    return spec._replace(agents=spec.agents[:1], limits=spec.limits[:1], choices=spec.choices[:1], priorities=None)


class TeamStrategy(Strategy):
    """The strategy of a single agent, before a team of A; its state is that strategy's."""

    def __init__(self, one: Strategy, agents: int) -> None:
        """Args: one: built for a single agent. agents: A."""
        self._one, self._agents = one, agents
        self.columns, self.readouts = one.columns, one.readouts

    def propose(self, cycle: int) -> FloatArray:
        """The one's weights, for each."""
        return self._for_all(self._one.propose(cycle))

    def within(self, weights: FloatArray, objectives: FloatArray, limits: FloatArray) -> FloatArray:
        """The one's weights, for each."""
        return self._for_all(self._one.within(weights[:, :1], objectives[:, :1], limits[:1]))

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """The one is told what the first of the team is, as is every other."""
        told = self._one.observe(
            report._replace(
                weights=report.weights[:, :1],
                objectives=report.objectives[:, :1],
                errors=report.errors[:, :1],
                limits=report.limits[:1],
            )
        )
        return {name: self._for_all(column) for name, column in told.items()}

    def settled(self) -> FloatArray:
        """The one's weights, for each."""
        return self._for_all(self._one.settled())

    def diverged(self) -> BoolArray:
        """As the one says."""
        return self._one.diverged()

    def freeze(self, members: BoolArray) -> None:
        """Freeze them in the one."""
        self._one.freeze(members)

    def state_dict(self) -> dict[str, Any]:
        """The one's."""
        return self._one.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._one.load_state_dict(state)

    def _for_all(self, values: FloatArray) -> FloatArray:
        """`(K, A, ...)` of the one's `(K, 1, ...)`."""
        return np.repeat(values, self._agents, 1)
