"""Deep Q-learning that knows the weights: one network for all of them (Schaul et al., 2015; Abels et al., 2019).

The networks see what all agents observe and, after it, the weights of every agent's violations. The replay keeps the
objectives apart and no weights: whatever a transition was played under, it is learnt from under any. Each time that one
is drawn it is weighed by weights of its own, uniform over all there are; both of its states are seen with them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Seen
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.learner import DQN, refuse
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Exploration, Shape

__all__ = ["ConditionedDQN", "build", "refuse"]


def build(
    config: LearnerConfig, shape: Shape, streams: Sequence[MemberStreams], device: str = "cpu"
) -> "ConditionedDQN":
    """K untrained agents; see `registry`."""
    return ConditionedDQN(config, shape, streams, device)


class ConditionedDQN(DQN):
    """K agents that act under whatever weights they are told; until then, under none."""

    def __init__(
        self, config: LearnerConfig, shape: Shape, streams: Sequence[MemberStreams], device: str = "cpu"
    ) -> None:
        """See `DQN`."""
        super().__init__(config, shape, streams, device)
        self._acting = np.zeros((len(self._streams), 1, shape.agents, shape.objectives))

    def inputs(self, shape: Shape) -> int:
        """Numbers that the networks see: one more of an agent for each of its violations."""
        return shape.agents * (shape.observation + shape.objectives - 1)

    def weigh(self, weights: FloatArray) -> None:
        """Act under weights `(K, A, M)` from now on."""
        self._acting = weights[:, None]

    def roam(self, copies: int) -> None:
        """Act under weights drawn anew for each of the E copies, so that what is met is met under all weights."""
        self._acting = np.stack([self._any(streams["exploration"], copies) for streams in self._streams])

    def act(
        self, seen: Seen, exploration: Exploration | None = None, policies: AnyFloatArray | None = None
    ) -> IntArray:
        """Choices `(K, E, A)` under the weights told, or those of the policies given: greedy, or explored."""
        parameters: AnyFloatArray | None = None
        told: AnyFloatArray = self._acting[..., 1:]
        violations = (self._shape.agents, self._shape.objectives - 1)
        if policies is not None:
            parameters, told = np.split(policies, [policies.shape[1] - math.prod(violations)], 1)
            told = told.reshape(-1, 1, *violations)
        told = np.broadcast_to(told, (*seen.values.shape[:2], *violations))
        values = np.concatenate((seen.values, told), -1, dtype=np.float32)
        return super().act(seen._replace(values=values), exploration, parameters)

    def policies(self) -> Float32Array:
        """`(K, D + A (M - 1))` the online networks' parameters, and the weights that they are to act under."""
        told = self._acting[:, 0, :, 1:].reshape(len(self._acting), -1)
        return np.concatenate((super().policies(), told), 1, dtype=np.float32)

    def begin_with(self, policies: AnyFloatArray) -> None:
        """See `DQN`; the weights that the policies were to act under are left out."""
        told = self._shape.agents * (self._shape.objectives - 1)
        super().begin_with(policies[:, : policies.shape[1] - told])

    def weighed(self, updates: int, weights: FloatArray) -> FloatArray:
        """Weights `(K, U, B, A, M)` of each transition of the coming updates, drawn whatever the present ones are."""
        return np.stack([self._any(rng, updates, self.config.batch_size) for rng in self._draws])

    def state_dict(self) -> dict[str, Any]:
        """What `DQN` has, and the weights told."""
        return {**super().state_dict(), "acting": self._acting.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        super().load_state_dict(state)
        self._acting = np.zeros((len(self._streams), np.shape(state["acting"])[1], *self._acting.shape[2:]))
        put_back(self._acting, state["acting"])

    def _any(self, rng: np.random.Generator, *size: int) -> FloatArray:
        """Weights `(..., A, M)`, uniform over all that are not negative and add up to 1."""
        return rng.dirichlet(np.ones(self._shape.objectives), (*size, self._shape.agents))
