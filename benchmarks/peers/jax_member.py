"""One member of the compiled JAX loop: the environment's dynamics, the replay and the update as pure functions."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.peers import sum_tree
from benchmarks.problem import ALPHA, EPSILON, INSTANCE, LEARNER, LEARNING_RATE, domain

CAPACITY = LEARNER.replay_capacity
FEATURES = 4
# A row of the replay: observation, next observation, action, cost, rejection.
ROW = 2 * FEATURES + 3
PRIORITY_FLOOR = 1e-3


class Node(NamedTuple):
    """The reference instance as arrays; see `ScalingEnvironment` for the dynamics."""

    expected: jax.Array  # (T,) scaled
    actual: jax.Array  # (T,) requests/s
    caps: jax.Array  # (T,)
    table: jax.Array  # (N * L, 2) rejection, and its rise to the next rate
    rates: int
    root_step: float
    limit: int


class Member(NamedTuple):
    """One agent: its learner, its replay and its copies of the environment."""

    online: Any
    target: Any
    adam: Any
    rows: jax.Array  # (capacity, ROW)
    tree: sum_tree.Levels
    largest: jax.Array
    observation: jax.Array  # (E, FEATURES)


def node() -> Node:
    """The instance that everyone learns, in single precision."""
    source = domain().case.training
    values = np.asarray(source.table.values[0])
    rise = np.diff(values, axis=-1, append=values[:, -1:])
    return Node(
        expected=jnp.asarray(source.trace.expected_rate_rps[:, 0] / source.rate_scale_rps, jnp.float32),
        actual=jnp.asarray(source.trace.actual_rate_rps[:, 0], jnp.float32),
        caps=jnp.asarray(source.max_replicas[:, 0], jnp.int32),
        table=jnp.asarray(np.stack((values, rise), -1).reshape(-1, 2), jnp.float32),
        rates=values.shape[-1],
        root_step=source.table.root_step,
        limit=source.replica_choices,
    )


def optimiser() -> Any:
    """Adam on one flat vector, the gradient clipped."""
    return optax.flatten(optax.chain(optax.clip_by_global_norm(LEARNER.max_gradient_norm), optax.adam(LEARNING_RATE)))


def advance(place: Node, copies: int, member: Member, clock: jax.Array, draws: Any) -> Member:
    """One step of E copies, then E gradient steps.

    Args:
        place: the environment.
        copies: E.
        member: the agent before.
        clock: how many steps each copy has made.
        draws: uniforms `(E,)` whether to explore, what then, and the rate's deviation; `(E, B)` of the batches.
    """
    explore, wanted, deviation, uniforms = draws
    length = place.expected.shape[0]
    steps = (clock + jnp.arange(copies) * length // copies) % length
    greedy = forward(member.online, member.observation).argmax(-1)
    action = jnp.where(explore < EPSILON, (wanted * place.limit).astype(jnp.int32), greedy)
    cost, rejection, observation = play(place, steps, action, INSTANCE.noise * (2.0 * deviation - 1.0))
    rows = jnp.concatenate((member.observation, observation, jnp.stack((action, cost, rejection), -1)), -1)
    member = remember(member._replace(observation=observation), rows, clock * copies % CAPACITY)
    if copies == 1:
        return learn(member, uniforms[0], clock)
    numbered = (uniforms, clock * copies + jnp.arange(copies))
    return jax.lax.scan(lambda carry, drawn: (learn(carry, *drawn), None), member, numbered)[0]


def forward(layers: Any, states: jax.Array) -> jax.Array:
    """Values `(B, A)` of states `(B, FEATURES)`."""
    for weight, bias in layers[:-1]:
        states = jax.nn.relu(states @ weight + bias)
    weight, bias = layers[-1]
    return states @ weight + bias


def play(place: Node, step: jax.Array, action: jax.Array, deviation: jax.Array) -> tuple[jax.Array, ...]:
    """One period of E copies at steps `(E,)`; returns cost, rejection `(E,)` and observations `(E, FEATURES)`."""
    replicas = jnp.minimum(action + 1, place.caps[step])
    position = jnp.sqrt(place.actual[step] * (1.0 + deviation)) / place.root_step
    left = jnp.floor(position)
    value = place.table[(replicas - 1) * place.rates + left.astype(jnp.int32)]
    rejection = value[:, 0] + value[:, 1] * (position - left)
    after = (step + 1) % place.expected.shape[0]
    cost = replicas / place.limit
    observation = jnp.stack((place.expected[after], cost, rejection, place.caps[after] / place.limit), -1)
    return cost, rejection, observation


def remember(member: Member, rows: jax.Array, first: jax.Array) -> Member:
    """Store E transitions from row `first` on, at the largest priority."""
    copies = rows.shape[0]
    stored = jax.lax.dynamic_update_slice_in_dim(member.rows, rows, first, 0)
    leaves = jax.lax.dynamic_update_slice_in_dim(member.tree[0], jnp.full(copies, member.largest), first, 0)
    tree = sum_tree.mended(leaves, member.tree, first + jnp.arange(copies))
    return member._replace(rows=stored, tree=tree)


def learn(member: Member, uniforms: jax.Array, count: jax.Array) -> Member:
    """One gradient step: `uniforms` `(B,)` choose the batch, `count` when to copy to the target network."""
    size = LEARNER.batch_size
    places, probability = sum_tree.sample(member.tree, (jnp.arange(size) + uniforms) / size)
    rows = member.rows[places]
    before, after = rows[:, :FEATURES], rows[:, FEATURES : 2 * FEATURES]
    actions = rows[:, 2 * FEATURES].astype(jnp.int32)
    reward = -((1.0 - ALPHA) * rows[:, -2] + ALPHA * rows[:, -1])
    best = forward(member.online, after).argmax(-1)
    target = reward + LEARNER.discount * picked(forward(member.target, after), best)
    importance = (CAPACITY * probability) ** -LEARNER.importance_exponent
    importance = importance / importance.max()

    def loss(layers: Any) -> tuple[jax.Array, jax.Array]:
        error = picked(forward(layers, before), actions) - target
        return (importance * optax.huber_loss(error)).mean(), error

    (_, error), gradient = jax.value_and_grad(loss, has_aux=True)(member.online)
    change, adam = optimiser().update(gradient, member.adam)
    online = optax.apply_updates(member.online, change)
    copy = count % LEARNER.target_interval == 0
    priority = (jnp.abs(error) + PRIORITY_FLOOR) ** LEARNER.priority_exponent
    return member._replace(
        online=online,
        target=jax.tree.map(lambda new, old: jnp.where(copy, new, old), online, member.target),
        adam=adam,
        tree=sum_tree.mended(member.tree[0].at[places].set(priority), member.tree, places),
        largest=jnp.maximum(member.largest, priority.max()),
    )


def picked(values: jax.Array, actions: jax.Array) -> jax.Array:
    """The values `(B,)` of one action each, out of `(B, A)`."""
    return jnp.take_along_axis(values, actions[:, None], -1)[:, 0]
