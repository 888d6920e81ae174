"""Stable-Baselines3's replay, keeping the objectives of every transition apart.

When the weights change, every stored transition stays valid and is weighed anew when it is drawn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from mamo_cli.core.arrays import Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import put_back


class WeighedReplay(ReplayBuffer):
    """N transitions of one member, drawn uniformly from its own stream.

    Attributes:
        objectives: (N, M) of each transition.
        weights: (M,) that the next draws weigh them with.
    """

    def __init__(self, *given: Any, objectives: int, draws: np.random.Generator, **options: Any) -> None:
        """Args: given, options: see `ReplayBuffer`. objectives: M. draws: the member's stream."""
        super().__init__(*given, **options)
        self._draws = draws
        self.objectives = np.zeros((self.buffer_size, objectives), dtype=np.float32)
        self.weights: FloatArray = np.zeros(objectives)

    def keep(
        self,
        before: Float32Array,
        choices: IntArray,
        objectives: FloatArray,
        after: Float32Array,
        continues: Float32Array,
    ) -> None:
        """Keep E transitions, at once.

        Args:
            before: `(E, numbers)` seen before.
            choices: `(E,)`.
            objectives: `(E, M)`.
            after: `(E, numbers)` seen after.
            continues: `(E,)`, 0 where the episode terminated.
        """
        count = len(choices)
        places = (self.pos + np.arange(count)) % self.buffer_size
        self.observations[places, 0], self.next_observations[places, 0] = before, after
        self.actions[places, 0, 0], self.dones[places, 0] = choices, 1.0 - continues
        self.objectives[places] = objectives
        self.full = self.full or self.pos + count >= self.buffer_size
        self.pos = (self.pos + count) % self.buffer_size

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        """B transitions, with their rewards under the present weights."""
        places = self._draws.integers(0, self.size(), batch_size)
        rewards = -(self.objectives[places] @ self.weights)
        numbers = (
            self.observations[places, 0],
            self.actions[places, 0],
            self.next_observations[places, 0],
            self.dones[places],
            rewards.astype(np.float32)[:, None],
        )
        return ReplayBufferSamples(*map(self.to_torch, numbers))

    def state_dict(self) -> dict[str, Any]:
        """All transitions that are held, and where the next one goes."""
        held = {name: part[: self.size()].copy() for name, part in self._parts().items()}
        return {"next": self.pos, "full": self.full, **held}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self.pos, self.full = int(state["next"]), bool(state["full"])
        if not 0 <= self.pos < self.buffer_size:
            raise ValueError(f"the next place is {self.pos} of {self.buffer_size}")
        for name, part in self._parts().items():
            put_back(part[: self.size()], state[name])

    def _parts(self) -> dict[str, Any]:
        names = ("observations", "next_observations", "actions", "dones", "objectives")
        return {name: getattr(self, name) for name in names}


def observed(numbers: int, choices: int) -> spaces.Box:
    """What a network is shown: what is observed, then which of the choices may be made."""
    return spaces.Box(-np.inf, np.inf, (numbers + choices,), np.float32)
