"""The common problem: what every engine learns, and under which settings.

Every engine plays the reference instance and makes, for every environment step, one gradient step of a batch of 32 on
a network of three hidden layers of 64, out of a replay of 16,384 transitions. The replay is full before the clock runs
(RLlib's alone holds 1,024 transitions then: filling it would take longer than all the rest). With 16 copies of the
environment to a member it makes 16 gradient steps after every step of all copies: acting comes cheaper, the ratio is
the same.
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

from mamo_cli.domains.faas.domain import FaasDomain, build, load
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.learners.dqn.settings import LearnerConfig

INSTANCE = InstanceConfig()
LEARNER = LearnerConfig()
ALPHA = 0.8
EPSILON = 0.05
LEARNING_RATE = 1e-3
ENVIRONMENT = "mamo/ReplicaScaling-v0"

_WEIGHTS = [inputs * outputs for inputs, outputs in pairwise((4, *LEARNER.hidden, INSTANCE.max_replicas))]
# Five passes of two FLOP a weight and transition: states by the online network, states after them by both networks,
# and back for the weights and for the inputs (which the first layer does not need).
FLOP_PER_UPDATE = 2 * LEARNER.batch_size * (5 * sum(_WEIGHTS) - _WEIGHTS[0])


class Engine(Protocol):
    """A population ready to be timed: built, compiled, warm, its replays full."""

    version: str
    replay: str

    def advance(self) -> int:
        """Play and learn for a while; returns the gradient steps made, summed over members."""
        ...


Build = Callable[[int, int, int], Engine]  # members, copies, threads


@cache
def domain() -> FaasDomain:
    """The reference instance."""
    return build(INSTANCE, load(INSTANCE))


def make_environment() -> Any:
    """One copy of the reference instance with Gymnasium's interface."""
    import gymnasium

    import mamo_cli.domains.faas.gym_env  # noqa: F401 -- registers the environment

    return gymnasium.make(ENVIRONMENT, alpha=ALPHA, disable_env_checker=True)
