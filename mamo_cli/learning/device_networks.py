"""The networks of a population on a GPU: the update of `kernels.learn` as batched tensor operations.

Environments and replays stay with the processor; states go out and TD errors come back at every update, so it pays
for thousands of members. On one device results repeat bit for bit for the same population; another device rounds
differently, and so may the same one where the population is larger or smaller, as its library then picks other kernels
(on the processor members are independent to the last bit). A test holds the two kinds of networks together.
"""

import functools
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import huber_loss, leaky_relu

from mamo_cli.learning import equations, kernels, optimiser, perceptron
from mamo_cli.learning.equations import Rules
from mamo_cli.learning.kernels import Float32Array, FloatArray
from mamo_cli.learning.replay import PrioritisedReplay


class DeviceNetworks:
    """Networks held in tensors of any device and differentiated by autograd."""

    def __init__(self, widths: Sequence[int], initial: Float32Array, rules: Rules, branches: int, device: str) -> None:
        """See `CompiledNetworks`; branches: F, of the action. device: as torch names it."""
        self._widths, self._rules, self._branches = list(widths), rules, branches
        self._online = torch.nn.Parameter(torch.tensor(initial, device=device))
        self._target = self._online.detach().clone()
        self._optimiser = torch.optim.Adam(
            [self._online], betas=(optimiser.BETA1, optimiser.BETA2), eps=optimiser.EPSILON, fused=True
        )
        self._moments = {
            "step": torch.zeros((), device=device),
            "exp_avg": torch.zeros_like(self._target),
            "exp_avg_sq": torch.zeros_like(self._target),
        }
        self._optimiser.state[self._online] = self._moments
        self._updates = 0

    @torch.no_grad()
    def values(self, observations: Float32Array) -> Float32Array:
        """Outputs `(K, E, outputs)` of the online networks at observations `(K, E, observation)`."""
        outputs: Float32Array = self._forward(self._online, self._sent(observations)).cpu().numpy()
        return outputs

    def learn(
        self, replay: PrioritisedReplay, uniforms: FloatArray, weights: FloatArray, learning_rate: float
    ) -> FloatArray:
        """Gradient steps of every member, one for each of the uniforms `(U, K, B)`; see `kernels.learn`."""
        self._optimiser.param_groups[0]["lr"] = learning_rate
        sent = self._sent(weights)
        losses = functools.reduce(torch.add, [self._step(replay, drawn, sent) for drawn in uniforms])
        mean: FloatArray = (losses / len(uniforms)).cpu().numpy()
        return mean

    def _step(self, replay: PrioritisedReplay, uniforms: FloatArray, weights: Tensor) -> Tensor:
        rules, (_, size) = self._rules, uniforms.shape
        branches, objectives = weights.shape[1:]
        places, probability, *drawn = kernels.sample_members(replay.memory, uniforms)
        states, outcomes = (self._sent(part) for part in drawn)
        actions = outcomes[..., :branches].to(torch.int64)[..., None]
        kept_apart = outcomes[..., branches:-1].view(*uniforms.shape, branches, objectives)
        rewards = (kept_apart * weights[:, None]).sum(-1)
        importance = self._sent((probability / probability.min(1, keepdims=True)) ** -rules.importance_exponent)
        with torch.no_grad():
            best = self._branched(self._forward(self._online, states[:, size:])).argmax(-1, keepdim=True)
            following = self._branched(self._forward(self._target, states[:, size:])).gather(-1, best)[..., 0]
            goal = rewards + rules.discount * outcomes[..., -1:] * following
        chosen = self._branched(self._forward(self._online, states[:, :size])).gather(-1, actions)[..., 0]
        losses = (importance[..., None] * huber_loss(chosen, goal, reduction="none")).mean((1, 2))
        self._optimiser.zero_grad()
        torch.autograd.backward(losses.sum())  # a sum, so that a member's gradient is its own
        gradient = self._online.grad
        assert gradient is not None
        gradient *= (rules.max_gradient_norm / gradient.norm(dim=1, keepdim=True)).clamp(max=1.0)
        self._optimiser.step()
        self._updates += 1
        if self._updates % rules.target_interval == 0:
            self._target.copy_(self._online.detach())
        error = (chosen - goal).detach().abs().amax(-1).cpu().numpy().astype(np.float64)
        kernels.prioritise_members(replay.memory, places, (error + equations.PRIORITY_FLOOR) ** rules.priority_exponent)
        return losses.detach().to(torch.float64)

    def _forward(self, parameters: Tensor, signal: Tensor) -> Tensor:
        start = 0
        for layer, (inputs, outputs) in enumerate(pairwise(self._widths)):
            if layer:
                signal = leaky_relu(signal, float(perceptron.LEAK))
            bias, end = start + inputs * outputs, start + (inputs + 1) * outputs
            weight = parameters[:, start:bias].view(-1, inputs, outputs)
            signal = torch.baddbmm(parameters[:, None, bias:end], signal, weight)
            start = end
        return signal

    def _branched(self, outputs: Tensor) -> Tensor:
        """`(K, B, F A)` as `(K, B, F, A)`."""
        return outputs.view(*outputs.shape[:-1], self._branches, -1)

    def _sent(self, array: FloatArray | Float32Array) -> Tensor:
        return torch.from_numpy(array).to(self._online.device, torch.float32)

    def parameters(self) -> Float32Array:
        """`(K, D)` of the online networks."""
        rows: Float32Array = self._online.detach().cpu().numpy()
        return rows

    def state_dict(self) -> dict[str, Any]:
        """Parameters and moments, each `(K, D)`, and how many updates were made."""
        return {"updates": self._updates, **{name: part.detach().cpu().clone() for name, part in self._parts().items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._updates = state["updates"]
        self._moments["step"].fill_(self._updates)
        for name, part in self._parts().items():
            if state[name].shape != part.shape:
                raise ValueError(f"{name} of shape {tuple(state[name].shape)} stands where {tuple(part.shape)} belongs")
            part.detach().copy_(state[name])

    def _parts(self) -> dict[str, Tensor]:
        moments = {"adam_mean": self._moments["exp_avg"], "adam_square": self._moments["exp_avg_sq"]}
        return {"online": self._online, "target": self._target, **moments}
