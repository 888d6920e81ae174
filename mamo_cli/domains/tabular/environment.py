"""A finite process as a batch of environments: K members, E copies each, one agent.

Observation and mask are the state's own rows (`Process.observed`, `Process.allowed`). What is forbidden is never
played, whoever asks for it: it is `Process.played` that decides, not the mask that was shown. Objectives and measures
are those of the state and the choice that was played.
Dynamics: chance draws one of N ways, whatever was chosen. Where the way ends the episode, it terminated: nothing that
was chosen before changes what comes after, which is the beginning of the next. The long-run means count all episodes;
what a learner needs to add up is its own, undiscounted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.tabular.process import Process


def ways(process: Process, rng: np.random.Generator, shape: tuple[int, ...]) -> IntArray:
    """Draws of how chance may have it."""
    edges = process.chance.cumsum()[:-1]
    return np.searchsorted(edges, rng.random(shape), side="right")


class TabularEnvironment:
    """E environments for each of K members, advanced together; copy e begins in the e-th of the starting states."""

    def __init__(self, process: Process, coming: IntArray, members: int, copies: int = 1) -> None:
        """Args: process: what is played. coming: `(T,)` ways where none are drawn. members: K. copies: E."""
        self.process, self._coming = process, coming
        self.steps = len(coming)
        self._state = np.tile(process.starts[np.arange(copies) % len(process.starts)], (members, 1))
        self._at = np.arange(copies) * self.steps // copies

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> IntArray:
        """The ways `(steps, K, E)` of the coming periods."""
        shape = (steps, len(self._at))
        return np.stack([ways(self.process, member["environment"], shape) for member in streams], 1)

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        process = self.process
        return Seen(process.observed[self._state][:, :, None], process.allowed[self._state][:, :, None])

    def step(self, actions: IntArray, draw: IntArray | None = None) -> Step:
        """Play one period.

        Args:
            actions: `(K, E, 1)` choices that are asked for, any whole numbers.
            draw: `(K, E)` ways; none means the evaluation's own.
        """
        process = self.process
        drawn = np.broadcast_to(self._coming[self._at], self._state.shape) if draw is None else draw
        here = self._state[..., None]
        at = here, process.played(here, actions)
        objectives, over = process.objectives[at], process.ends[drawn]
        measures = process.measures[at]
        self._state[...] = process.successor[*at, drawn[..., None]][..., 0]
        self._at[...] = (self._at + 1) % self.steps
        seen = self.observe()
        return Step(
            objectives=objectives,
            paid=objectives[..., 0] * process.cost_scale,
            measures=measures,
            continues=1.0 - over.astype(np.float32),
            over=over,
            after=seen,
            seen=seen,
        )

    @property
    def states(self) -> IntArray:
        """`(K, E)` where every copy is."""
        return self._state

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands, in the process and in what comes."""
        return {"steps": self._at.copy(), "states": self._state.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments.
        """
        for name, place, count in (("steps", self._at, self.steps), ("states", self._state, self.process.states)):
            saved = np.asarray(state[name])
            if not bool(((saved >= 0) & (saved < count)).all()):
                raise ValueError(f"environments stand beyond their {count} {name}")
            put_back(place, saved)
