"""The decision: from what is observed to a choice of every agent, in plain NumPy.

Nothing of training is imported. Where agents share a budget, the chooser is the one that they were trained with, which
is compiled at its first call; a test holds all of it equal to what the learner does.

A agents, C choices of an agent, O numbers observed, J policies of a mixture.
"""

from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.errors import DataError
from mamo_cli.core.seeding import stream
from mamo_cli.policies.file import About, Policy, groups

Layers = list[tuple[Float32Array, Float32Array]]

CHOOSERS = "mamo_cli.learners.dqn"
STREAM = ("te", "readout")
"""Of a member: by what a mixture's policies are drawn."""


def uniforms(seed: int, steps: int, agents: int, block: int, joint: bool) -> FloatArray:
    """`(steps, A)` in [0, 1): by what a mixture's policies are drawn in an evaluation, anew for each block of periods.

    Args:
        seed: of the member, which has a stream for this alone.
        steps: periods.
        agents: A.
        block: periods for which a policy plays on.
        joint: agents that share a budget, or are a team, have one draw.
    """
    drawn = stream(seed, *STREAM).random((-(-steps // block), 1 if joint else agents))
    return np.broadcast_to(np.repeat(drawn, block, 0)[:steps], (steps, agents))


class Draws:
    """The uniforms of `uniforms`, period by period, however many there will be."""

    def __init__(self, about: About) -> None:
        """Args: about: of the policy."""
        self._about, self._count = about, 1 if about.coupled else len(about.agents)
        self._row, self._drawn = -1, np.zeros(self._count)

    def at(self, period: int) -> FloatArray:
        """`(A,)`, or one for all, of a period counted from 0."""
        row = period // self._about.block
        if row != self._row:
            if row != self._row + 1 or row == 0:
                self._stream = stream(self._about.seed, *STREAM)
                bits = self._stream.bit_generator
                assert isinstance(bits, np.random.PCG64)
                bits.advance(row * self._count)  # a uniform is one step of it
            self._row, self._drawn = row, self._stream.random(self._count)
        return self._drawn


class Decider:
    """A policy, ready to decide."""

    def __init__(self, policy: Policy) -> None:
        """Args: policy: as its file holds it."""
        about = policy.about
        self.policy = policy
        self._networks = [_networks(row, about, policy.widths.tolist()) for row in policy.parameters]
        self._edges, self._told, self._leak = np.cumsum(policy.shares[:-1], 0), policy.told, np.float32(about.leak)
        self._shape = len(about.agents), max(about.choices)
        self._choose = None
        if about.chooser != "greedy":
            self._choose = import_module(f"{CHOOSERS}.{about.chooser}").choose

    def draws(self, steps: int, block: int) -> FloatArray:
        """`(steps, A)` uniforms, the same at every call, that an evaluation of so many periods is played by.

        Args:
            steps: periods.
            block: periods for which a policy plays on, of the problem that is evaluated.
        """
        about = self.policy.about
        return uniforms(about.seed, steps, len(about.agents), block, about.coupled)

    def decide(
        self, observed: Float32Array, allowed: BoolArray, budget: int | None = None, draw: FloatArray | float = 0.0
    ) -> IntArray:
        """The choice `(A,)` of every agent.

        Args:
            observed: `(A, O)`.
            allowed: `(A, C)` what may be chosen now.
            budget: units that all choices may take together, where agents share them.
            draw: uniforms in [0, 1) that say which policy of a mixture each agent plays by: `(A,)`, or one for all,
                which it must be where agents share a budget or are a team; new ones every `block` periods.

        Raises:
            DataError: a number that is observed, or what the network makes of it, is not finite; or no budget is told.
        """
        if budget is None and self.policy.use.any():
            raise DataError("these agents share a budget, and none was told")
        if len(self._networks) == 1:
            return self._by(0, observed, allowed, budget or 0)
        drawn = (draw >= self._edges).sum(0)
        plays = np.broadcast_to(drawn, self._shape[:1])
        first = int(plays[0])
        chosen = self._by(first, observed, allowed, budget or 0)
        for play in set(plays.tolist()) - {first}:
            chosen = np.where(plays == play, self._by(play, observed, allowed, budget or 0), chosen)
        return chosen

    def values(self, play: int, observed: Float32Array) -> Float32Array:
        """Values `(A, C)` of every choice to one of the policies, where `(A, O)` is observed."""
        seen = observed if self._told is None else np.concatenate((observed, self._told[play]), 1)
        networks = self._networks[play]
        if self.policy.about.network == "perceptron":
            rows = [
                np.asarray(seen.T, dtype=np.float32).reshape(1, -1)
            ]  # the first number of each agent, then the second
        else:
            rows = np.split(np.asarray(seen, dtype=np.float32), len(networks))  # all agents, or one after another
        values = [self._of(layers, signal) for layers, signal in zip(networks, rows, strict=True)]
        return np.concatenate(values).reshape(self._shape)

    def _of(self, layers: Layers, signal: Float32Array) -> Float32Array:
        *hidden, (weights, biases) = layers
        for inner, shift in hidden:
            signal = signal @ inner + shift
            signal = np.maximum(signal, self._leak * signal)
        return np.asarray(signal @ weights + biases)

    def _by(self, play: int, observed: Float32Array, allowed: BoolArray, budget: int) -> IntArray:
        values = self.values(play, observed)
        if not np.isfinite(values).all():
            raise DataError("what is observed, or what the policy makes of it, is not a finite number")
        if self._choose is None:
            return np.asarray(np.where(allowed, values, -np.inf).argmax(1))
        chosen: IntArray = np.empty((1, self._shape[0]), dtype=np.int64)
        self._choose(values[None], allowed[None], self.policy.use, np.array([budget]), chosen)
        return np.asarray(chosen[0])


def _networks(parameters: Float32Array, about: About, widths: Sequence[int]) -> list[Layers]:
    """The layers of each network of one policy."""
    networks, split = groups(about.network, len(about.agents))
    own = (widths[0] // split, *widths[1:-1], widths[-1] // split)
    return [_layers(row, own) for row in parameters.reshape(networks, -1)]


def _layers(parameters: Float32Array, widths: Sequence[int]) -> Layers:
    """Weights and biases of each layer of one network."""
    layers, at = [], 0
    for wide, narrow in pairwise(widths):
        bias = at + wide * narrow
        layers.append((parameters[at:bias].reshape(wide, narrow), parameters[bias : bias + narrow]))
        at = bias + narrow
    return layers
