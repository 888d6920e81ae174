"""Random choices, each member's from its own stream: the same whatever learner takes them."""

from collections.abc import Sequence

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.protocol import Exploration, Shape


def explorations(streams: Sequence[MemberStreams], shape: Shape, epsilon: FloatArray, copies: int) -> list[Exploration]:
    """A block of exploration for the coming steps, one for each epsilon, for E copies of the environment."""
    size = (len(epsilon), copies, shape.agents)
    uniforms, choices = [], []
    for member in streams:
        rng = member["exploration"]
        uniforms.append(rng.random(size))
        choices.append(rng.integers(0, shape.choices, size))
    steps = zip(np.stack(uniforms, 1), epsilon, np.stack(choices, 1), strict=True)
    return [Exploration(uniform, float(share), choice) for uniform, share, choice in steps]


def greedily(shape: tuple[int, ...]) -> Exploration:
    """No exploration, for choices of the shape `(K, E, A)`."""
    return Exploration(np.ones(shape), 0.0, np.zeros(shape, dtype=np.int64))
