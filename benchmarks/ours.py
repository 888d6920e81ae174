"""The population engine of this package."""

import numba
import numpy as np

import mamo_cli
from benchmarks.problem import ALPHA, EPSILON, LEARNER, LEARNING_RATE, domain
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.protocol import Shape
from mamo_cli.runs.engine import limit_threads
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.settings import PhaseConfig

STEPS = 64  # environment steps of each member in one call
FILLING_COPIES = 1024


class Ours:
    """All members of one process, as a run has them."""

    replay = "prioritised"
    version = f"{mamo_cli.__version__} (Numba {numba.__version__})"

    def __init__(self, members: int, copies: int, device: str, filled: int) -> None:
        self._shard = filled_shard(members, 0, copies, device, filled)
        self._weights = weights(members)
        self._updates = members * STEPS

    def advance(self) -> int:
        """One iteration."""
        self._shard.train_iteration(0, self._weights)
        return self._updates


def build(members: int, copies: int, threads: int, device: str = "cpu", filled: int | None = None) -> Ours:
    """Fill all replays, then learn a little so that nothing is done for the first time when the clock runs.

    Threads are one whatever is asked for: a second core gets a process of its own.
    """
    limit_threads()
    engine = Ours(members, copies, device, filled or LEARNER.replay_capacity)
    engine.advance()
    return engine


def weights(members: int) -> FloatArray:
    """Every member's weights `(K, 1, 2)` of cost and rejection."""
    return weights_of(np.full((members, 1), ALPHA))


def population(members: int, first: int, copies: int, updates: int, steps: int, device: str = "cpu") -> TaskAgents:
    """Members with seeds from `first` on."""
    phase = PhaseConfig(
        iterations=1,
        iteration_steps=steps,
        environments=copies,
        updates_per_step=updates,
        epsilon=((0.0, EPSILON),),
        learning_rate=((0.0, LEARNING_RATE),),
    )
    streams = [MemberStreams(first + member, "te") for member in range(members)]
    learner = DQN(LEARNER, Shape.of(domain().spec), streams, device)
    return TaskAgents(domain(), learner, phase, streams)


def filled_shard(members: int, first: int, copies: int, device: str, filled: int) -> TaskAgents:
    """Members whose replays hold so much, put there by as many copies of the environment as make it quick."""
    filler = population(members, first, FILLING_COPIES, 1, filled // FILLING_COPIES, device)
    filler.train_iteration(0, weights(members))
    shard = population(members, first, copies, copies, STEPS // copies, device)
    shard.load_state_dict({**shard.state_dict(), "learner": filler.state_dict()["learner"]})
    return shard
