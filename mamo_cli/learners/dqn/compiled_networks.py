"""The networks of a population on the processor: NumPy arrays that the compiled update works on."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, Float32Array, FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.learners.dqn.acting import make_values
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.learners.dqn.replay import PrioritisedReplay
from mamo_cli.learners.dqn.update import Layout, Networks, make_update
from mamo_cli.learners.protocol import Shape

# Gradient steps in one compiled call, about 0.2 s: Python hears a signal only between two of them.
LONGEST_CALL = 4096


class Parts(NamedTuple):
    """The modules a learner is put together from; see `parts`."""

    network: Any
    target: Any
    chooser: Any
    mixer: Any
    optimiser: Any


class PopulationNetworks(Protocol):
    """K members' online and target networks, wherever they are, and the optimiser that moves them."""

    def values(self, observed: Float32Array, alive: BoolArray, parameters: AnyFloatArray | None = None) -> Float32Array:
        """Values `(K, E, A, C)` where `(K, E, A, O)` is observed; 0 for the frozen.

        By the online networks, or by those with parameters `(K, D)`, the mixer's left out.
        """
        ...

    def learn(
        self,
        replay: PrioritisedReplay,
        uniforms: FloatArray,
        weights: FloatArray,
        learning_rate: float,
        alive: BoolArray,
    ) -> FloatArray:
        """Gradient steps of every member, by uniforms `(K, U, B)` and weights `(K, U, B, A, M)`; see `make_update`."""
        ...

    def parameters(self) -> Float32Array:
        """`(K, D)` of the online networks: the networks' own first, then the mixers'."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Parameters and moments, each `(K, D)`, and how many updates were made."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...


class CompiledNetworks:
    """Networks that the processor's compiled loops move."""

    def __init__(
        self,
        parts: Parts,
        widths: Sequence[int],
        network: int,
        initial: Float32Array,
        rules: Rules,
        shape: Shape,
        separate: int = 1,
    ) -> None:
        """K networks.

        Args:
            parts: modules.
            widths: of inputs, hidden layers, outputs.
            network: how many parameters of a row are the network's; the mixer's follow.
            initial: `(K, D)` parameters.
            rules: settings.
            shape: of the problem.
            separate: parts of a row that learn nothing of each other.
        """
        self._update = make_update(*parts)
        self._values = make_values(parts.network)
        self._layout = Layout(np.array(widths), network, shape.units(), separate)
        self._rules = rules
        self._networks = Networks(initial.copy(), initial.copy(), np.zeros_like(initial), np.zeros_like(initial))
        self._updates = 0

    def values(self, observed: Float32Array, alive: BoolArray, parameters: AnyFloatArray | None = None) -> Float32Array:
        """Values `(K, E, A, C)` of what is observed, by the online networks or others; 0 for the frozen."""
        online = self._networks.online if parameters is None else np.ascontiguousarray(parameters, dtype=np.float32)
        return self._values(online, alive, self._layout.widths, self._layout.network, observed)

    def learn(
        self,
        replay: PrioritisedReplay,
        uniforms: FloatArray,
        weights: FloatArray,
        learning_rate: float,
        alive: BoolArray,
    ) -> FloatArray:
        """Gradient steps of every member, by uniforms `(K, U, B)` and weights `(K, U, B, A, M)`; see `make_update`."""
        members, updates, _ = uniforms.shape
        losses = np.zeros(members)
        block = max(LONGEST_CALL // members, 1)
        for start in range(0, updates, block):
            part, weighed = (
                one if one.shape[1] <= block else np.ascontiguousarray(one[:, start : start + block])
                for one in (uniforms, weights)
            )
            self._update(
                self._networks, replay.memory, alive, self._layout, self._rules, part, weighed, learning_rate,
                self._updates, losses,
            )  # fmt: skip
            self._updates += part.shape[1]
        losses /= updates
        return losses

    def parameters(self) -> Float32Array:
        """`(K, D)` of the online networks."""
        return self._networks.online

    def state_dict(self) -> dict[str, Any]:
        """Parameters and moments, each `(K, D)`, and how many updates were made."""
        return {"updates": self._updates, **{name: part.copy() for name, part in self._networks._asdict().items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._updates = state["updates"]
        for name, part in self._networks._asdict().items():
            put_back(part, state[name])
