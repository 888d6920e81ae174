"""A finite constrained Markov decision process as arrays: all that its environment and its exact answers share.

Axes: S states, C choices, N ways that chance may have it in a period, O numbers observed, Q measures.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.domains.nearest import nearest


@dataclass(frozen=True, eq=False)
class Process:
    """What follows each choice in each state. Chance knows nothing of either: a period's is the same for all.

    Attributes:
        successor: `(S, C, N)` the next state.
        chance: `(N,)` probability of each way, above 0.
        allowed: `(S, C)` what may be chosen. Nothing else is ever played, whatever is asked for: see `played`.
        objectives: `(S, C, 2)` the normalised cost, in [0, 1], and the violation.
        cost_scale: the domain's own unit of a normalised cost of 1.
        starts: `(P,)` states, equally likely, in which a play begins.
        ends: `(N,)` where an episode ends by chance, and what follows is the beginning of the next.
        came: `(N,)` what is written down of each way.
        observed: `(S, O)` what agents see.
        measures: `(S, C, Q)`, another row for each state and choice.

    Raises:
        ValueError: the arrays are of no process.
    """

    successor: IntArray
    chance: FloatArray
    allowed: BoolArray
    objectives: FloatArray
    cost_scale: float
    starts: IntArray
    ends: BoolArray
    came: FloatArray
    observed: Float32Array
    measures: FloatArray

    def __post_init__(self) -> None:
        states, choices, ways = self.successor.shape
        shapes = {
            "chance": (ways,),
            "allowed": (states, choices),
            "objectives": (states, choices, 2),
            "ends": (ways,),
            "came": (ways,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")
        for indices in (self.successor, self.starts):
            if indices.min() < 0 or indices.max() >= states:
                raise ValueError(f"states are 0..{states - 1}, got {indices.min()}..{indices.max()}")
        if len(np.unique(self.measures.reshape(states * choices, -1), axis=0)) < states * choices:
            raise ValueError("measures do not tell every state and choice from all others")
        if not self.allowed.any(1).all():
            raise ValueError("a state in which nothing may be chosen")
        if self.chance.min() <= 0.0 or abs(self.chance.sum() - 1.0) > 1e-9:
            raise ValueError(f"chances are above 0 and add up to 1, got {self.chance}")

    @property
    def states(self) -> int:
        """S."""
        return len(self.successor)

    @functools.cached_property
    def _executed(self) -> IntArray:
        return nearest(np.arange(self.allowed.shape[1]), self.allowed[:, None])

    def played(self, states: IntArray, asked: IntArray) -> IntArray:
        """Choices that are executed in states where any numbers are asked for: the nearest that are allowed."""
        executed: IntArray = self._executed[states, np.clip(asked, 0, self.allowed.shape[1] - 1)]
        return executed

    def following(self, plan: IntArray) -> Any:
        """`(S, S)` sparse, by rows: probability of each state after each, under choices `(S,)`."""
        ways = len(self.chance)
        columns = self.successor[np.arange(self.states), plan].ravel()
        shape = (self.states, self.states)
        rows = np.tile(self.chance, self.states), columns, np.arange(self.states + 1) * ways
        following = sparse.csr_array(rows, shape)
        following.sum_duplicates()  # SciPy's search for components never ends with them
        return following

    def under(self, plan: IntArray, values: FloatArray) -> FloatArray:
        """`(S, ...)` of values `(S, C, ...)` what choices `(S,)` pick."""
        picked: FloatArray = values[np.arange(self.states), plan]
        return picked
