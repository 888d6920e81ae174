"""SBX: Stable-Baselines3's loop around an update compiled by JAX, uniform replay."""

from typing import Any

import flax.linen as nn
import jax
import sbx
from sbx.common.type_aliases import RLTrainState
from sbx.dqn.policies import DQNPolicy

from benchmarks.peers.sb3 import StableBaselines
from benchmarks.problem import LEARNER


class Network(nn.Module):
    """The common network: SBX's own has two hidden layers, whatever it is told."""

    actions: int

    @nn.compact
    def __call__(self, states: jax.Array) -> jax.Array:
        """Values of all actions."""
        for width in LEARNER.hidden:
            states = nn.relu(nn.Dense(width)(states))
        return nn.Dense(self.actions)(states)


class Policy(DQNPolicy):
    """SBX's policy over the common network."""

    def build(self, key: jax.Array, lr_schedule: Any) -> jax.Array:
        """Make the network and its training state, as the parent does."""
        key, drawn = jax.random.split(key)
        self.qf = Network(int(self.action_space.n))
        parameters = self.qf.init({"params": drawn}, self.observation_space.sample()[None])
        self.qf_state = RLTrainState.create(
            apply_fn=self.qf.apply,
            params=parameters,
            target_params=parameters,
            tx=self.optimizer_class(learning_rate=lr_schedule(1), **self.optimizer_kwargs),
        )
        self.qf.apply = jax.jit(self.qf.apply)
        return key


def build(members: int, copies: int, threads: int) -> StableBaselines:
    """One model; how many threads XLA takes follows from the cores the process may use."""
    if members != 1:
        raise ValueError("SBX trains one member in a process")
    engine = StableBaselines(sbx.DQN, copies, policy=Policy)
    engine.version = f"{sbx.__version__} (JAX {jax.__version__})"
    engine.advance()
    return engine
