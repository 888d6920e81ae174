"""Population double DQN: K independent agents trained together.

The same code is the task-execution agent (objectives: cost and rejection, weighed by alpha) and the weight-adaptation
agent (one objective: its reward). An action has F branches, one a function, each with its own A values; a branch's
reward depends on its own objectives, so each branch learns its own value and the greedy joint action is the branches'
greedy actions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.config import LearnerConfig
from mamo_cli.learning import kernels
from mamo_cli.learning.device_networks import DeviceNetworks
from mamo_cli.learning.equations import Rules
from mamo_cli.learning.kernels import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.learning.networks import CompiledNetworks, PopulationNetworks, initial_parameters
from mamo_cli.learning.replay import PrioritisedReplay
from mamo_cli.seeding import MemberStreams


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
        device: str = "cpu",
    ) -> None:
        """K untrained agents.

        Args:
            config: network, replay and optimiser settings.
            observation_size: numbers an observation holds.
            branches: F, functions acted on at once.
            actions: A, choices for each function.
            objectives: M, objectives stored with each transition.
            streams: K members' random streams.
            device: where the networks are.
        """
        self.config = config
        self._streams = list(streams)
        self._shape = (branches, actions)
        widths = (observation_size, *config.hidden, branches * actions)
        initial = initial_parameters(widths, [member["initialisation"] for member in self._streams])
        rules = Rules(
            discount=config.discount,
            importance_exponent=config.importance_exponent,
            priority_exponent=config.priority_exponent,
            max_gradient_norm=config.max_gradient_norm,
            target_interval=config.target_interval,
        )
        self._networks: PopulationNetworks = (
            CompiledNetworks(widths, initial, rules)
            if device == "cpu"
            else DeviceNetworks(widths, initial, rules, branches, device)
        )
        self.replay = PrioritisedReplay(
            len(self._streams), config.replay_capacity, observation_size, branches, actions, objectives
        )

    # ------------------------------------------------------------------ acting

    def q_values(self, observations: Float32Array) -> Float32Array:
        """Values `(K, E, F, A)` of every action at observations `(K, E, observation)`."""
        return self._networks.values(observations).reshape(*observations.shape[:2], *self._shape)

    def act(self, observations: Float32Array, explore: BoolArray, random_actions: IntArray) -> IntArray:
        """Greedy actions, or the given random ones where told to explore.

        Args:
            observations: `(K, E, observation)`.
            explore: `(K, E, F)`.
            random_actions: `(K, E, F)`.

        Returns:
            `(K, E, F)` indices of actions.
        """
        actions: IntArray = kernels.choose(self.q_values(observations), explore, random_actions)
        return actions

    def draw_exploration(self, epsilon: FloatArray, environments: int) -> tuple[BoolArray, IntArray]:
        """Draw a block of exploration for the coming steps, each member from its own stream.

        Args:
            epsilon: `(steps,)` probability of a random action at each step.
            environments: E, environments each member acts in.

        Returns:
            explore `(steps, K, E, F)` and random actions `(steps, K, E, F)`.
        """
        branches, actions = self._shape
        shape = (len(epsilon), environments, branches)
        explore, chosen = [], []
        for streams in self._streams:
            rng = streams["exploration"]
            explore.append(rng.random(shape) < epsilon[:, None, None])
            chosen.append(rng.integers(0, actions, shape))
        return np.stack(explore, 1), np.stack(chosen, 1)

    # ---------------------------------------------------------------- learning

    @property
    def ready(self) -> bool:
        """Whether the replay holds a batch."""
        return self.replay.size >= self.config.batch_size

    def draw_replay(self, updates: int) -> FloatArray:
        """Draw the uniforms `(updates, K, B)` that the coming updates' batches are sampled with."""
        shape = (updates, self.config.batch_size)
        return np.stack([streams["replay"].random(shape) for streams in self._streams], 1)

    def learn(self, uniforms: FloatArray, weights: FloatArray, learning_rate: float) -> FloatArray:
        """Gradient steps of every member, one after another.

        Args:
            uniforms: `(U, K, B)` from `draw_replay`.
            weights: `(K, F, M)` of the objectives in the reward.
            learning_rate: Adam's step size.

        Returns:
            `(K,)` losses: Huber, importance-weighted, mean over batch, branches and steps.
        """
        return self._networks.learn(self.replay, uniforms, weights, learning_rate)

    def diverged(self) -> BoolArray:
        """`(K,)` members with a parameter that is not finite."""
        return np.array([not np.isfinite(row).all() for row in self._networks.parameters()])

    # -------------------------------------------------------------- resumption

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs but the random streams, which are the caller's."""
        return {"networks": self._networks.state_dict(), "replay": self.replay.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._networks.load_state_dict(state["networks"])
        self.replay.load_state_dict(state["replay"])
