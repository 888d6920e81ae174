"""The networks of a population on the processor: NumPy arrays that the compiled kernels work on.

To swap the network, change `perceptron.py` (a test holds its backward pass equal to autograd), and `DeviceNetworks`
where it is wanted on a GPU too.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch

from mamo_cli.compiled import put_back
from mamo_cli.learning import kernels
from mamo_cli.learning.equations import Rules
from mamo_cli.learning.kernels import Float32Array, FloatArray, Networks
from mamo_cli.learning.replay import PrioritisedReplay

# Gradient steps in one compiled call, about 0.2 s: Python hears a signal only between two of them.
LONGEST_CALL = 4096


class PopulationNetworks(Protocol):
    """K members' online and target networks, wherever they are, and the optimiser that moves them."""

    def values(self, observations: Float32Array) -> Float32Array:
        """Outputs `(K, E, outputs)` of the online networks at observations `(K, E, observation)`."""
        ...

    def learn(
        self, replay: PrioritisedReplay, uniforms: FloatArray, weights: FloatArray, learning_rate: float
    ) -> FloatArray:
        """Gradient steps of every member, one for each of the uniforms `(U, K, B)`; see `kernels.learn`."""
        ...

    def parameters(self) -> Float32Array:
        """`(K, D)` of the online networks."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Parameters and moments, each `(K, D)`, and how many updates were made."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...


class CompiledNetworks:
    """Networks that the processor's kernels move."""

    def __init__(self, widths: Sequence[int], initial: Float32Array, rules: Rules) -> None:
        """Args: widths: inputs, hidden layers, outputs. initial: `(K, D)` parameters. rules: settings of the update."""
        self._widths = np.array(widths)
        self._rules = rules
        self._networks = Networks(initial.copy(), initial.copy(), np.zeros_like(initial), np.zeros_like(initial))
        self._updates = 0

    def values(self, observations: Float32Array) -> Float32Array:
        """Outputs `(K, E, outputs)` of the online networks at observations `(K, E, observation)`."""
        outputs: Float32Array = kernels.values(self._networks.online, self._widths, observations)
        return outputs

    def learn(
        self, replay: PrioritisedReplay, uniforms: FloatArray, weights: FloatArray, learning_rate: float
    ) -> FloatArray:
        """Gradient steps of every member, one for each of the uniforms `(U, K, B)`; see `kernels.learn`."""
        losses = np.zeros(uniforms.shape[1])
        block = max(LONGEST_CALL // len(losses), 1)
        for start in range(0, len(uniforms), block):
            part = uniforms[start : start + block]
            kernels.learn(
                self._networks, replay.memory, self._widths, self._rules, part, weights, learning_rate, self._updates,
                losses,
            )  # fmt: skip
            self._updates += len(part)
        return losses / len(uniforms)

    def parameters(self) -> Float32Array:
        """`(K, D)` of the online networks."""
        return self._networks.online

    def state_dict(self) -> dict[str, Any]:
        """Parameters and moments, each `(K, D)`, and how many updates were made."""
        parts = {name: torch.from_numpy(part.copy()) for name, part in self._networks._asdict().items()}
        return {"updates": self._updates, **parts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._updates = state["updates"]
        for name, part in self._networks._asdict().items():
            put_back(part, state[name])


def initial_parameters(widths: Sequence[int], generators: Sequence[np.random.Generator]) -> Float32Array:
    """Parameters `(K, D)`, each member's drawn from its own generator: uniform within 1/sqrt(inputs) of a layer."""
    rows = []
    for rng in generators:
        parts = []
        for inputs, outputs in pairwise(widths):
            bound = 1.0 / np.sqrt(inputs)
            parts += [rng.uniform(-bound, bound, inputs * outputs), rng.uniform(-bound, bound, outputs)]
        rows.append(np.concatenate(parts))
    return np.stack(rows).astype(np.float32)
