"""A sum tree in JAX for proportional sampling: level 0 holds the priorities, each next one sums of `RADIX` of them."""

from typing import Any

import jax
import jax.numpy as jnp

RADIX = 4
Levels = tuple[jax.Array, ...]


def create(priorities: Any) -> tuple[Any, ...]:
    """The levels over `(capacity,)` priorities, a power of `RADIX` or a multiple of one, up to at most `RADIX` sums."""
    levels = [priorities]
    while levels[-1].shape[0] > RADIX:
        levels.append(levels[-1].reshape(-1, RADIX).sum(-1))
    return tuple(levels)


def mended(leaves: jax.Array, levels: Levels, places: jax.Array) -> Levels:
    """The tree over new leaves that differ from the old ones at `places` `(n,)`: sums above them are taken anew."""
    fresh = [leaves]
    for level in levels[1:]:
        places = places // RADIX
        fresh.append(level.at[places].set(fresh[-1].reshape(-1, RADIX)[places].sum(-1)))
    return tuple(fresh)


def sample(levels: Levels, uniforms: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Draw a leaf for each of `(n,)` uniforms in [0, 1), proportionally; returns places and their probabilities."""
    total = levels[-1].sum()
    mass = uniforms * total
    node = jnp.zeros(uniforms.shape, jnp.int32)
    for level in reversed(levels):
        children = level.reshape(-1, min(RADIX, level.shape[0]))[node]
        ends = children.cumsum(-1)
        branch = (mass[:, None] >= ends[:, :-1]).sum(-1)  # the last child takes what rounding leaves over
        chosen = jnp.take_along_axis(children, branch[:, None], -1)[:, 0]
        mass = mass - (jnp.take_along_axis(ends, branch[:, None], -1)[:, 0] - chosen)
        node = node * RADIX + branch
    return node, chosen / total
