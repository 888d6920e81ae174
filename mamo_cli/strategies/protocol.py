"""The face of whoever picks the weights: the loop reports a cycle, the strategy proposes the next weights."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray

Rule = Callable[[FloatArray, FloatArray], FloatArray]
"""From what J policies bring, `(J, 1 + L)`, and L limits to the probabilities `(J,)` that they are played with."""


class CycleReport(NamedTuple):
    """What a strategy may know of a finished cycle: the training window's means, never the evaluation's.

    What is evaluated is never trained on, and choosing weights is training.
    """

    cycle: int
    weights: FloatArray  # (K, A, M) that the cycle ran under
    objectives: FloatArray  # (K, A, M): the normalised cost, then the violations
    errors: FloatArray  # (K, A, M): standard errors of these means; 0 where they are exact
    limits: FloatArray  # (A, M - 1): what the violations might be in that cycle; they may change from cycle to cycle


class Strategy(Protocol):
    """Picks every member's weights for every agent, cycle after cycle.

    What a strategy does not say otherwise: it computes nothing that could diverge, has nothing to stop, and keeps to
    the proposed weights throughout a phase. Member k's weights depend on its own reports and streams alone.
    """

    columns: tuple[str, ...]
    """Its own columns of cycles.csv."""

    readouts: Mapping[str, Rule] | None = None
    """By the readout's name, how it has policies chosen, the same for all agents: of their mean cost and all
    violations. None: the cheapest within the limits."""

    def propose(self, cycle: int) -> FloatArray:
        """Weights `(K, A, M)` for a coming cycle, exploration included."""
        ...

    def within(self, weights: FloatArray, objectives: FloatArray, limits: FloatArray) -> FloatArray:
        """Weights `(K, A, M)` for the next iteration of a phase, from the present ones and the last one's means.

        Args:
            weights: `(K, A, M)` of the iteration.
            objectives: `(K, A, M)` its means.
            limits: `(A, M - 1)` of the violations, in this cycle.
        """
        return weights

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Learn from a cycle; returns `(K, A)` for each of its columns."""
        ...

    def settled(self) -> FloatArray:
        """The weights `(K, A, M)` it would settle on now, without exploration."""
        ...

    def diverged(self) -> BoolArray:
        """`(K,)` members for which it holds a number that is not finite."""
        return np.zeros(len(self.settled()), dtype=np.bool_)

    def freeze(self, members: BoolArray) -> None:
        """Compute nothing more for these members `(K,)`; the others go on as if nothing had happened."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs; who is frozen, the loop says again."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...
