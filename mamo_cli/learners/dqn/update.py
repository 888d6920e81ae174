"""Deep Q-learning with prioritised replay, put together from parts and compiled as one loop over members.

Products of matrices go to BLAS; everything between them is a plain loop. Members are taken one after another and each
makes all its gradient steps before the next begins, so its networks stay in the core's own cache; and as no number of
one member is touched by another's, a member's results cannot depend on its company.

Axes: K members, U updates, B transitions of a batch, A agents, C choices of an agent, M objectives, D parameters of a
member. `_tm1` is the time before the choice, `_t` the time after it.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.core.weights import scalarize
from mamo_cli.learners.dqn.equations import (
    PRIORITY_FLOOR,
    Rules,
    huber_loss,
    huber_slope,
    importance_weight,
    share_rewards,
)
from mamo_cli.learners.dqn.replay import Batch, Memory, make_sample, prioritise


class Networks(NamedTuple):
    """Every member's networks and the optimiser's two vectors, each `(K, D)`; a network says how a row is laid out."""

    online: Float32Array
    target: Float32Array
    mean: Float32Array
    square: Float32Array


class Layout(NamedTuple):
    """What the numbers of every member stand for."""

    widths: IntArray  # of the network's inputs, hidden layers and outputs
    network: int  # parameters of the network, which come first; the mixer's follow
    use: IntArray  # (A, C): units of the agents' budget that each choice takes
    separate: int = 1  # rows consist of so many parts, as long as one another, that learn nothing of each other


class Mixing(NamedTuple):
    """A member's mixer, P parameters; see `parts`."""

    online: Float32Array  # (P,)
    target: Float32Array  # (P,)
    gradient: Float32Array  # (P,), to be filled
    kept: Float32Array  # what `mix` keeps for `unmix`


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
def make_temporal_difference(target: Any, chooser: Any, mixer: Any) -> Callable[..., float]:
    """The errors of a batch, by a target, a chooser and a mixer of `parts`."""
    bootstrap, choose = target.bootstrap, chooser.choose
    mix, unmix, learnt = mixer.mix, mixer.unmix, mixer.learnt

    @compiled
    def temporal_difference(
        q: Float32Array,
        q_t_target: Float32Array,
        batch: Batch,
        weights: FloatArray,
        use: IntArray,
        rules: Rules,
        mixing: Mixing,
        slope: Float32Array,
        priority: FloatArray,
    ) -> float:
        """All of a member's update that lies between the networks' forward and backward pass.

        Args:
            q: `(2B, A C)` values by the online network, of the B states before and the B states after.
            q_t_target: `(B, A C)` values of the states after by the target network.
            batch: what happened.
            weights: `(B, A, M)` of the objectives, or `(1, A, M)` for all transitions.
            use: `(A, C)` units of the agents' budget that each choice takes.
            rules: settings.
            mixing: the mixer; its gradient is filled.
            slope: `(B, A C)`, to be filled with the loss's derivative in the values before.
            priority: `(B,)`, to be filled, from the largest TD error of a transition.

        Returns:
            The loss: Huber, importance-weighted, mean over batch and values learnt.
        """
        size, agents, choices = batch.allowed.shape
        count, loss, least = learnt(agents), 0.0, batch.probability[0]
        for probability in batch.probability:
            least = min(least, probability)
        online, target = (q[size:].reshape(batch.allowed.shape), q_t_target.reshape(batch.allowed.shape))
        chosen, following = np.empty((size, agents), dtype=np.int64), np.empty((size, agents), dtype=np.float32)
        choose(online, batch.allowed, use, batch.budgets, chosen)
        bootstrap(online, target, chosen, following)
        taken, back = np.empty((size, agents), dtype=np.float32), np.empty((size, agents), dtype=np.float32)
        for b in range(size):
            for a in range(agents):
                taken[b, a] = q[b, a * choices + batch.actions[b, a]]
        goal, mixed = np.empty((size, count), dtype=np.float32), np.empty((size, count), dtype=np.float32)
        mix(mixing.target, batch.states[size:], following, mixing.kept, goal)
        mix(mixing.online, batch.states[:size], taken, mixing.kept, mixed)
        reward = np.empty(count)
        for b in range(size):
            share = importance_weight(batch.probability[b], least, rules.importance_exponent) / (size * count)
            largest, weighed = 0.0, weights[min(b, weights.shape[0] - 1)]
            for g in range(count):
                reward[g] = 0.0
            for a in range(agents):
                reward[a if count > 1 else 0] += scalarize(batch.objectives[b, a], weighed[a])
            if rules.sharing > 0.0:
                share_rewards(reward, rules.sharing)
            for g in range(count):
                error = mixed[b, g] - (reward[g] + batch.discounts[b] * goal[b, g])
                mixed[b, g] = share * huber_slope(error)
                loss += share * huber_loss(error)
                largest = max(largest, abs(error))
            priority[b] = (largest + PRIORITY_FLOOR) ** rules.priority_exponent
        unmix(mixing.online, batch.states[:size], taken, mixing.kept, mixed, back, mixing.gradient)
        for b in range(size):
            for column in range(slope.shape[1]):
                slope[b, column] = 0.0
            for a in range(agents):
                slope[b, a * choices + batch.actions[b, a]] = back[b, a]
        return loss

    return temporal_difference


@functools.cache
def make_update(network: Any, target: Any, chooser: Any, mixer: Any, optimiser: Any) -> Callable[..., None]:
    """Gradient steps of every member, put together from `parts`."""
    forward, backward = network.forward, network.backward
    row_size, scratch_size = network.row_size, network.scratch_size
    sample, temporal_difference = make_sample(target.follow), make_temporal_difference(target, chooser, mixer)
    move, kept_size = optimiser.move, mixer.kept_size

    @compiled
    def update(
        networks: Networks,
        memory: Memory,
        alive: BoolArray,
        layout: Layout,
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
            layout: of their numbers.
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
        widths, own = layout.widths, layout.network
        inputs, outputs = widths[0], widths[-1]
        activations = np.empty(2 * size * row_size(widths, agents), dtype=np.float32)
        after = np.empty(size * row_size(widths, agents), dtype=np.float32)
        scratch = np.empty(scratch_size(widths, agents, size), dtype=np.float32)
        gradient = np.empty(networks.online.shape[1], dtype=np.float32)
        kept = np.empty(kept_size(inputs, agents, size), dtype=np.float32)
        slope, priority = np.empty((size, outputs), dtype=np.float32), np.empty(size)
        batch = Batch(
            np.empty(size, dtype=np.int64),
            np.empty(size),
            activations[: 2 * size * inputs].reshape((2 * size, inputs)),
            np.empty((size, agents), dtype=np.int64),
            np.empty((size, agents, objectives), dtype=np.float32),
            np.empty(size),
            np.empty((size, agents, outputs // agents), dtype=np.bool_),
            np.empty(size, dtype=np.int64),
        )
        q = activations[activations.size - 2 * size * outputs :].reshape((2 * size, outputs))
        q_t_target = after[after.size - size * outputs :].reshape((size, outputs))
        for k in range(members):
            if not alive[k]:
                losses[k] = np.nan
                continue
            online, target = networks.online[k], networks.target[k]
            mixing = Mixing(online[own:], target[own:], gradient[own:], kept)
            for u in range(updates):
                weighed = weights[k, min(u, weights.shape[1] - 1)]
                sample(memory, k, uniforms[k, u], rules.discount, batch)
                show(weighed, batch.states, memory.states.shape[3])
                for b in range(size):
                    for i in range(inputs):
                        after[b * inputs + i] = batch.states[size + b, i]
                forward(online[:own], widths, agents, activations)
                forward(target[:own], widths, agents, after)
                losses[k] += temporal_difference(
                    q, q_t_target, batch, weighed, layout.use, rules, mixing, slope, priority
                )
                prioritise(memory, k, batch.places, priority)
                backward(online[:own], widths, agents, activations, size, slope, scratch, gradient[:own])
                step = count + u + 1
                mean, square, part = networks.mean[k], networks.square[k], online.size // layout.separate
                for start in range(0, online.size, part):
                    at = slice(start, start + part)
                    move(online[at], mean[at], square[at], gradient[at], rules.max_gradient_norm, learning_rate, step)
                if step % rules.target_interval == 0:
                    for i in range(online.size):
                        target[i] = online[i]

    return update
