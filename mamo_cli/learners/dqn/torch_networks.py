"""The same networks in torch, on any device: where an idea is tried, and what the compiled update is held against.

Everything of an update stands in `_step`, in the order of the equations, with autograd for the derivative. Environments
and replays stay with the processor; states go out and TD errors come back at every update, so on a GPU it pays for
thousands of members. On one device results repeat bit for bit for the same population; another device rounds
differently, and so may the same one where the population is larger or smaller, as its library then picks other kernels
(on the processor members are independent to the last bit).
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.functional import huber_loss

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, Float32Array, FloatArray
from mamo_cli.core.errors import UsageError
from mamo_cli.learners.dqn import equations
from mamo_cli.learners.dqn.compiled_networks import Parts
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.learners.dqn.replay import PrioritisedReplay, make_population_sample, prioritise_population
from mamo_cli.learners.protocol import Shape


class TorchNetworks:
    """Networks held in tensors of any device and differentiated by autograd."""

    def __init__(
        self,
        parts: Parts,
        widths: Sequence[int],
        network: int,
        initial: Float32Array,
        rules: Rules,
        shape: Shape,
        device: str,
        separate: int = 1,
    ) -> None:
        """See `CompiledNetworks`; device: as torch names it.

        Raises:
            UsageError: the optimiser is none of torch's.
        """
        if parts.optimiser.__name__.rpartition(".")[-1] != "adam":
            raise UsageError("--device other than cpu knows the optimiser adam alone")
        self._parts, self._rules, self._shape = parts, rules, shape
        self._aware = widths[0] > shape.agents * shape.observation
        self._sample = make_population_sample(parts.target.follow)
        with torch.device("meta"):  # its parameters are rows of `_online`
            self._network: torch.nn.Module = parts.network.in_torch(widths, shape.agents)
            self._mixer: torch.nn.Module = parts.mixer.in_torch(widths[0], shape.agents)
        self._first, self._separate = network, separate
        self._online = torch.nn.Parameter(torch.tensor(initial, device=device))
        self._target = self._online.detach().clone()
        self._optimiser = torch.optim.Adam([self._online], fused=True)
        self._use = torch.from_numpy(shape.units()).to(device)
        self._moments = {
            "step": torch.zeros((), device=device),
            "exp_avg": torch.zeros_like(self._target),
            "exp_avg_sq": torch.zeros_like(self._target),
        }
        self._optimiser.state[self._online] = self._moments
        self._updates = 0

    @torch.no_grad()
    def values(self, observed: Float32Array, alive: BoolArray, parameters: AnyFloatArray | None = None) -> Float32Array:
        """Values `(K, E, A, C)` of what is observed, by the online networks or others; 0 for the frozen."""
        joined = self._sent(observed).transpose(2, 3).flatten(2)
        online = self._online if parameters is None else self._sent(np.ascontiguousarray(parameters))
        q: Float32Array = self._values(online, joined).cpu().numpy()
        return q * alive[:, None, None, None]

    def learn(
        self,
        replay: PrioritisedReplay,
        uniforms: FloatArray,
        weights: FloatArray,
        learning_rate: float,
        alive: BoolArray,
    ) -> FloatArray:
        """Gradient steps of every member, by uniforms `(K, U, B)` and weights `(K, U, B, A, M)`; see `make_update`.

        Members that are not alive are computed with the others, whom they do not touch.
        """
        self._optimiser.param_groups[0]["lr"] = learning_rate
        sent = self._sent(weights)
        steps = [np.ascontiguousarray(drawn) for drawn in uniforms.swapaxes(0, 1)]
        weighed = sent.expand(-1, len(steps), -1, -1, -1).unbind(1)
        losses = functools.reduce(torch.add, [self._step(replay, *each) for each in zip(steps, weighed, strict=True)])
        return np.where(alive, (losses / len(steps)).cpu().numpy(), np.nan)

    def _step(self, replay: PrioritisedReplay, uniforms: FloatArray, weights: Tensor) -> Tensor:
        rules, (_, size) = self._rules, uniforms.shape
        drawn = self._sample(replay.memory, uniforms, rules.discount, self._shape.choices, self._shape.objectives)
        states, objectives, discounts = (self._sent(part) for part in (drawn.states, drawn.objectives, drawn.discounts))
        if self._aware:
            told = weights[..., 1:].transpose(-2, -1).flatten(-2).expand(-1, size, -1)
            states = torch.cat((states, told.repeat(1, 2, 1)), -1)
        allowed, actions = self._sent(drawn.allowed, torch.bool), self._sent(drawn.actions, torch.int64)[..., None]
        importance = (drawn.probability / drawn.probability.min(1, keepdims=True)) ** -rules.importance_exponent
        with torch.no_grad():
            online = self._values(self._online, states[:, size:])
            target = self._values(self._target, states[:, size:])
            budgets = self._sent(drawn.budgets, torch.int64)
            chosen = self._parts.chooser.in_torch(online, allowed, self._use, budgets)
            following = self._mixed(self._target, self._parts.target.in_torch(online, target, chosen), states[:, size:])
            learnt = following.shape[-1]
            rewards = -(objectives * weights).sum(-1).view(*following.shape[:-1], -1, learnt).sum(-2)
            if rules.sharing:
                rewards = (1.0 - rules.sharing) * rewards + rules.sharing * rewards.mean(-1, keepdim=True)
            goal = rewards + discounts[..., None] * following
        taken = self._values(self._online, states[:, :size]).gather(-1, actions)[..., 0]
        values = self._mixed(self._online, taken, states[:, :size])
        losses = (self._sent(importance)[..., None] * huber_loss(values, goal, reduction="none")).mean((1, 2))
        self._optimiser.zero_grad()
        torch.autograd.backward(losses.sum())  # a sum, so that a member's gradient is its own
        gradient = self._online.grad
        assert gradient is not None
        parts = gradient.view(len(gradient), self._separate, -1)
        parts *= (rules.max_gradient_norm / parts.norm(dim=2, keepdim=True)).clamp(max=1.0)
        self._optimiser.step()
        self._updates += 1
        if self._updates % rules.target_interval == 0:
            self._target.copy_(self._online.detach())
        error = (values - goal).detach().abs().amax(-1).cpu().numpy().astype(np.float64)
        priority = (error + equations.PRIORITY_FLOOR) ** rules.priority_exponent
        prioritise_population(replay.memory, drawn.places, priority)
        return losses.detach().to(torch.float64)

    def _values(self, parameters: Tensor, states: Tensor) -> Tensor:
        """Every member's values `(K, rows, A, C)` from its own row of parameters `(K, D)`."""
        outputs = _by_member(self._network, parameters, states)
        return outputs.view(*outputs.shape[:-1], self._shape.agents, self._shape.choices)

    def _mixed(self, parameters: Tensor, values: Tensor, states: Tensor) -> Tensor:
        """What is learnt of the agents' values `(K, rows, A)`."""
        return _by_member(self._mixer, parameters[:, self._first :], values, states)

    def _sent(self, array: Any, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.from_numpy(array).to(self._online.device, dtype)

    def parameters(self) -> Float32Array:
        """`(K, D)` of the online networks."""
        rows: Float32Array = self._online.detach().cpu().numpy()
        return rows

    def state_dict(self) -> dict[str, Any]:
        """Parameters and moments, each `(K, D)`, and how many updates were made."""
        parts = {name: part.detach().cpu().numpy().copy() for name, part in self._vectors().items()}
        return {"updates": self._updates, **parts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._updates = state["updates"]
        self._moments["step"].fill_(self._updates)
        for name, part in self._vectors().items():
            saved = torch.as_tensor(np.asarray(state[name]))
            if saved.shape != part.shape:
                raise ValueError(f"{name} of shape {tuple(saved.shape)} stands where {tuple(part.shape)} belongs")
            part.detach().copy_(saved)

    def _vectors(self) -> dict[str, Tensor]:
        moments = {"mean": self._moments["exp_avg"], "square": self._moments["exp_avg_sq"]}
        return {"online": self._online, "target": self._target, **moments}


def _by_member(module: torch.nn.Module, parameters: Tensor, *signals: Tensor) -> Tensor:
    """What a module makes of every member's signals with the first parameters of the member's own row."""
    rows, start = {}, 0
    for name, one in module.named_parameters():
        rows[name] = parameters[:, start : start + one.numel()].view(-1, *one.shape)
        start += one.numel()
    outputs: Tensor = vmap(functools.partial(functional_call, module))(rows, signals)
    return outputs
