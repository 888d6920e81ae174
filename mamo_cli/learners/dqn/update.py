"""Deep Q-learning with prioritised replay, put together from parts and compiled as one loop over members.

Products of matrices go to BLAS; everything between them is a plain loop. Members are taken one after another and each
makes all its gradient steps before the next begins, so its networks stay in the core's own cache; and as no number of
one member is touched by another's, a member's results cannot depend on its company.

Axes: K members, U updates, B transitions of a batch, E copies of a member's environment, A agents, C choices of an
agent, M objectives, D parameters of a network. `_tm1` is the time before the choice, `_t` the time after it.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.core.weights import scalarize
from mamo_cli.learners.dqn.equations import PRIORITY_FLOOR, Rules, huber_loss, huber_slope, importance_weight
from mamo_cli.learners.dqn.replay import Batch, Memory, join, make_sample, prioritise


class Networks(NamedTuple):
    """Every member's networks and the optimiser's two vectors, each `(K, D)`; a network says how a row is laid out."""

    online: Float32Array
    target: Float32Array
    mean: Float32Array
    square: Float32Array


@functools.cache
def make_values(network: Any) -> Callable[..., Float32Array]:
    """The forward pass of every member, by a network of `parts`."""
    forward, row_size = network.forward, network.row_size

    @compiled
    def values(online: Float32Array, alive: BoolArray, widths: IntArray, observed: Float32Array) -> Float32Array:
        """Values `(K, E, A, C)` where `(K, E, A, O)` is observed; 0 for members that are not alive."""
        members, rows, agents, _ = observed.shape
        choices = widths[-1] // agents
        q = np.zeros((members, rows, agents, choices), dtype=np.float32)
        activations = np.empty(rows * row_size(widths, agents), dtype=np.float32)
        states = activations[: rows * widths[0]].reshape((rows, widths[0]))
        outputs = activations[activations.size - rows * widths[-1] :].reshape((rows, widths[-1]))
        for k in range(members):
            if alive[k]:
                for row in range(rows):
                    join(observed[k, row], states[row])
                forward(online[k], widths, agents, activations)
                for row in range(rows):
                    for i in range(widths[-1]):
                        q[k, row, i // choices, i % choices] = outputs[row, i]
        return q

    return values


@compiled
def permitted(choice: int, share: float, allowed: BoolArray) -> int:
    """A uniformly random choice if it is allowed, else one drawn among those that are: each is as likely as another.

    Args:
        choice: uniform over 0..C-1.
        share: uniform in [0, 1) and independent of it; where in the list of what is allowed the second draw falls.
        allowed: `(C,)`; where nothing is, the choice stands.
    """
    count = 0
    for c in range(allowed.size):
        count += allowed[c]
    if allowed[choice] or count == 0:
        return choice
    left, found = min(int(share * count), count - 1), 0
    for c in range(allowed.size):
        if allowed[c]:
            if left == 0:
                found = c
                break
            left -= 1
    return found


@functools.cache
def make_act(chooser: Any) -> Callable[..., IntArray]:
    """How values become choices, by a chooser of `parts`."""
    choose = chooser.choose

    @compiled
    def act(
        q: Float32Array, allowed: BoolArray, uniforms: FloatArray, epsilon: float, random_choices: IntArray
    ) -> IntArray:
        """Choices `(K, E, A)`: the chooser's, or random ones where the uniforms `(K, E, A)` are below epsilon.

        Args:
            q: `(K, E, A, C)` values.
            allowed: `(K, E, A, C)` what may be chosen.
            uniforms: in [0, 1).
            epsilon: probability of a random choice.
            random_choices: `(K, E, A)`, uniform over 0..C-1.
        """
        members, copies, agents, _ = q.shape
        actions = np.empty((members, copies, agents), dtype=np.int64)
        for k in range(members):
            choose(q[k], allowed[k], actions[k])
            for e in range(copies):
                for a in range(agents):
                    if uniforms[k, e, a] < epsilon:
                        share = uniforms[k, e, a] / epsilon
                        actions[k, e, a] = permitted(random_choices[k, e, a], share, allowed[k, e, a])
        return actions

    return act


@compiled
def show(weights: FloatArray, states: Float32Array, known: int) -> None:
    """Fill what networks that know the weights see of them: the violations' weights, in both states of a transition.

    Args:
        weights: `(B, A, M)`, or `(1, A, M)` for all transitions.
        states: `(2B, inputs)`.
        known: inputs that are filled already; the first violation's weight of each agent follows, then the second's.
    """
    size, agents = states.shape[0] // 2, weights.shape[1]
    for row in range(states.shape[0]):
        weighed = weights[min(row % size, weights.shape[0] - 1)]
        for i in range(known, states.shape[1]):
            states[row, i] = weighed[(i - known) % agents, 1 + (i - known) // agents]


@functools.cache
def make_temporal_difference(target: Any, chooser: Any) -> Callable[..., float]:
    """The errors of a batch, by a target and a chooser of `parts`."""
    bootstrap, choose = target.bootstrap, chooser.choose

    @compiled
    def temporal_difference(
        q: Float32Array,
        q_t_target: Float32Array,
        batch: Batch,
        weights: FloatArray,
        rules: Rules,
        slope: Float32Array,
        priority: FloatArray,
    ) -> float:
        """All of a member's update that lies between the networks' forward and backward pass.

        Args:
            q: `(2B, A C)` values by the online network, of the B states before and the B states after.
            q_t_target: `(B, A C)` values of the states after by the target network.
            batch: what happened.
            weights: `(B, A, M)` of the objectives, or `(1, A, M)` for all transitions.
            rules: settings.
            slope: `(B, A C)`, to be filled with the loss's derivative in the values before.
            priority: `(B,)`, to be filled, from the largest TD error of a transition's agents.

        Returns:
            The loss: Huber, importance-weighted, mean over batch and agents.
        """
        size, agents, choices = batch.allowed.shape
        least, loss = batch.probability[0], 0.0
        for probability in batch.probability:
            least = min(least, probability)
        online, target = (q[size:].reshape(batch.allowed.shape), q_t_target.reshape(batch.allowed.shape))
        chosen, following = np.empty((size, agents), dtype=np.int64), np.empty((size, agents), dtype=np.float32)
        choose(online, batch.allowed, chosen)
        bootstrap(online, target, chosen, following)
        for b in range(size):
            for column in range(slope.shape[1]):
                slope[b, column] = 0.0
            share = importance_weight(batch.probability[b], least, rules.importance_exponent) / (size * agents)
            largest, weighed = 0.0, weights[min(b, weights.shape[0] - 1)]
            for a in range(agents):
                goal = scalarize(batch.objectives[b, a], weighed[a]) + batch.discounts[b] * following[b, a]
                column = a * choices + batch.actions[b, a]
                error = q[b, column] - goal
                slope[b, column] = share * huber_slope(error)
                loss += share * huber_loss(error)
                largest = max(largest, abs(error))
            priority[b] = (largest + PRIORITY_FLOOR) ** rules.priority_exponent
        return loss

    return temporal_difference


@functools.cache
def make_update(network: Any, target: Any, chooser: Any, optimiser: Any) -> Callable[..., None]:
    """Gradient steps of every member, put together from `parts`."""
    forward, backward = network.forward, network.backward
    row_size, scratch_size = network.row_size, network.scratch_size
    sample, temporal_difference = make_sample(target.follow), make_temporal_difference(target, chooser)
    move = optimiser.move

    @compiled
    def update(
        networks: Networks,
        memory: Memory,
        alive: BoolArray,
        widths: IntArray,
        rules: Rules,
        uniforms: FloatArray,
        weights: FloatArray,
        learning_rate: float,
        count: int,
        losses: FloatArray,
    ) -> None:
        """U gradient steps of every member that is alive.

        Args:
            networks: moved.
            memory: sampled from; its priorities are mended.
            alive: `(K,)`.
            widths: of the inputs, the hidden layers and the outputs.
            rules: settings.
            uniforms: `(K, U, B)` in [0, 1): one draw falls into each of B equal strata of the priorities' sum.
            weights: `(K, U, B, A, M)` of the objectives, by which a transition is weighed each time that it is drawn; U
                and B are 1 where they are the same for all. Networks with more inputs than a state has numbers see
                them, see `show`.
            learning_rate: the optimiser's step size.
            count: gradient steps made before.
            losses: `(K,)`, to which each step's loss is added; NaN for members that are not alive.
        """
        members, updates, size = uniforms.shape
        agents, objectives = weights.shape[3], weights.shape[4]
        inputs, outputs = widths[0], widths[-1]
        activations = np.empty(2 * size * row_size(widths, agents), dtype=np.float32)
        after = np.empty(size * row_size(widths, agents), dtype=np.float32)
        scratch = np.empty(scratch_size(widths, agents, size), dtype=np.float32)
        gradient = np.empty(networks.online.shape[1], dtype=np.float32)
        slope, priority = np.empty((size, outputs), dtype=np.float32), np.empty(size)
        batch = Batch(
            np.empty(size, dtype=np.int64),
            np.empty(size),
            activations[: 2 * size * inputs].reshape((2 * size, inputs)),
            np.empty((size, agents), dtype=np.int64),
            np.empty((size, agents, objectives), dtype=np.float32),
            np.empty(size),
            np.empty((size, agents, outputs // agents), dtype=np.bool_),
        )
        q = activations[activations.size - 2 * size * outputs :].reshape((2 * size, outputs))
        q_t_target = after[after.size - size * outputs :].reshape((size, outputs))
        for k in range(members):
            if not alive[k]:
                losses[k] = np.nan
                continue
            online, target = networks.online[k], networks.target[k]
            for u in range(updates):
                weighed = weights[k, min(u, weights.shape[1] - 1)]
                sample(memory, k, uniforms[k, u], rules.discount, batch)
                show(weighed, batch.states, memory.states.shape[3])
                for b in range(size):
                    for i in range(inputs):
                        after[b * inputs + i] = batch.states[size + b, i]
                forward(online, widths, agents, activations)
                forward(target, widths, agents, after)
                losses[k] += temporal_difference(q, q_t_target, batch, weighed, rules, slope, priority)
                prioritise(memory, k, batch.places, priority)
                backward(online, widths, agents, activations, size, slope, scratch, gradient)
                step = count + u + 1
                mean, square = networks.mean[k], networks.square[k]
                move(online, mean, square, gradient, rules.max_gradient_norm, learning_rate, step)
                if step % rules.target_interval == 0:
                    for i in range(online.size):
                        target[i] = online[i]

    return update
