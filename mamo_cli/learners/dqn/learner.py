"""Population deep Q-learning: K independent agents trained together.

The same code is the task-execution agent (objectives: cost and violations, weighed by alpha) and the weight-adaptation
agent (one objective: its reward). The network sees what all agents of the problem observe, number by number, and has C
outputs for each of them; an agent's reward depends on its own objectives, so each learns its own values, and the
chooser makes a joint choice of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.acting import make_act
from mamo_cli.learners.dqn.compiled_networks import CompiledNetworks, Parts, PopulationNetworks
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.learners.dqn.parts import CHOOSERS, MIXERS, NETWORKS, OPTIMISERS, TARGETS, chooser_for, part
from mamo_cli.learners.dqn.replay import PrioritisedReplay
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.exploration import explorations, greedily
from mamo_cli.learners.protocol import Exploration, Shape


def build(config: LearnerConfig, shape: Shape, streams: Sequence[MemberStreams], device: str = "cpu") -> "DQN":
    """K untrained agents; see `registry`."""
    return DQN(config, shape, streams, device)


def refuse(config: LearnerConfig, shape: Shape) -> None:
    """Say what it cannot do; see `registry`.

    Raises:
        UsageError: the agents share a budget that the chooser does not know, or there is one, who shares no rewards.
    """
    if config.sharing and shape.agents == 1:
        raise UsageError("learner.sharing is of rewards between agents, and here one acts: leave it out")
    chooser_for(config.chooser, shape.use is not None)


class DQN:
    """K agents with prioritised replay; member k's numbers depend on stream k alone."""

    def __init__(
        self,
        config: LearnerConfig,
        shape: Shape,
        streams: Sequence[MemberStreams],
        device: str = "cpu",
        warm_up: int | None = None,
    ) -> None:
        """K untrained agents.

        Args:
            config: parts, network, replay and optimiser settings.
            shape: of the problem.
            streams: K members' random streams.
            device: where the networks are: "cpu", compiled; any other, in torch.
            warm_up: transitions of each member before the first gradient step; None for a batch of different ones.
        """
        self.config, self._shape = config, shape
        self._streams = list(streams)
        self._draws = [member["replay"] for member in self._streams]
        self._warm_up = config.batch_size if warm_up is None else warm_up
        self._alive = np.ones(len(self._streams), dtype=np.bool_)
        widths = (self.inputs(shape), *config.hidden, shape.agents * shape.choices)
        parts = Parts(
            network=part(NETWORKS, config.network),
            target=part(TARGETS, config.target),
            chooser=part(CHOOSERS, chooser_for(config.chooser, shape.use is not None)),
            mixer=part(MIXERS, config.mixer),
            optimiser=part(OPTIMISERS, config.optimiser),
        )
        starts = [member["initialisation"] for member in self._streams]
        networks = np.stack([parts.network.initial(widths, shape.agents, rng) for rng in starts])
        mixers = np.stack([parts.mixer.initial(widths[0], shape.agents, rng) for rng in starts])
        self._parameters, initial = networks.shape[1], np.concatenate((networks, mixers), 1)
        rules = Rules(
            discount=config.discount,
            importance_exponent=config.importance_exponent,
            priority_exponent=config.priority_exponent,
            max_gradient_norm=config.max_gradient_norm,
            target_interval=config.target_interval,
            sharing=config.sharing,
        )
        self._act, self._use = make_act(parts.chooser), shape.units()
        separate = shape.agents if config.separate else 1
        self._networks: PopulationNetworks
        if device == "cpu":
            self._networks = CompiledNetworks(parts, widths, self._parameters, initial, rules, shape, separate)
        else:
            from mamo_cli.learners.dqn.torch_networks import TorchNetworks  # torch takes its time to import

            self._networks = TorchNetworks(parts, widths, self._parameters, initial, rules, shape, device, separate)
        self.replay = PrioritisedReplay(len(self._streams), config.replay_capacity, shape)

    # ------------------------------------------- what a kind of it does otherwise

    def inputs(self, shape: Shape) -> int:
        """Numbers that the networks see."""
        return shape.agents * shape.observation

    def weighed(self, updates: int, weights: FloatArray) -> FloatArray:
        """By what the transitions of the coming updates are weighed, see `make_update`, under weights `(K, A, M)`."""
        return weights[:, None, None]

    # ------------------------------------------------------------------ acting

    def q_values(self, values: Float32Array, policies: AnyFloatArray | None = None) -> Float32Array:
        """Values `(K, E, A, C)` of every choice where `(K, E, A, O)` is observed; 0 for frozen members."""
        return self._networks.values(values, self._alive, policies)

    def act(
        self, seen: Seen, exploration: Exploration | None = None, policies: AnyFloatArray | None = None
    ) -> IntArray:
        """Choices `(K, E, A)`: greedy, or explored where told to; a frozen member takes the first it may."""
        chosen = exploration or greedily(seen.values.shape[:3])
        q = self.q_values(seen.values, policies)
        budgets = self._shape.budgets(seen)
        return self._act(q, seen.mask, self._use, budgets, chosen.uniforms, chosen.epsilon, chosen.choices)

    def policies(self) -> Float32Array:
        """`(K, D)` the online networks' parameters; mixers are for learning alone."""
        return self._networks.parameters()[:, : self._parameters].copy()

    def begin_with(self, policies: AnyFloatArray) -> None:
        """Go on from policies `(K, D)`, as `policies` gives them, online and target networks alike.

        The optimiser, the replay and a mixer stay as they are: untrained.

        Raises:
            ValueError: they are of other networks.
        """
        state = self._networks.state_dict()
        for networks in ("online", "target"):
            put_back(state[networks][:, : self._parameters], np.asarray(policies, dtype=np.float32))
        self._networks.load_state_dict(state)

    def explorations(self, epsilon: FloatArray, copies: int) -> list[Exploration]:
        """A block of exploration for the coming steps, one for each epsilon, each member's from its own stream."""
        return explorations(self._streams, self._shape, epsilon, copies)

    # ---------------------------------------------------------------- learning

    def store(self, seen: Seen, actions: IntArray, step: Step) -> None:
        """Keep E transitions of each member, the objectives apart, each agent's times what it counts for."""
        if self._shape.priorities is not None:
            counts = self._shape.agents * self._shape.priorities[:, None]
            step = step._replace(objectives=step.objectives * counts)
        self.replay.add(seen, actions, step)

    def learn(self, updates: int, weights: FloatArray, learning_rate: float) -> FloatArray | None:
        """Gradient steps of every member, one after another.

        Args:
            updates: U, how many.
            weights: `(K, A, M)` of the objectives.
            learning_rate: the optimiser's step size.

        Returns:
            `(K,)` losses: Huber, importance-weighted, mean over batch, agents and steps; NaN for frozen members. None
            before the warm-up is over.
        """
        uniforms = np.empty((len(self._draws), updates, self.config.batch_size))
        for member, rng in enumerate(self._draws):
            rng.random(out=uniforms[member])
        if self.replay.size < self._warm_up:
            return None
        return self._networks.learn(self.replay, uniforms, self.weighed(updates, weights), learning_rate, self._alive)

    def forget(self, member: int) -> None:
        """Let a member learn only from what comes: at least one transition before it learns again."""
        self.replay.forget(member)

    def diverged(self) -> BoolArray:
        """`(K,)` members with a parameter that is not finite."""
        return np.array([not np.isfinite(row).all() for row in self._networks.parameters()])

    def freeze(self, members: BoolArray) -> None:
        """Compute nothing more for these members `(K,)`."""
        self._alive &= ~members

    # -------------------------------------------------------------- resumption

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs but what is the caller's: random streams, and who is frozen."""
        return {"networks": self._networks.state_dict(), "replay": self.replay.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._networks.load_state_dict(state["networks"])
        self.replay.load_state_dict(state["replay"])
