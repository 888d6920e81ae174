"""Population double DQN: K independent agents trained as one batch.

The same code is the task-execution agent (objectives: cost and rejection, weighed by alpha) and the weight-adaptation
agent (one objective: its reward). An action has F branches, one a function, each with its own A values; a branch's
reward depends on its own objectives, so each branch learns its own value and the greedy joint action is the branches'
greedy actions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mamo_cli.config import LearnerConfig
from mamo_cli.learning import equations
from mamo_cli.learning.networks import PopulationMLP
from mamo_cli.learning.optimiser import FlatAdam
from mamo_cli.learning.replay import PrioritisedReplay
from mamo_cli.seeding import MemberStreams

# Added to |TD error| so that no transition is forgotten for good (Schaul et al., 2016).
_PRIORITY_FLOOR = 1e-3


class PopulationLearner:
    """K double-DQN agents with prioritised replay; member k's numbers depend on stream k alone."""

    def __init__(
        self,
        config: LearnerConfig,
        observation_size: int,
        branches: int,
        actions: int,
        objectives: int,
        streams: Sequence[MemberStreams],
    ) -> None:
        """K untrained agents.

        Args:
            config: network, replay and optimiser settings.
            observation_size: numbers an observation holds.
            branches: F, functions acted on at once.
            actions: A, choices for each function.
            objectives: M, objectives stored with each transition.
            streams: K members' random streams.
        """
        self.config = config
        self._streams = list(streams)
        self._shape = (branches, actions)
        self._width = branches * actions
        self._network = PopulationMLP(len(self._streams), (observation_size, *config.hidden, self._width))
        self._online = self._network.initialise([member["initialisation"] for member in self._streams])
        self._target = self._online.clone()
        self._gradient = torch.zeros_like(self._online)
        self._online_layers = self._network.layers(self._online)
        self._target_layers = self._network.layers(self._target)
        self._gradient_layers = self._network.layers(self._gradient)
        self._gradient_blocks = self._network.blocks(self._gradient)
        self._optimiser = FlatAdam(self._online)
        self.replay = PrioritisedReplay(
            len(self._streams), config.replay_capacity, observation_size, branches, objectives
        )
        self._continues = torch.ones(1, 1)
        self.updates = 0

    # ------------------------------------------------------------------ acting

    def q_values(self, observations: Tensor) -> Tensor:
        """Values `(K, E, F, A)` of every action at observations `(K, E, observation)`."""
        return self._branched(self._network.forward(self._online_layers, observations)[-1])

    def act(self, observations: Tensor, explore: Tensor, random_actions: Tensor) -> Tensor:
        """Greedy actions, or the given random ones where told to explore.

        Args:
            observations: `(K, E, observation)`.
            explore: `(K, E, F)` bool.
            random_actions: `(K, E, F)` int64.

        Returns:
            `(K, E, F)` int64 indices of actions.
        """
        return torch.where(explore, random_actions, self.q_values(observations).argmax(-1))

    def draw_exploration(self, epsilon: NDArray[np.float64], environments: int) -> tuple[Tensor, Tensor]:
        """Draw a block of exploration for the coming steps, each member from its own stream.

        Args:
            epsilon: `(steps,)` probability of a random action at each step.
            environments: E, environments each member acts in.

        Returns:
            explore `(steps, K, E, F)` bool and random actions `(steps, K, E, F)` int64.
        """
        branches, actions = self._shape
        shape = (len(epsilon), environments, branches)
        explore, chosen = [], []
        for streams in self._streams:
            rng = streams["exploration"]
            explore.append(rng.random(shape) < epsilon[:, None, None])
            chosen.append(rng.integers(0, actions, shape))
        return torch.from_numpy(np.stack(explore, 1)), torch.from_numpy(np.stack(chosen, 1))

    # ---------------------------------------------------------------- learning

    def remember(self, obs_tm1: Tensor, actions: Tensor, objectives: Tensor, obs_t: Tensor) -> None:
        """Store E transitions of each member that no termination followed (see `PrioritisedReplay.add`)."""
        self.replay.add(
            obs_tm1, actions, objectives.to(torch.float32), obs_t, self._continues.expand(actions.shape[:2])
        )

    @property
    def ready(self) -> bool:
        """Whether the replay holds a batch."""
        return self.replay.size >= self.config.batch_size

    def draw_replay(self, updates: int) -> Tensor:
        """Draw the uniforms `(updates, K, B)` that the coming updates' batches are sampled with."""
        shape = (updates, self.config.batch_size)
        return torch.from_numpy(np.stack([streams["replay"].random(shape) for streams in self._streams], 1))

    def update(self, uniforms: Tensor, weights: Tensor, learning_rate: float) -> Tensor:
        """One gradient step of every member.

        Args:
            uniforms: `(K, B)` from `draw_replay`.
            weights: `(K, F, M)` of the objectives in the reward.
            learning_rate: Adam's step size.

        Returns:
            `(K,)` losses: Huber, importance-weighted, mean over batch and branches.
        """
        config, size = self.config, self.config.batch_size
        batch = self.replay.sample(uniforms)
        activations = self._network.forward(self._online_layers, batch.states)
        q_online = self._branched(activations[-1])
        q_t_target = self._branched(self._network.forward(self._target_layers, batch.states[:, size:])[-1])
        target = equations.double_q_target(
            equations.scalarize(batch.objectives, weights),
            config.discount * batch.continues,
            q_online[:, size:],
            q_t_target,
        )
        td_error = q_online[:, :size].gather(-1, batch.actions[..., None]).squeeze(-1) - target
        importance = equations.importance_weights(batch.probability, self.replay.size, config.importance_exponent)
        share = (importance / td_error[0].numel())[..., None]
        slope = torch.zeros_like(activations[-1][:, :size])
        self._branched(slope).scatter_(
            -1, batch.actions[..., None], (share * equations.huber_slope(td_error))[..., None]
        )
        before = [activation[:, :size] for activation in activations]
        self._network.backward(self._online_layers, before, slope, self._gradient_layers)
        self._clip_gradient()
        self._optimiser.step(self._gradient, learning_rate)
        self.updates += 1
        if self.updates % config.target_interval == 0:
            self._target.copy_(self._online)
        priority = (td_error.abs().amax(-1) + _PRIORITY_FLOOR).pow(config.priority_exponent)
        self.replay.set_priorities(batch.indices, priority)
        return (share * equations.huber_loss(td_error)).flatten(1).sum(1)

    def _branched(self, outputs: Tensor) -> Tensor:
        """View padded network outputs `(K, B, width)` as `(K, B, F, A)`."""
        return outputs[..., : self._width].view(*outputs.shape[:-1], *self._shape)

    def _clip_gradient(self) -> None:
        """Scale each member's gradient to at most the configured norm: one member's never touches another's."""
        scale = self.config.max_gradient_norm / self._network.norms(self._gradient_blocks)
        if bool((scale < 1.0).any()):  # rare; members below the limit are multiplied by exactly 1
            for block in self._gradient_blocks:
                block.mul_(scale.clamp(max=1.0).view(-1, *[1] * (block.dim() - 1)))

    def diverged(self) -> NDArray[np.bool_]:
        """`(K,)` members with a parameter that is not finite."""
        return ~self._network.by_member(self._online).isfinite().all(1).numpy()

    # -------------------------------------------------------------- resumption

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs but the random streams, which are the caller's."""
        return {
            **{name: self._network.by_member(vector) for name, vector in self._vectors().items()},
            "optimiser": self._optimiser.state_dict(),
            "replay": self.replay.state_dict(),
            "updates": self.updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        for name, vector in self._vectors().items():
            self._network.load_by_member(vector, state[name])
        self._optimiser.load_state_dict(state["optimiser"])
        self.replay.load_state_dict(state["replay"])
        self.updates = state["updates"]

    def _vectors(self) -> dict[str, Tensor]:
        return {
            "online": self._online,
            "target": self._target,
            "adam_mean": self._optimiser.mean,
            "adam_square": self._optimiser.square,
        }
