"""One member's agent: Stable-Baselines3's DQN with its own network, optimiser, loss and target update.

What it is shown ends in the mask, so that the target, too, looks at what may be chosen alone.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, Float32Array, FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.learners.sb3.replay import WeighedReplay, observed


class _Numbers(BaseFeaturesExtractor):
    """What is observed, without the mask behind it."""

    def forward(self, shown: Tensor) -> Tensor:
        return shown[:, : self.features_dim]


class _MaskedNetwork(QNetwork):
    """Values of all choices; the least there is where the mask forbids one."""

    def forward(self, obs: Any) -> Tensor:
        values = super().forward(obs)
        return values.masked_fill(obs[:, self.features_dim :] < 0.5, torch.finfo(values.dtype).min)


class _MaskedPolicy(DQNPolicy):
    def make_q_net(self) -> QNetwork:
        return _MaskedNetwork(**self._update_features_extractor(self.net_args)).to(self.device)


class _Spaces(gymnasium.Env[Any, Any]):
    """What Stable-Baselines3 wants to be told of a problem; it is never played."""

    def __init__(self, shape: Shape) -> None:
        self.observation_space = observed(shape.observation, shape.choices)
        self.action_space = spaces.Discrete(shape.choices)


class Member:
    """A DQN whose every draw comes from its member's own streams."""

    def __init__(self, config: LearnerConfig, shape: Shape, streams: MemberStreams, device: str) -> None:
        """Args: config: settings. shape: of the problem. streams: the member's. device: where the network is."""
        self._rate = 0.0
        with _torch_draws(streams["initialisation"]):
            self._dqn = DQN(
                _MaskedPolicy,
                _Spaces(shape),
                learning_rate=lambda _: self._rate,
                buffer_size=config.replay_capacity,
                batch_size=config.batch_size,
                gamma=config.discount,
                replay_buffer_class=WeighedReplay,
                replay_buffer_kwargs={"objectives": shape.objectives, "draws": streams["replay"]},
                target_update_interval=config.target_interval,
                max_grad_norm=config.max_gradient_norm,
                policy_kwargs={
                    "net_arch": list(config.hidden),
                    "features_extractor_class": _Numbers,
                    "features_extractor_kwargs": {"features_dim": shape.observation},
                },
                device=device,
            )
        self._dqn.set_logger(Logger(None, []))
        self._former = copy.deepcopy(self._dqn.q_net)  # where policies of before are put to be asked
        assert isinstance(self._dqn.replay_buffer, WeighedReplay)
        self.replay = self._dqn.replay_buffer

    def values(self, numbers: Float32Array, policy: AnyFloatArray | None = None) -> Float32Array:
        """Values `(E, C)` where numbers `(E, O)` are observed, by the present network or by a policy of before."""
        network = self._dqn.q_net
        if policy is not None:
            network = self._former
            vector_to_parameters(
                torch.as_tensor(policy, dtype=torch.float32, device=self._dqn.device), network.parameters()
            )
        with torch.no_grad():
            found: Float32Array = network.q_net(torch.as_tensor(numbers, device=self._dqn.device)).cpu().numpy()
        return found

    def learn(self, updates: int, weights: FloatArray, learning_rate: float) -> float:
        """Gradient steps under weights `(M,)`, each followed by the target's; returns their mean loss."""
        self._rate, self.replay.weights = learning_rate, weights
        losses = []
        for _ in range(updates):
            self._dqn.train(1, self._dqn.batch_size)
            self._dqn._on_step()
            losses.append(self._dqn.logger.name_to_value["train/loss"])
        return float(np.mean(losses))

    def parameters(self) -> Float32Array:
        """`(D,)` of the present network."""
        return _flat(self._dqn.q_net)

    def state_dict(self) -> dict[str, Any]:
        """Networks, moments, how many updates were made, and the replay."""
        moments = self._dqn.policy.optimizer.state_dict()["state"]
        return {
            "online": _flat(self._dqn.q_net),
            "target": _flat(self._dqn.q_net_target),
            "moments": [
                {name: part.cpu().numpy().copy() for name, part in moments[i].items()} for i in sorted(moments)
            ],
            "updates": self._dqn._n_calls,
            "replay": self.replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        for name, network in (("online", self._dqn.q_net), ("target", self._dqn.q_net_target)):
            row = _flat(network)
            put_back(row, state[name])
            vector_to_parameters(torch.as_tensor(row, device=self._dqn.device), network.parameters())
        optimiser = self._dqn.policy.optimizer
        moments = [{name: torch.as_tensor(part) for name, part in each.items()} for each in state["moments"]]
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": dict(enumerate(moments)), "param_groups": groups})
        self._dqn._n_calls = int(state["updates"])
        self.replay.load_state_dict(state["replay"])


def shown(values: Float32Array, mask: BoolArray) -> Float32Array:
    """What a network is shown, `(E, O + C)`, of values `(E, O)` and mask `(E, C)`."""
    return np.concatenate((values, mask), -1, dtype=np.float32)


def _flat(network: QNetwork) -> Float32Array:
    row: Float32Array = parameters_to_vector(network.parameters()).detach().cpu().numpy().copy()
    return row


@contextmanager
def _torch_draws(rng: np.random.Generator) -> Iterator[None]:
    """Let torch, which has one random state for all, draw what a member's stream says, and put its own back."""
    before = torch.get_rng_state()
    torch.set_rng_state(torch.Generator().manual_seed(int(rng.integers(2**63))).get_state())
    try:
        yield
    finally:
        torch.set_rng_state(before)
