"""The mixer `monotone`: one value is learnt of all, which rises with that of each agent (QMIX; Rashid et al., 2018).

The agents' values pass through one hidden layer of exponential linear units. The weights of both layers are absolute
values of what a linear layer makes of the state, all that agents observe; the first layer's shift is made like them, as
it is, and the last shift by two layers with a rectifier. The mixer is there in training only: who acts looks at the
agents' values alone. Where agents share no budget, what is best for each is best for the mixed value; where they do,
`knapsack` takes the greatest sum of their values, which need not be the greatest mixed value.

With S numbers of a state, A agents and H hidden units the parameters are: weights `(S, (A + 3) H)` and shifts
`((A + 3) H,)` of the linear layer, whose outputs are the first layer's weights, agent after agent, its shift, the
second layer's weights, and the hidden layer of the last shift; then the latter's weights `(H,)` and shift `(1,)`.
"""

from typing import TYPE_CHECKING

import numpy as np

from mamo_cli.core.arrays import Float32Array
from mamo_cli.core.compiled import compiled
from mamo_cli.learners.dqn.summed import learnt

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["in_torch", "initial", "kept_size", "learnt", "mix", "unmix"]

HIDDEN = 32
ONE = np.float32(1.0)


def in_torch(inputs: int, agents: int) -> "Module":
    """The mixer as it is meant, a module of torch: a test holds `mix` and `unmix` equal to it."""
    from mamo_cli.learners.dqn.torch_mixers import Monotone  # torch takes its time to import

    return Monotone(inputs, agents, HIDDEN)


def initial(inputs: int, agents: int, rng: np.random.Generator) -> Float32Array:
    """Parameters to begin with: uniform within 1/sqrt(inputs) of a layer."""
    made, bound, last = (agents + 3) * HIDDEN, 1.0 / np.sqrt(inputs), 1.0 / np.sqrt(HIDDEN)
    parts = [rng.uniform(-bound, bound, (inputs + 1) * made), rng.uniform(-last, last, HIDDEN + 1)]
    return np.concatenate(parts).astype(np.float32)


@compiled
def kept_size(inputs: int, agents: int, rows: int) -> int:
    """Numbers that `mix` keeps for `unmix`: what is made of each state, and the hidden layer's sums."""
    return rows * (agents + 4) * HIDDEN


@compiled
def mix(
    parameters: Float32Array, states: Float32Array, values: Float32Array, kept: Float32Array, mixed: Float32Array
) -> None:
    """Mix the agents' values.

    Args:
        parameters: see above.
        states: `(rows, S)`.
        values: `(rows, A)`.
        kept: `(kept_size,)`, to be filled for `unmix`.
        mixed: `(rows, 1)`, to be filled.
    """
    (rows, inputs), agents = states.shape, values.shape[1]
    made = (agents + 3) * HIDDEN
    shift = parameters[inputs * made : (inputs + 1) * made]
    last = parameters[(inputs + 1) * made :]
    heads, hidden = kept[: rows * made].reshape((rows, made)), kept[rows * made :].reshape((rows, HIDDEN))
    np.dot(states, parameters[: inputs * made].reshape((inputs, made)), heads)
    for row in range(rows):
        head = heads[row]
        for i in range(made):
            head[i] += shift[i]
        total = last[HIDDEN]
        for h in range(HIDDEN):
            signal = head[agents * HIDDEN + h]
            for a in range(agents):
                signal += abs(head[a * HIDDEN + h]) * values[row, a]
            hidden[row, h] = signal
            total += abs(head[(agents + 1) * HIDDEN + h]) * (signal if signal > 0.0 else np.exp(signal) - ONE)
            total += last[h] * max(head[(agents + 2) * HIDDEN + h], np.float32(0.0))
        mixed[row, 0] = total


@compiled
def unmix(
    parameters: Float32Array,
    states: Float32Array,
    values: Float32Array,
    kept: Float32Array,
    slope: Float32Array,
    back: Float32Array,
    gradient: Float32Array,
) -> None:
    """Write the gradient of a loss in the parameters and in the agents' values.

    Args:
        parameters: as `mix` took them.
        states: as `mix` took them.
        values: as `mix` took them.
        kept: as `mix` left it; overwritten.
        slope: `(rows, 1)` the loss's derivative in the mixed values.
        back: `(rows, A)`, to be filled: that in the agents' values.
        gradient: to be filled: that in the parameters.
    """
    (rows, inputs), agents = states.shape, values.shape[1]
    made = (agents + 3) * HIDDEN
    last, last_slope = parameters[(inputs + 1) * made :], gradient[(inputs + 1) * made :]
    heads, hidden = kept[: rows * made].reshape((rows, made)), kept[rows * made :].reshape((rows, HIDDEN))
    for i in range(inputs * made, gradient.size):
        gradient[i] = 0.0
    for row in range(rows):
        head, pull = heads[row], slope[row, 0]  # each of what was made of the state gives way to the slope in it
        for a in range(agents):
            back[row, a] = 0.0
        last_slope[HIDDEN] += pull
        for h in range(HIDDEN):
            signal, second = hidden[row, h], head[(agents + 1) * HIDDEN + h]
            steepness = ONE if signal > 0.0 else np.exp(signal)
            within = pull * abs(second) * steepness
            head[(agents + 1) * HIDDEN + h] = pull * np.sign(second) * (signal if signal > 0.0 else steepness - ONE)
            head[agents * HIDDEN + h] = within
            rectified = max(head[(agents + 2) * HIDDEN + h], np.float32(0.0))
            last_slope[h] += pull * rectified
            head[(agents + 2) * HIDDEN + h] = pull * last[h] if rectified > 0.0 else 0.0
            for a in range(agents):
                first = head[a * HIDDEN + h]
                back[row, a] += within * abs(first)
                head[a * HIDDEN + h] = within * np.sign(first) * values[row, a]
        for i in range(made):
            gradient[inputs * made + i] += head[i]
    np.dot(states.T, heads, gradient[: inputs * made].reshape((inputs, made)))
