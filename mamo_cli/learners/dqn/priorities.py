"""Proportional sampling from one member's replay: a binary sum tree (Schaul et al., 2016).

Node i has the children 2i and 2i + 1, node 1 is the root, and the leaves are the last half.
"""

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled


@compiled
def set_priorities(tree: FloatArray, places: IntArray, priorities: FloatArray) -> None:
    """Replace a member's priorities `(n,)` at `places` and mend the sums above; of equal places the last counts.

    Sums are taken anew from below, not adjusted by differences: no rounding error builds up. All climb one level at a
    time, so that the walks do not wait for each other.
    """
    nodes = np.empty(places.size, dtype=np.int64)
    for i in range(nodes.size):
        nodes[i] = places[i] + tree.size // 2
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
    mass = np.empty(uniforms.size)
    for i in range(places.size):
        mass[i], places[i] = uniforms[i] * total, 1
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
