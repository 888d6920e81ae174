"""One play of a domain, period after period: what the faces for learners of others share."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike, NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Environment, Part, Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.settings import resolve
from mamo_cli.core.weights import rewards, shared_alpha
from mamo_cli.core.words import Words
from mamo_cli.domains import registry
from mamo_cli.domains.nearest import nearest

SEEDS = 2**63


class Brought(NamedTuple):
    """What a period brought."""

    step: Step  # of one member and one copy
    choices: IntArray  # (A,) those played
    rewards: FloatArray  # (A,) each agent's own
    terminated: bool
    truncated: bool


def comparable(words: Words, measures: FloatArray) -> FloatArray:
    """Measures `(A, Q)` for an `info`: where one that tells which by a number from 1 tells of none, 0 in place of NaN.

    Checkers of environments, and learners of others, hold infos equal by their numbers, and NaN equals nothing.
    """
    told = measures.copy()
    told[:, words.nominal] = np.nan_to_num(told[:, words.nominal])
    return told


class Play:
    """A domain that is played by somebody else's agents, in one copy.

    Attributes:
        domain: what is played.
        seen: what the next choices are made by.
    """

    seen: Seen

    def __init__(
        self, domain: str, alpha: float | Mapping[str, float], settings: Mapping[str, Any] | None, evaluation: bool
    ) -> None:
        """Args: domain, settings, evaluation: see `DomainEnv`. alpha: of all agents, or of each by its name.

        Raises:
            ValueError: an alpha is outside [0, 1], or they are not those of the agents.
            UsageError: there is no such domain or setting, or its agents share a budget.
            DataError: the workload cannot be used.
        """
        for each in alpha.values() if isinstance(alpha, Mapping) else (alpha,):
            if not 0.0 <= each <= 1.0:
                raise ValueError(f"alpha must be in [0, 1], got {each}")
        instance = resolve(registry.about(domain).SETTINGS, {} if settings is None else settings)
        self.domain = registry.build(domain, instance, registry.load_source(domain, instance))
        spec = self.domain.spec
        if spec.use is not None:
            raise UsageError(f"{spec.words.agent}s that share a budget choose jointly: the commands alone know how")
        if spec.proxy is not None and not evaluation:
            warnings.warn(f"rewards are of a proxy: {spec.proxy}; evaluation=True plays the truth", stacklevel=3)
        if isinstance(alpha, Mapping) and alpha.keys() != set(spec.agents):
            raise ValueError(f"alpha is one number, or one each for {', '.join(spec.agents)}, got {sorted(alpha)}")
        alphas = [alpha[name] if isinstance(alpha, Mapping) else alpha for name in spec.agents]
        self._weights = shared_alpha(np.array(alphas, dtype=np.float64), spec.objectives - 1)
        self._part = Part.EVALUATION if evaluation else Part.TRAINING
        self._environment: Environment | None = None
        self._playing = False

    def begin(self, chance: np.random.Generator, anew: bool) -> None:
        """Begin an episode, or go on with the next one after an episode that the domain ended.

        Args:
            chance: where a play from the start takes its seed from.
            anew: whether it is from the start in any case.
        """
        if self._environment is None or self._playing or anew:
            self._streams = MemberStreams(int(chance.integers(SEEDS)), "gymnasium")
            self._environment = self.domain.environment(self._part, 1)
            self._steps = 0
            self.seen = self._environment.observe()
        self._playing = True

    def step(self, action: ArrayLike) -> Brought:
        """Play one period; of a choice that is masked the nearest that is not is played, the lower of two.

        Raises:
            ResetNeeded: the episode is over or was never begun.
            ValueError: the action is no index for each agent.
        """
        if self._environment is None or not self._playing:
            raise ResetNeeded("the episode is over: call reset() before step()")
        choices = nearest(self._wanted(action), self.seen.mask[0, 0])
        draw = self._environment.draw(1, [self._streams])[0] if self._part is Part.TRAINING else None
        played = self._environment.step(choices[None, None], draw)
        self._steps += 1
        self.seen = played.seen
        last, over = self._steps == self._environment.steps, bool(played.over[0, 0])
        terminated = over and not bool(played.continues[0, 0])
        self._playing = not (last or over)
        if last:
            self._environment = None
        own = rewards(played.objectives[0, 0], self._weights)
        return Brought(played, choices, own, terminated, (over or last) and not terminated)

    def masks(self) -> tuple[NDArray[np.int8], ...]:
        """What each agent may choose now, as `sample(mask)` of a Gymnasium space takes it."""
        choices = self.domain.spec.choices
        return tuple(row[:count].astype(np.int8) for row, count in zip(self.seen.mask[0, 0], choices, strict=True))

    def _wanted(self, action: ArrayLike) -> IntArray:
        """Choices `(A,)` that an action asks for."""
        indices, most = np.atleast_1d(np.asarray(action)), np.array(self.domain.spec.choices)
        whole = np.issubdtype(indices.dtype, np.integer) and indices.shape == most.shape
        if not (whole and np.all((indices >= 0) & (indices < most))):
            raise ValueError(f"an action is an index below each of {most.tolist()}, got {action!r}")
        return indices.astype(np.int64)
