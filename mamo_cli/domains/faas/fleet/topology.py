"""Who is joined to whom: undirected graphs over M nodes, by name."""

from typing import Literal, get_args

import numpy as np

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seeding import stream

Topology = Literal["none", "ring", "star", "full", "random"]
TOPOLOGIES = get_args(Topology)
TRIES = 1000
"""Random pairings, at most: of nodes with few neighbours each a good share is simple and connected."""


def neighbours(kind: Topology, nodes: int, degree: int, seed: int = 0) -> tuple[tuple[int, ...], ...]:
    """The neighbours of each of M nodes, rising.

    Args:
        kind: none; ring: the one before and the one after; star: the first is joined to all others; full: everybody to
            everybody; random: each to so many others, connected (the pairing model: Bollobas, 1980).
        nodes: M.
        degree: neighbours of each, of a random graph alone.
        seed: of a random graph.

    Raises:
        UsageError: no connected graph has such degrees.
    """
    if kind == "ring":
        pairs = [(i, (i + 1) % nodes) for i in range(nodes) if nodes > 1]
    elif kind == "star":
        pairs = [(0, i) for i in range(1, nodes)]
    elif kind == "full":
        pairs = [(i, j) for i in range(nodes) for j in range(i)]
    elif kind == "random":
        pairs = _random(nodes, degree, seed)
    else:
        pairs = []
    joined = [{j for pair in pairs if i in pair for j in pair} - {i} for i in range(nodes)]
    return tuple(tuple(sorted(each)) for each in joined)


def _random(nodes: int, degree: int, seed: int) -> list[tuple[int, int]]:
    if not 1 <= degree < nodes or nodes * degree % 2 or (degree == 1 and nodes > 2):
        raise UsageError(
            f"no {nodes} nodes of {degree} neighbours each are all joined: set --degree or --nodes otherwise"
        )
    rng = stream(seed, "topology")
    ends = np.repeat(np.arange(nodes), degree)
    for _ in range(TRIES):
        pairs = [tuple(sorted(pair)) for pair in rng.permutation(ends).reshape(-1, 2).tolist()]
        if len(set(pairs)) == len(pairs) and all(i != j for i, j in pairs) and _connected(nodes, pairs):
            return sorted(pairs)
    raise UsageError(f"no random graph of {nodes} nodes with {degree} neighbours each was found: take --topology full")


def _connected(nodes: int, pairs: list[tuple[int, ...]]) -> bool:
    reached, size = {0}, 0
    while len(reached) > size:
        size = len(reached)
        reached |= {j for pair in pairs if reached & set(pair) for j in pair}
    return len(reached) == nodes
