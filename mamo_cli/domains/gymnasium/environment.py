"""Any Gymnasium environment of `Discrete` choices behind the seam: one agent, one objective, K members x E copies.

Observation (float32, `(K, E, 1, O)`): the environment's own, flattened as `gymnasium.spaces.flatten` does (a `Box` row
by row, a `Discrete` as one-hot), over `observation_scale`.

Choice: an index 0..C-1, meaning the action `start + index`; all are allowed, always.
Objective: the cost `(reward_offset - reward) / reward_scale`, by default the reward negated. It is in [0, 1] only where
the settings make it so; but an offset changes what it is worth to end an episode, and so what is learnt.
Dynamics: the environment's. An episode that is over, terminated or truncated, is followed by a new one at once: `after`
is the observation that it ended with, `seen` the new one's first.

Every copy is an environment of its own, though Gymnasium has a vectorised CartPole: there the copies share one random
stream, and members would depend on their company.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mamo_cli.core.arrays import Float32Array, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.gymnasium.settings import GymnasiumConfig

# Episodes of the training have seeds below this, those of the evaluation from it on: none is played in both.
SEEDS = 2**31


class Copy:
    """One environment, and what tells where it stands: its episode's seed and the choices since.

    Attributes:
        choices: C.
        observation: O.
        steps: after which an episode is truncated.
        seed: of the episode, -1 before the first.
        played: choices since it began.
    """

    def __init__(self, config: GymnasiumConfig) -> None:
        """Make the environment; `begin` starts an episode.

        Raises:
            UsageError: there is no such environment, its spaces do not fit, or its episodes never end.
        """
        self._environment = _made(config)
        self._space, actions = self._environment.observation_space, self._environment.action_space
        if not isinstance(actions, spaces.Discrete) or not self._space.is_np_flattenable:
            raise UsageError(
                f"{config.environment}: needs actions that are Discrete and observations that flatten to an array, "
                f"got {actions} and {self._space}"
            )
        spec = self._environment.spec
        if spec is None or spec.max_episode_steps is None:
            raise UsageError(f"{config.environment}: its episodes may last for ever; set episode_steps")
        self.steps = spec.max_episode_steps
        self.choices, self._first = int(actions.n), int(actions.start)
        self.observation = spaces.flatdim(self._space)
        if config.observation_scale is not None and len(config.observation_scale) != self.observation:
            raise UsageError(
                f"{config.environment}: observation_scale needs {self.observation} numbers, "
                f"got {len(config.observation_scale)}"
            )
        self.seed = -1
        self.played: list[int] = []

    def begin(self, seed: int) -> Any:
        """Begin the episode of a seed; returns its first observation `(O,)`."""
        self.seed, self.played = seed, []
        return spaces.flatten(self._space, self._environment.reset(seed=seed)[0])

    def play(self, choice: int) -> tuple[Any, float, bool, bool]:
        """One step; returns the observation `(O,)`, the reward, and whether it terminated, or was truncated."""
        self.played.append(choice)
        seen, reward, terminated, truncated, _ = self._environment.step(self._first + choice)
        return spaces.flatten(self._space, seen), float(reward), terminated, truncated


class GymnasiumEnvironment:
    """E environments for each of K members, advanced together."""

    def __init__(self, config: GymnasiumConfig, members: int, copies: int = 1, first_seed: int | None = None) -> None:
        """Environments before their first episode.

        Args:
            config: which.
            members: K.
            copies: E.
            first_seed: of copy 0 of every member, the next copies' follow it; None leaves it to the first `draw`.
        """
        self._config, self._shape = config, (members, copies)
        self._copies = [Copy(config) for _ in range(members * copies)]
        self.steps = self._copies[0].steps
        self._mask = np.ones((members, copies, 1, self._copies[0].choices), dtype=np.bool_)
        self._scale = np.array(config.observation_scale or 1.0)
        if first_seed is not None:
            self._begin(np.tile(first_seed + np.arange(copies), (members, 1)))

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> Sequence[IntArray]:
        """Seeds `(K, E)` for each step, of the episodes to begin where one ends in it; the very first begin here."""
        copies = self._shape[1]
        if self._copies[0].seed < 0:
            self._begin(np.stack([member["environment"].integers(SEEDS, size=copies) for member in streams]))
        return list(np.stack([member["environment"].integers(SEEDS, size=(steps, copies)) for member in streams], 1))

    def observe(self) -> Seen:
        """What is known before the action of the current step.

        Raises:
            ResetNeeded: no episode has begun.
        """
        if self._copies[0].seed < 0:
            raise gymnasium.error.ResetNeeded("draw() begins the first episodes: call it before observe()")
        return Seen(self._values, self._mask)

    def step(self, actions: IntArray, draw: IntArray | None = None) -> Step:
        """Play one step.

        Args:
            actions: `(K, E, 1)` indices.
            draw: `(K, E)` seeds of the episodes that follow; without them, an episode's is followed by that E further.
        """
        told = [copy.play(choice) for copy, choice in zip(self._copies, actions.ravel().tolist(), strict=True)]
        observations, rewards, terminated, truncated = (np.array(part) for part in zip(*told, strict=True))
        over, after = terminated | truncated, self._observed(observations)
        if over.any():
            seeds = [copy.seed + self._shape[1] for copy in self._copies] if draw is None else draw.ravel().tolist()
            for i in np.flatnonzero(over):
                observations[i] = self._copies[i].begin(seeds[i])
        self._values = self._observed(observations)
        paid = self._config.reward_offset - rewards.reshape(*self._shape, 1)
        return Step(
            objectives=paid[..., None] / self._config.reward_scale,
            paid=paid,
            measures=actions[..., None].astype(np.float64),
            continues=1.0 - terminated.reshape(self._shape).astype(np.float32),
            over=over.reshape(self._shape),
            after=Seen(after, self._mask),
            seen=self.observe(),
        )

    def state_dict(self) -> dict[str, Any]:
        """What determines where every copy stands: the seed `(K E,)` of its episode and the choices since."""
        return {
            "seeds": np.array([copy.seed for copy in self._copies]),
            "played": [np.array(copy.played, dtype=np.int64) for copy in self._copies],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Play every episode again, up to where it was.

        That is exact where an episode depends on its seed and its choices alone, as Gymnasium's `check_env` demands; an
        environment that carries more from one episode into the next does not go on as it would have.
        """
        seeds = np.asarray(state["seeds"]).reshape(self._shape)
        if (seeds < 0).any():  # saved before the first episodes: as new ones are
            self._copies = [Copy(self._config) for _ in self._copies]
            return
        observations = self._begin(seeds)
        for i, (copy, played) in enumerate(zip(self._copies, state["played"], strict=True)):
            for choice in np.asarray(played).tolist():
                observations[i] = copy.play(choice)[0]
        self._values = self._observed(observations)

    def _begin(self, seeds: IntArray) -> Any:
        """Begin every copy's episode; returns the first observations `(K E, O)`, as they are."""
        pairs = zip(self._copies, seeds.ravel().tolist(), strict=True)
        observations = np.array([copy.begin(seed) for copy, seed in pairs])
        self._values = self._observed(observations)
        return observations

    def _observed(self, observations: Any) -> Float32Array:
        """Observations `(K E, O)` as a learner sees them, `(K, E, 1, O)`."""
        seen: Float32Array = (observations / self._scale).astype(np.float32)
        return seen.reshape(*self._shape, 1, -1)


def _made(config: GymnasiumConfig) -> gymnasium.Env[Any, Any]:
    """The environment of a configuration, without Gymnasium's checks at every step.

    Raises:
        UsageError: there is none.
    """
    try:
        made: gymnasium.Env[Any, Any] = gymnasium.make(
            config.environment, max_episode_steps=config.episode_steps, disable_env_checker=True
        )
    except gymnasium.error.Error as error:
        raise UsageError(f"{config.environment}: {error}") from None
    return made
