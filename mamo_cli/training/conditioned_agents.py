"""Task agents that learn all weights at once, before the first cycle, and from then on act under any without learning.

A cycle is then an assay: what the same networks bring under the weights asked for. As nothing moves between, what was
measured is what is delivered.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Domain
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.conditioned import ConditionedDQN
from mamo_cli.training.agents import IterationSummary, TaskAgents
from mamo_cli.training.pretraining import Log
from mamo_cli.training.settings import PhaseConfig, Preparation
from mamo_cli.training.worlds import Training, one_world


class ConditionedAgents(TaskAgents):
    """K task-execution agents, each with one network for all weights."""

    def __init__(
        self,
        domain: Domain,
        learner: ConditionedDQN,
        phase: PhaseConfig,
        preparation: Preparation,
        streams: Sequence[MemberStreams],
        training: Training = one_world,
        log: Log | None = None,
    ) -> None:
        """See `TaskAgents`; preparation: how long they learn, by the schedules of a phase."""
        super().__init__(domain, learner, phase, streams, training, log)
        self._knowing, self._prepared = learner, False
        self._preparation = phase.model_copy(update=preparation.model_dump())
        self._assay = phase.model_copy(update={"epsilon": ((0.0, 0.0),)})

    def train_iteration(self, iteration: int, weights: FloatArray) -> IterationSummary:
        """Play for one iteration under weights `(K, A, M)`; before the very first one, learn."""
        self._learn_from_the_log(weights)
        if not self._prepared:
            self._prepare(weights)
        self._knowing.weigh(weights)
        return self._iteration(self._assay, iteration, weights, learning=False)

    def study(self, updates: int, weights: FloatArray, learning_rate: float) -> None:
        """Learn from what is kept, and act under weights `(K, A, M)` from then on."""
        super().study(updates, weights, learning_rate)
        self._knowing.weigh(weights)

    def _prepare(self, weights: FloatArray) -> None:
        """Learn under all weights, each copy of the environment acting under its own, drawn anew every iteration."""
        for iteration in range(self._preparation.iterations):
            self._knowing.roam(self._preparation.environments)
            self._iteration(self._preparation, iteration, weights)
        self._prepared = True

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs; who is frozen, the loop says again."""
        return {**super().state_dict(), "prepared": self._prepared}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        super().load_state_dict(state)
        self._prepared = state["prepared"]
