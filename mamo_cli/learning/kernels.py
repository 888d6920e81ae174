"""Double deep Q-learning with prioritised replay, compiled: what one member computes, and loops over members.

Products of matrices go to BLAS; everything between them is a plain loop. Members are taken one after another and each
makes all its gradient steps before the next begins, so its networks stay in the core's own cache; and as no number of
one member is touched by another's, a member's results cannot depend on its company.

A compiled function and all that it calls share a module (see `mamo_cli.compiled`), which is why this one is long.

Axes: K members, U updates, B transitions of a batch, N transitions of the replay, E environments of a member,
F functions (one branch of the action each), A actions of a branch, M objectives, D parameters of a network. `_tm1` is
the time before the action, `_t` the time after it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.compiled import compiled

Float32Array = NDArray[np.float32]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# A plain rectifier that a large step has pushed below zero for all inputs never comes back, and after some dozen
# phases, each restarting the learning rate, whole networks were dead. A slight slope keeps every unit alive.
LEAK = np.float32(0.01)

# Added to |TD error| so that no transition is forgotten for good (Schaul et al., 2016).
PRIORITY_FLOOR = 1e-3

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


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


class Rules(NamedTuple):
    """Settings of the update; see `LearnerConfig`."""

    discount: float
    importance_exponent: float
    priority_exponent: float
    max_gradient_norm: float
    target_interval: int


# ----------------------------------------------------------------------------------------------------- the equations


@compiled
def scalarize(objectives: Float32Array, weights: FloatArray) -> float:
    """The reward is the weighted sum of the objectives `(M,)`: this is the one place where they meet."""
    reward = 0.0
    for m in range(len(weights)):
        reward += objectives[m] * weights[m]
    return reward


@compiled
def double_q_target(r_t: float, discount_t: float, q_t_online: Float32Array, q_t_target: Float32Array) -> float:
    """The online network picks the next action and the target network values it (van Hasselt et al., 2016).

    Args:
        r_t: reward.
        discount_t: the discount, or 0 where the episode terminated.
        q_t_online: `(A,)` values of the next state by the online network.
        q_t_target: `(A,)` values of the next state by the target network.
    """
    chosen: float = q_t_target[np.argmax(q_t_online)]
    return r_t + discount_t * chosen


@compiled
def importance_weight(probability: float, least: float, exponent: float) -> float:
    """Weight in (0, 1] that undoes the bias of prioritised sampling (Schaul et al., 2016).

    Args:
        probability: with which the transition was drawn.
        least: smallest such probability in the batch, whose weight is 1.
        exponent: beta, 0 (no correction) to 1 (full).
    """
    weight: float = (probability / least) ** -exponent
    return weight


@compiled
def huber_slope(td_error: float) -> float:
    """The slope of the Huber loss: the TD error itself, clipped to [-1, 1]."""
    return min(max(td_error, -1.0), 1.0)


@compiled
def huber_loss(td_error: float) -> float:
    """Quadratic up to an error of 1 and linear beyond."""
    slope = huber_slope(td_error)
    return slope * (td_error - 0.5 * slope)


# -------------------------------------------------------------------------------------------------------- priorities


@compiled
def set_priorities(tree: FloatArray, places: IntArray, priorities: FloatArray) -> None:
    """Replace a member's priorities `(n,)` at `places` and mend the sums above; of equal places the last counts.

    Sums are taken anew from below, not adjusted by differences: no rounding error builds up. All climb one level at a
    time, so that the walks do not wait for each other.
    """
    nodes = places + tree.size // 2
    for i in range(nodes.size):
        tree[nodes[i]] = priorities[i]
    while nodes[0] > 1:
        for i in range(nodes.size):
            nodes[i] //= 2
            tree[nodes[i]] = tree[2 * nodes[i]] + tree[2 * nodes[i] + 1]


@compiled
def draw(tree: FloatArray, uniforms: FloatArray, places: IntArray, probability: FloatArray) -> None:
    """Draw from a member's replay with probability proportional to priority.

    Args:
        tree: `(2 leaves,)`.
        uniforms: `(n,)` in [0, 1]: where in the running sum of priorities each draw falls.
        places: `(n,)`, to be filled; arbitrary ones where priorities are not finite, never one of priority 0.
        probability: `(n,)`, to be filled: with which each was drawn.
    """
    leaves, total = tree.size // 2, tree[1]
    mass = uniforms * total
    places[:] = 1
    while places[0] < leaves:
        for i in range(places.size):
            node = 2 * places[i]
            left = tree[node]
            # Never into an empty half, where rounding may point at either end. No branch: it would be a coin's toss.
            right = (mass[i] >= left) & (tree[node + 1] > 0.0)
            mass[i] -= right * left
            places[i] = node + right
    for i in range(places.size):
        probability[i] = tree[places[i]] / total
        places[i] -= leaves


# ----------------------------------------------------------------------------------------------------------- network


@compiled
def forward(parameters: Float32Array, widths: IntArray, activations: Float32Array) -> None:
    """A perceptron with leaky rectifiers.

    Args:
        parameters: `(D,)`: layer after layer, weights `(inputs, outputs)` and then biases.
        widths: of the inputs, the hidden layers and the outputs.
        activations: `(rows * sum(widths),)`: the inputs `(rows, widths[0])`, and room for what the layers make of them.
    """
    rows = activations.size // widths.sum()
    weight, inputs = 0, 0
    for layer in range(widths.size - 1):
        wide, narrow = widths[layer], widths[layer + 1]
        bias, outputs = weight + wide * narrow, inputs + rows * wide
        made = activations[outputs : outputs + rows * narrow].reshape((rows, narrow))
        np.dot(
            activations[inputs:outputs].reshape((rows, wide)),
            parameters[weight:bias].reshape((wide, narrow)),
            made,
        )
        shift = parameters[bias : bias + narrow]
        if layer < widths.size - 2:
            for row in range(rows):
                for j in range(narrow):
                    signal = made[row, j] + shift[j]
                    made[row, j] = max(signal, LEAK * signal)
        else:
            for row in range(rows):
                for j in range(narrow):
                    made[row, j] += shift[j]
        weight, inputs = bias + narrow, outputs


@compiled
def backward(
    parameters: Float32Array,
    widths: IntArray,
    activations: Float32Array,
    rows: int,
    slopes: Float32Array,
    turned: Float32Array,
    gradient: Float32Array,
) -> None:
    """Write the gradient of a loss in the parameters.

    Args:
        parameters: as `forward` took them.
        widths: as `forward` took them.
        activations: as `forward` left them.
        rows: the first so many rows of `activations` count.
        slopes: `(2, rows * max(widths))`: the loss's derivative in the outputs where `slopes[0]` begins; overwritten.
        turned: `(max(widths)^2,)`, room for a layer's weights.
        gradient: `(D,)`, overwritten.
    """
    all_rows = activations.size // widths.sum()
    end, outputs = parameters.size, activations.size - all_rows * widths[-1]
    for layer in range(widths.size - 2, -1, -1):
        wide, narrow = widths[layer], widths[layer + 1]
        bias, inputs = end - narrow, outputs - all_rows * wide
        weight = bias - wide * narrow
        slope = slopes[0, : rows * narrow].reshape((rows, narrow))
        before = activations[inputs : inputs + rows * wide].reshape((rows, wide))
        np.dot(before.T, slope, gradient[weight:bias].reshape((wide, narrow)))
        shift = gradient[bias:end]
        shift[:] = 0.0
        for row in range(rows):
            for j in range(narrow):
                shift[j] += slope[row, j]
        if layer > 0:
            below = slopes[1, : rows * wide].reshape((rows, wide))
            across, back = (
                parameters[weight:bias].reshape((wide, narrow)),
                turned[: wide * narrow].reshape((narrow, wide)),
            )
            # Transposed here: BLAS would take longer over a transposed factor of this size.
            for i in range(wide):
                for j in range(narrow):
                    back[j, i] = across[i, j]
            np.dot(slope, back, below)
            slope = slopes[0, : rows * wide].reshape((rows, wide))
            for row in range(rows):
                for j in range(wide):
                    slope[row, j] = below[row, j] if before[row, j] > 0.0 else LEAK * below[row, j]
        end, outputs = weight, inputs


@compiled
def adam(
    parameters: Float32Array,
    mean: Float32Array,
    square: Float32Array,
    gradient: Float32Array,
    max_norm: float,
    learning_rate: float,
    count: int,
) -> None:
    """A step of Adam (Kingma and Ba, 2015), the gradient `(D,)` scaled to at most a norm; `count` is 1 at the first."""
    norm = np.sqrt(np.dot(gradient, gradient))
    scale = np.float32(max_norm / norm if norm > max_norm else 1.0)
    keep1, keep2 = np.float32(BETA1), np.float32(BETA2)
    add1, add2 = np.float32(1.0 - BETA1), np.float32(1.0 - BETA2)
    rate = np.float32(learning_rate / (1.0 - BETA1**count))
    unbias, epsilon = np.float32(1.0 / np.sqrt(1.0 - BETA2**count)), np.float32(EPSILON)
    for i in range(parameters.size):
        slope = scale * gradient[i]
        # Kept in registers: read back from the arrays, they would cost twice the time.
        first, second = keep1 * mean[i] + add1 * slope, keep2 * square[i] + add2 * slope * slope
        mean[i], square[i] = first, second
        parameters[i] -= rate * first / (unbias * np.sqrt(second) + epsilon)


# ----------------------------------------------------------------------------------------------------------- members


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
def temporal_difference(
    q: Float32Array,
    q_t_target: Float32Array,
    outcomes: Float32Array,
    probability: FloatArray,
    weights: FloatArray,
    rules: Rules,
    slope: Float32Array,
    priority: FloatArray,
) -> float:
    """All of a member's update that lies between the networks' forward and backward pass.

    Args:
        q: `(2B, F A)` values by the online network, of the B states before and the B states after.
        q_t_target: `(B, F A)` values of the states after by the target network.
        outcomes: `(B, F + F M + 1)` see `Memory`.
        probability: `(B,)` with which each transition was drawn.
        weights: `(F, M)` of the objectives in the reward.
        rules: settings.
        slope: `(B, F A)`, to be filled with the loss's derivative in the values before.
        priority: `(B,)`, to be filled, from the largest TD error of a transition's branches.

    Returns:
        The loss: Huber, importance-weighted, mean over batch and branches.
    """
    size, (branches, weighed) = priority.size, weights.shape
    choices = slope.shape[1] // branches
    least, loss = probability.min(), 0.0
    slope[:] = 0.0
    for b in range(size):
        share = importance_weight(probability[b], least, rules.importance_exponent) / (size * branches)
        discount = rules.discount * outcomes[b, -1]
        largest = 0.0
        for f in range(branches):
            first, at = f * choices, branches + f * weighed
            reward = scalarize(outcomes[b, at : at + weighed], weights[f])
            online, target = q[size + b, first : first + choices], q_t_target[b, first : first + choices]
            column = first + int(outcomes[b, f])
            error = q[b, column] - double_q_target(reward, discount, online, target)
            slope[b, column] = share * huber_slope(error)
            loss += share * huber_loss(error)
            largest = max(largest, abs(error))
        priority[b] = (largest + PRIORITY_FLOOR) ** rules.priority_exponent
    return loss


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


# ------------------------------------------------------------- the replay's part of an update made on another device


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
