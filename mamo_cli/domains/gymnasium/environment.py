"""Any Gymnasium environment of discrete choices behind the seam: one agent, K members x E copies.

Observation (float32, `(K, E, 1, O)`): the environment's own, flattened as `gymnasium.spaces.flatten` does (a `Box` row
by row, a `Discrete` as one-hot), over `observation_scale`.

Choice: an index 0..C-1 of the actions; all are allowed, always. A `Discrete` has one for each action, a `MultiDiscrete`
one for each joint action, the last component counting fastest.
Objectives: the cost `(cost + cost_offset) / cost_scale`, where `info` or else the reward, negated, has the cost; then
the violation, where `info` has one. Where there is a violation the cost must be 0 to 1, or weights and strategies would
misread it. An offset changes what it is worth to end an episode, and so what is learnt.
Dynamics: the environment's. An episode that is over, terminated or truncated, is followed by a new one at once: `after`
is the observation that it ended with, `seen` the new one's first. Means are therefore of steps, not of episodes.

Every copy is an environment of its own, though Gymnasium has a vectorised CartPole: there the copies share one random
stream, and members would depend on their company.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

from mamo_cli.core.arrays import Float32Array, IntArray
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.gymnasium.copy import Copy
from mamo_cli.domains.gymnasium.settings import GymnasiumConfig

SEEDS = 2**31
"""Episodes of the training have seeds below this, those of the evaluation from it on: none is played in both."""
EVALUATED = 2**12
"""Seeds that are set aside for the episodes of one evaluation."""


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
        self.steps = config.evaluation_steps or self._copies[0].steps
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
        observations, costs, terminated, truncated = (np.array(part) for part in zip(*told, strict=True))
        over, after = terminated | truncated, self._observed(observations)
        if over.any():
            seeds = [copy.seed + self._shape[1] for copy in self._copies] if draw is None else draw.ravel().tolist()
            for i in np.flatnonzero(over):
                observations[i] = self._copies[i].begin(seeds[i])
        self._values = self._observed(observations)
        costs = costs.reshape(*self._shape, 1, -1)  # and violations
        return Step(
            objectives=costs / [self._config.cost_scale, *[1.0] * (costs.shape[-1] - 1)],
            paid=costs[..., 0],
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
