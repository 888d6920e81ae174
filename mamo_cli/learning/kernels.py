"""Double deep Q-learning with prioritised replay, compiled: what one member computes, and loops over members.

Products of matrices go to BLAS; everything between them is a plain loop. Members are taken one after another and each
makes all its gradient steps before the next begins, so its networks stay in the core's own cache; and as no number of
one member is touched by another's, a member's results cannot depend on its company.

Axes: K members, U updates, B transitions of a batch, N transitions of the replay, E environments of a member,
F functions (one branch of the action each), A actions of a branch, M objectives, D parameters of a network. `_tm1` is
the time before the action, `_t` the time after it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.compiled import compiled
from mamo_cli.learning.equations import Rules, temporal_difference
from mamo_cli.learning.optimiser import adam
from mamo_cli.learning.perceptron import backward, forward
from mamo_cli.learning.priorities import draw, set_priorities

Float32Array = NDArray[np.float32]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Networks(NamedTuple):
    """Every member's networks and Adam's moments, each `(K, D)`; see `forward` for how a row is laid out."""

    online: Float32Array
    target: Float32Array
    adam_mean: Float32Array
    adam_square: Float32Array


class Memory(NamedTuple):
    """Every member's replay of N transitions."""

    states: Float32Array  # (K, N, 2, observation): the state before a transition and the one after it
    outcomes: Float32Array  # (K, N, F + F M + 1): actions, objectives, and 1, or 0 where the episode terminated
    sums: FloatArray  # (K, 2 leaves): sum tree of priorities; node i has the children 2i and 2i + 1, node 1 is the root
    largest: FloatArray  # (K, 1) largest priority so far


@compiled
def values(online: Float32Array, widths: IntArray, observations: Float32Array) -> Float32Array:
    """Outputs `(K, E, F A)` of every member's network at observations `(K, E, observation)`."""
    members, rows, size = observations.shape
    outputs = np.empty((members, rows, widths[-1]), dtype=np.float32)
    activations = np.empty(rows * widths.sum(), dtype=np.float32)
    for k in range(members):
        activations[: rows * size] = observations[k].ravel()
        forward(online[k], widths, activations)
        outputs[k] = activations[activations.size - rows * widths[-1] :].reshape((rows, widths[-1]))
    return outputs


@compiled
def choose(q: Float32Array, explore: BoolArray, random_actions: IntArray) -> IntArray:
    """Actions `(K, E, F)`: the greedy ones by values `(K, E, F, A)`, or the given random ones where told to explore."""
    members, copies, branches, _ = q.shape
    actions = random_actions.copy()
    for k in range(members):
        for e in range(copies):
            for f in range(branches):
                if not explore[k, e, f]:
                    actions[k, e, f] = np.argmax(q[k, e, f])
    return actions


@compiled
def store(
    memory: Memory,
    first: int,
    obs_tm1: Float32Array,
    actions: IntArray,
    objectives: FloatArray,
    obs_t: Float32Array,
    continues: Float32Array,
) -> None:
    """Put E transitions of every member into the ring from place `first` on, at the largest priority so far.

    Args:
        memory: changed.
        first: 0..N-1.
        obs_tm1: `(K, E, observation)`.
        actions: `(K, E, F)`.
        objectives: `(K, E, F, M)`.
        obs_t: `(K, E, observation)`.
        continues: `(K, E)`, 0 where the episode terminated.
    """
    members, count, branches, weighed = objectives.shape
    places = (first + np.arange(count)) % memory.states.shape[1]
    for k in range(members):
        for e in range(count):
            state, outcome = memory.states[k, places[e]], memory.outcomes[k, places[e]]
            for i in range(state.shape[1]):
                state[0, i], state[1, i] = obs_tm1[k, e, i], obs_t[k, e, i]
            for f in range(branches):
                outcome[f] = actions[k, e, f]
                for m in range(weighed):
                    outcome[branches + f * weighed + m] = objectives[k, e, f, m]
            outcome[-1] = continues[k, e]
        set_priorities(memory.sums[k], places, np.full(count, memory.largest[k, 0]))


@compiled
def sample(
    memory: Memory,
    k: int,
    uniforms: FloatArray,
    places: IntArray,
    probability: FloatArray,
    states: Float32Array,
    outcomes: Float32Array,
) -> None:
    """Draw B transitions of a member, one from each of B equal strata of the priorities' sum.

    Args:
        memory: the replay.
        k: the member.
        uniforms: `(B,)` in [0, 1), where in its stratum each falls.
        places: `(B,)`, to be filled.
        probability: `(B,)`, to be filled: with which each was drawn.
        states: `(2B, observation)`, to be filled: first the B states before the transitions, then the B after them.
        outcomes: `(B, F + F M + 1)`, to be filled.
    """
    size = places.size
    draw(memory.sums[k], (np.arange(size) + uniforms) / size, places, probability)
    for b in range(size):
        for i in range(states.shape[1]):
            states[b, i] = memory.states[k, places[b], 0, i]
            states[size + b, i] = memory.states[k, places[b], 1, i]
        for i in range(outcomes.shape[1]):
            outcomes[b, i] = memory.outcomes[k, places[b], i]


@compiled
def prioritise(memory: Memory, k: int, places: IntArray, priorities: FloatArray) -> None:
    """Set a member's priorities `(B,)` at `places` and remember the largest."""
    set_priorities(memory.sums[k], places, priorities)
    memory.largest[k, 0] = max(memory.largest[k, 0], priorities.max())


@compiled
def learn(
    networks: Networks,
    memory: Memory,
    widths: IntArray,
    rules: Rules,
    uniforms: FloatArray,
    weights: FloatArray,
    learning_rate: float,
    count: int,
    losses: FloatArray,
) -> None:
    """U gradient steps of every member.

    Args:
        networks: moved.
        memory: sampled from; its priorities are mended.
        widths: of the inputs, the hidden layers and the outputs.
        rules: settings.
        uniforms: `(U, K, B)` in [0, 1): one draw falls into each of B equal strata of the priorities' sum.
        weights: `(K, F, M)` of the objectives in the reward.
        learning_rate: Adam's step size.
        count: gradient steps made before.
        losses: `(K,)`, to which each step's loss is added.
    """
    updates, members, size = uniforms.shape
    activations = np.empty(2 * size * widths.sum(), dtype=np.float32)
    after = np.empty(size * widths.sum(), dtype=np.float32)
    slopes = np.empty((2, size * widths.max()), dtype=np.float32)
    turned = np.empty(widths.max() ** 2, dtype=np.float32)
    gradient = np.empty(networks.online.shape[1], dtype=np.float32)
    outcomes = np.empty((size, memory.outcomes.shape[2]), dtype=np.float32)
    places, probability, priority = np.empty(size, dtype=np.int64), np.empty(size), np.empty(size)
    states = activations[: 2 * size * widths[0]].reshape((2 * size, widths[0]))
    q = activations[activations.size - 2 * size * widths[-1] :].reshape((2 * size, widths[-1]))
    q_t_target = after[after.size - size * widths[-1] :].reshape((size, widths[-1]))
    slope = slopes[0, : size * widths[-1]].reshape((size, widths[-1]))
    for k in range(members):
        online, target = networks.online[k], networks.target[k]
        for u in range(updates):
            sample(memory, k, uniforms[u, k], places, probability, states, outcomes)
            after[: size * widths[0]] = states[size:].ravel()
            forward(online, widths, activations)
            forward(target, widths, after)
            losses[k] += temporal_difference(q, q_t_target, outcomes, probability, weights[k], rules, slope, priority)
            prioritise(memory, k, places, priority)
            backward(online, widths, activations, size, slopes, turned, gradient)
            step = count + u + 1
            mean, square = networks.adam_mean[k], networks.adam_square[k]
            adam(online, mean, square, gradient, rules.max_gradient_norm, learning_rate, step)
            if step % rules.target_interval == 0:
                target[:] = online


@compiled
def sample_members(memory: Memory, uniforms: FloatArray) -> tuple[IntArray, FloatArray, Float32Array, Float32Array]:
    """Draw a batch of every member; see `sample`.

    Args:
        memory: the replay.
        uniforms: `(K, B)` in [0, 1).

    Returns:
        places `(K, B)`, probability `(K, B)`, states `(K, 2B, observation)` and outcomes `(K, B, F + F M + 1)`.
    """
    members, size = uniforms.shape
    places, probability = np.empty((members, size), dtype=np.int64), np.empty((members, size))
    states = np.empty((members, 2 * size, memory.states.shape[3]), dtype=np.float32)
    outcomes = np.empty((members, size, memory.outcomes.shape[2]), dtype=np.float32)
    for k in range(members):
        sample(memory, k, uniforms[k], places[k], probability[k], states[k], outcomes[k])
    return places, probability, states, outcomes


@compiled
def prioritise_members(memory: Memory, places: IntArray, priorities: FloatArray) -> None:
    """Set every member's priorities `(K, B)` at `places` and remember the largest."""
    for k in range(len(places)):
        prioritise(memory, k, places[k], priorities[k])
