"""The face of whoever learns to act: it sees the seam, and whoever trains it sees this."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, FloatArray, IntArray
from mamo_cli.core.seam import Seen, Spec, Step


class Shape(NamedTuple):
    """What a learner must know of a problem: numbers observed, agents, choices and objectives of each, and a budget."""

    observation: int
    agents: int
    choices: int
    objectives: int
    use: IntArray | None = None  # (A, C) units of a shared budget that each choice takes; None: agents share nothing
    priorities: FloatArray | None = None  # (A,) shares of the joint reward, which sum to 1; None: equal ones

    @classmethod
    def of(cls, spec: Spec) -> "Shape":
        """The shape of a domain's problem; choices are those of the agent with the most."""
        agents, choices = len(spec.agents), max(spec.choices)
        return cls(spec.observation, agents, choices, spec.objectives, spec.use, spec.priorities)

    def units(self) -> IntArray:
        """`(A, C)` units of the budget that each choice takes: none where agents share nothing."""
        none = np.zeros((self.agents, self.choices), dtype=np.int64)
        return none if self.use is None else np.ascontiguousarray(self.use, dtype=np.int64)

    def budgets(self, seen: Seen) -> IntArray:
        """`(K, E)` units that there are: none where agents share nothing."""
        if self.use is None:
            return np.zeros(seen.mask.shape[:2], dtype=np.int64)
        assert seen.budget is not None, "agents share a budget that is not seen"
        return np.ascontiguousarray(seen.budget, dtype=np.int64)


class Exploration(NamedTuple):
    """One step's random choices, and when they are taken: where the uniforms are below epsilon."""

    uniforms: FloatArray  # (K, E, A) in [0, 1)
    epsilon: float
    choices: IntArray  # (K, E, A)


class Learner(Protocol):
    """K independent agents; member k's numbers depend on its own streams alone."""

    def explorations(self, epsilon: FloatArray, copies: int) -> Sequence[Exploration]:
        """What to explore with in the coming steps, one for each epsilon, for E copies of the environment."""
        ...

    def act(
        self, seen: Seen, exploration: Exploration | None = None, policies: AnyFloatArray | None = None
    ) -> IntArray:
        """Choices `(K, E, A)`, none of them masked: the greedy ones, or the explored; by the policies given, if any."""
        ...

    def policies(self) -> AnyFloatArray:
        """`(K, D)` a row for each member: all that its present policy needs, for `act` to choose by later."""
        ...

    def store(self, seen: Seen, actions: IntArray, step: Step) -> None:
        """Keep E transitions of each member, the objectives apart."""
        ...

    def learn(self, updates: int, weights: FloatArray, learning_rate: float) -> FloatArray | None:
        """Gradient steps under weights `(K, A, M)` of the objectives; losses `(K,)`, or None before it can learn."""
        ...

    def diverged(self) -> BoolArray:
        """`(K,)` members that hold a number which is not finite."""
        ...

    def freeze(self, members: BoolArray) -> None:
        """Compute nothing more for these members `(K,)`; the others go on as if nothing had happened."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs but what is the caller's: random streams, and who is frozen."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...
