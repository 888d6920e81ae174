"""Prioritised replay for a population, keeping the objectives of every transition apart.

The reward is never stored: when the weights of the objectives change, every stored transition stays valid and is
weighed anew when it is drawn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mamo_cli.compiled import put_back
from mamo_cli.learning import kernels
from mamo_cli.learning.kernels import Float32Array, FloatArray, IntArray, Memory


class PrioritisedReplay:
    """A ring of the latest `capacity` transitions of each member, drawn proportionally to their priority.

    Attributes:
        size: transitions held of each member.
        memory: where they are.
    """

    def __init__(
        self, members: int, capacity: int, observation_size: int, branches: int, actions: int, objectives: int
    ) -> None:
        self.size = 0
        self._branches, self._actions = branches, actions
        self._next = 0
        self._capacity = capacity
        self._first_leaf = 1 << (capacity - 1).bit_length()
        self.memory = Memory(
            states=np.zeros((members, capacity, 2, observation_size), dtype=np.float32),
            outcomes=np.zeros((members, capacity, branches + branches * objectives + 1), dtype=np.float32),
            sums=np.zeros((members, 2 * self._first_leaf)),
            largest=np.ones((members, 1)),
        )

    def add(
        self,
        obs_tm1: Float32Array,
        actions: IntArray,
        objectives: FloatArray,
        obs_t: Float32Array,
        continues: Float32Array | None = None,
    ) -> None:
        """Store E transitions of each member; see `kernels.store`. Without `continues`, no episode terminated."""
        if continues is None:
            continues = np.ones(actions.shape[:2], dtype=np.float32)
        kernels.store(self.memory, self._next, obs_tm1, actions, objectives, obs_t, continues)
        self._next = (self._next + actions.shape[1]) % self._capacity
        self.size = min(self.size + actions.shape[1], self._capacity)

    def state_dict(self) -> dict[str, Any]:
        """Everything held, cut to the transitions stored so far; of the priorities the leaves, which give the sums."""
        held: dict[str, NDArray[Any]] = {
            "states": self.memory.states[:, : self.size],
            "outcomes": self.memory.outcomes[:, : self.size],
            "priorities": self._priorities()[:, : self.size],
            "largest": self.memory.largest,
        }
        parts = {name: torch.from_numpy(part.copy()) for name, part in held.items()}
        return {"size": self.size, "next": self._next, **parts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of this replay; compiled code would follow its indices anywhere.
        """
        size, following = state["size"], state["next"]
        held = {name: state[name] for name in ("states", "outcomes", "priorities", "largest")}
        actions = held["outcomes"][..., : self._branches]
        if not (isinstance(size, int) and isinstance(following, int)):
            raise ValueError(f"a replay's size and place are whole numbers, not {size!r} and {following!r}")
        if not (0 <= size <= self._capacity and 0 <= following < self._capacity):
            raise ValueError(f"a replay of {self._capacity} cannot hold {size} transitions and go on at {following}")
        if not bool(((actions >= 0) & (actions < self._actions)).all()):
            raise ValueError(f"a replay holds actions beyond 0..{self._actions - 1}")
        self.size, self._next = size, following
        self._priorities()[:] = 0.0
        ours: dict[str, NDArray[Any]] = {**self.memory._asdict(), "priorities": self._priorities()}
        for name, part in held.items():
            put_back(ours[name][:, :size] if name != "largest" else ours[name], part)
        sums, level = self.memory.sums, self._first_leaf
        while level > 1:
            pairs = sums[:, level : 2 * level]
            level //= 2
            sums[:, level : 2 * level] = pairs[:, 0::2] + pairs[:, 1::2]

    def _priorities(self) -> FloatArray:
        """`(K, capacity)` view of the leaves."""
        return self.memory.sums[:, self._first_leaf : self._first_leaf + self._capacity]
