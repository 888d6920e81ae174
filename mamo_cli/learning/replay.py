"""Prioritised replay for a population, keeping the objectives of every transition apart.

The reward is never stored: when the weights of the objectives change, every stored transition stays valid and is
weighed anew when it is drawn.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mamo_cli.learning.priorities import PriorityTree


class Batch(NamedTuple):
    """Transitions drawn for K members, B each."""

    states: Tensor  # (K, 2B, observation): first the B states before the transitions, then the B states after them
    actions: Tensor  # (K, B, F) int64
    objectives: Tensor  # (K, B, F, M)
    continues: Tensor  # (K, B), 0 where the episode terminated
    indices: Tensor  # (K, B) places in the replay
    probability: Tensor  # (K, B) with which each was drawn


class PrioritisedReplay:
    """A ring of the latest `capacity` transitions of each member, drawn proportionally to their priority."""

    def __init__(
        self,
        members: int,
        capacity: int,
        observation_size: int,
        branches: int,
        objectives: int,
        device: torch.device | None = None,
    ) -> None:
        self.capacity = capacity
        self.size = 0
        self._next = 0
        self._branches = branches
        self._shape = (branches, objectives)
        self._observation_size = observation_size
        # One table of states, two rows a transition, so that one gather brings a batch ready for one product.
        self._states = torch.zeros(members, capacity, 2, observation_size, device=device)
        self._outcomes = torch.zeros(members, capacity, branches + branches * objectives + 1, device=device)
        self._tree = PriorityTree(members, capacity, device)
        self._largest = torch.ones(members, 1, dtype=torch.float64, device=device)
        self._counts: dict[int, Tensor] = {}
        self._first_row = torch.arange(members, device=device)[:, None] * capacity

    def add(self, obs_tm1: Tensor, actions: Tensor, objectives: Tensor, obs_t: Tensor, continues: Tensor) -> None:
        """Store E transitions of each member, at the largest priority seen so far.

        Args:
            obs_tm1: `(K, E, observation)`.
            actions: `(K, E, F)` indices.
            objectives: `(K, E, F, M)`.
            obs_t: `(K, E, observation)`.
            continues: `(K, E)`, 0 where the episode terminated.
        """
        members, count = actions.shape[:2]
        places = (self._strata(count) + self._next) % self.capacity
        self._states[:, places] = torch.stack((obs_tm1, obs_t), 2)
        self._outcomes[:, places] = torch.cat(
            (actions.to(torch.float32), objectives.flatten(2), continues[..., None]), -1
        )
        self._tree.set(places.expand(members, count), self._largest.expand(members, count))
        self._next = (self._next + count) % self.capacity
        self.size = min(self.size + count, self.capacity)

    def sample(self, uniforms: Tensor) -> Batch:
        """Draw B transitions of each member, one from each of B equal strata of the priorities' sum.

        Args:
            uniforms: `(K, B)` in [0, 1).
        """
        members, count = uniforms.shape
        indices, probability = self._tree.sample((self._strata(count) + uniforms) / count)
        rows = indices + self._first_row
        before = rows << 1
        both = torch.cat((before, before + 1), 1).view(-1)
        states = self._states.view(-1, self._observation_size).index_select(0, both)
        outcomes = self._outcomes.view(members * self.capacity, -1).index_select(0, rows.view(-1))
        outcomes = outcomes.view(members, count, -1)
        return Batch(
            states=states.view(members, 2 * count, self._observation_size),
            actions=outcomes[..., : self._branches].to(torch.int64),
            objectives=outcomes[..., self._branches : -1].view(members, count, *self._shape),
            continues=outcomes[..., -1],
            indices=indices,
            probability=probability.to(torch.float32),
        )

    def set_priorities(self, indices: Tensor, priorities: Tensor) -> None:
        """Replace priorities `(K, B)` at `indices` and remember the largest."""
        exact = priorities.to(torch.float64)
        self._tree.set(indices, exact)
        self._largest = torch.maximum(self._largest, exact.amax(1, keepdim=True))

    def _strata(self, count: int) -> Tensor:
        """0, 1, ..., count - 1, made once for each count."""
        if count not in self._counts:
            self._counts[count] = torch.arange(count, device=self._states.device)
        return self._counts[count]

    def state_dict(self) -> dict[str, Any]:
        """Everything held, cut to the transitions stored so far."""
        return {
            "size": self.size,
            "next": self._next,
            "states": self._states[:, : self.size].clone(),
            "outcomes": self._outcomes[:, : self.size].clone(),
            "tree": self._tree.state_dict(),
            "largest": self._largest.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self.size, self._next = state["size"], state["next"]
        self._states[:, : self.size] = state["states"]
        self._outcomes[:, : self.size] = state["outcomes"]
        self._tree.load_state_dict(state["tree"])
        self._largest = state["largest"].clone()  # may have become an inference tensor, which takes no copy
