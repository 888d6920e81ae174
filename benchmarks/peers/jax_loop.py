"""Double DQN with prioritised replay whose whole loop is one compiled JAX program, as PureJaxRL builds them.

Environment, replay and update run inside one `lax.scan`, mapped over members by `vmap`. What was found to pay: a sum
tree of radix 4 (a binary one is six times as slow on a CPU, one of radix 128 five times), a replay of one array so
that one gather brings a batch, random numbers drawn for a whole call at once, one flat vector under the optimiser.
"""

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import sum_tree
from benchmarks.peers.jax_member import CAPACITY, FEATURES, ROW, Member, advance, node, optimiser
from benchmarks.problem import LEARNER

STEPS = 256  # environment steps of each member in one compiled call


class JaxLoop:
    """Members advanced by whole compiled calls."""

    replay = "prioritised"
    version = f"JAX {jax.__version__}"

    def __init__(self, members: int, copies: int) -> None:
        self._updates = members * STEPS
        self._state = (start(members, copies), jnp.int32(0), jax.random.key(1))
        self._call = jax.jit(partial(call, members, copies), donate_argnums=0)

    def advance(self) -> int:
        """One compiled call."""
        self._state = jax.block_until_ready(self._call(self._state))
        return self._updates


def build(members: int, copies: int, threads: int) -> JaxLoop:
    """Compile and warm up; how many threads XLA takes follows from the cores the process may use."""
    engine = JaxLoop(members, copies)
    engine.advance()
    engine.advance()
    return engine


def call(members: int, copies: int, state: Any) -> Any:
    """`STEPS` environment steps and as many gradient steps of every member."""
    population, clock, key = state
    key, first, second = jax.random.split(key, 3)
    calls = STEPS // copies
    acting = jax.random.uniform(first, (calls, 3, members, copies))
    learning = jax.random.uniform(second, (calls, members, copies, LEARNER.batch_size))
    step = jax.vmap(partial(advance, node(), copies), in_axes=(0, None, (0, 0, 0, 0)))

    def one(carry: Any, draws: Any) -> Any:
        population, clock = carry
        acting, learning = draws
        return (step(population, clock, (*acting, learning)), clock + 1), None

    (population, clock), _ = jax.lax.scan(one, (population, clock), (acting, learning))
    return population, clock, key


def start(members: int, copies: int) -> Member:
    """Members with random networks and replays full of random transitions (made in NumPy: nothing to compile)."""
    rng = np.random.default_rng(0)
    place = node()
    widths = (FEATURES, *LEARNER.hidden, place.limit)
    layers = []
    for inputs, outputs in pairwise(widths):
        bound = inputs**-0.5
        layers.append(
            tuple(
                rng.uniform(-bound, bound, (members, *shape)).astype(np.float32)
                for shape in ((inputs, outputs), (outputs,))
            )
        )
    rows = rng.random((members, CAPACITY, ROW), dtype=np.float32)
    rows[..., 2 * FEATURES] = np.floor(rows[..., 2 * FEATURES] * place.limit)
    population = Member(
        online=layers,
        target=layers,
        adam=jax.vmap(optimiser().init)(jax.tree.map(jnp.asarray, layers)),
        rows=rows,
        tree=tuple(np.repeat(level[None], members, 0) for level in sum_tree.create(np.ones(CAPACITY, np.float32))),
        largest=np.ones(members, np.float32),
        observation=np.zeros((members, copies, FEATURES), np.float32),
    )
    return jax.tree.map(jnp.array, population)
