"""What is fair to several agents, as a mean of their violations to be made small; and how equally they are served.

Each kind says what all agents would have to violate alike, for that to be as bad as what they do violate:

utilitarian   the mean, each agent's share in it its load: so many of all requests are lost (Bentham).
max-min       the largest; of plays that are alike in it, the largest two, and so on: lexicographic (Rawls).
ggf           the worst weighs most, the next `rank_discount` times as much, and so on: the generalised Gini function
              (Weymark, "Generalized Gini inequality indices", 1981).
alpha-fair    1 less the power mean of order 1 - a of the served shares, each agent's weight its load: it orders plays
              as the sum of s^(1 - a) / (1 - a) does, and at a = 1 as the sum of log s (Mo and Walrand, "Fair end-to-end
              window-based congestion control", 2000); a = 0 is utilitarian, and the larger a the nearer to max-min. As
              a mean it is Atkinson's equally distributed equivalent ("On the measurement of inequality", 1970).

All are convex and nondecreasing in the violations, so that mixtures of plays can be found by linear programs. A served
share is 1 less the violation. Axes: A agents.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np

from mamo_cli.core.arrays import FloatArray

Kind = Literal["utilitarian", "max-min", "ggf", "alpha-fair"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LEAST_SERVED = 1e-9
"""No tangent is taken where less is served: it would have no finite slope."""


class Mean(Protocol):
    """A mean of violations: convex, nondecreasing, and of equal ones that one."""

    def of(self, violations: FloatArray) -> FloatArray:
        """`(...)` of violations `(..., A)`."""
        ...

    def tangent(self, violations: FloatArray) -> tuple[FloatArray, float]:
        """A slope `(A,)` and an offset: `slope @ v + offset` is nowhere above the mean, and meets it there."""
        ...


class Ordered(NamedTuple):
    """The violations from the worst on, each with the weight of its rank."""

    weights: FloatArray  # (A,), falling, which sum to 1

    def of(self, violations: FloatArray) -> FloatArray:
        """See `Mean`."""
        return np.asarray(-np.sort(-violations, -1) @ self.weights)

    def tangent(self, violations: FloatArray) -> tuple[FloatArray, float]:
        """See `Mean`."""
        slope = np.empty(len(self.weights))
        slope[np.argsort(-violations, kind="stable")] = self.weights
        return slope, 0.0


class Served(NamedTuple):
    """1 less the power mean of order `1 - aversion` of the served shares."""

    aversion: float
    loads: FloatArray  # (A,), above 0, which sum to 1

    def of(self, violations: FloatArray) -> FloatArray:
        """See `Mean`."""
        return np.asarray(1.0 - self._mean(np.maximum(1.0 - violations, 0.0)))

    def tangent(self, violations: FloatArray) -> tuple[FloatArray, float]:
        """See `Mean`; met where no less than `LEAST_SERVED` is served."""
        served = np.maximum(1.0 - violations, LEAST_SERVED)
        mean = self._mean(served)
        slope = self.loads * (mean / served) ** self.aversion
        return slope, float(1.0 - mean - slope @ (1.0 - served))

    def _mean(self, served: FloatArray) -> FloatArray:
        order = 1.0 - self.aversion
        with np.errstate(divide="ignore"):  # who is served nothing
            logs = np.log(served)
        if order == 0.0:
            return np.asarray(np.exp(logs @ self.loads))
        powers = order * logs
        largest = powers.max(-1, keepdims=True)
        if np.isneginf(largest).any() or np.isposinf(largest).any():  # nobody is served, or one is not and that is all
            largest = np.where(np.isfinite(largest), largest, 0.0)
        with np.errstate(over="ignore", divide="ignore"):
            total = np.log(np.exp(powers - largest) @ self.loads) + largest[..., 0]
        return np.asarray(np.exp(total / order))


def means_of(
    kind: Kind, agents: int, *, rank_discount: float = 0.5, aversion: float = 2.0, loads: Sequence[float] | None = None
) -> tuple[Mean, ...]:
    """What is to be made small, the first first: max-min has a mean for each number of worst agents, the others one.

    Args:
        kind: see the module.
        agents: A.
        rank_discount: of ggf.
        aversion: of alpha-fair, its a.
        loads: `(A,)` what each agent counts for, above 0; alike where none are given. Of utilitarian and alpha-fair.
    """
    counts = np.ones(agents) if loads is None else np.asarray(loads, dtype=float)
    if kind == "max-min":
        return tuple(Ordered(np.r_[np.full(k, 1.0 / k), np.zeros(agents - k)]) for k in range(1, agents + 1))
    if kind == "ggf":
        weights = float(rank_discount) ** np.arange(agents)
        return (Ordered(weights / weights.sum()),)
    return (Served(0.0 if kind == "utilitarian" else aversion, counts / counts.sum()),)


def jain(served: FloatArray) -> FloatArray:
    """How equal shares `(..., A)` are, `(...)`: 1 where all are alike, 1/A where one has everything.

    Jain, Chiu and Hawe, "A quantitative measure of fairness and discrimination for resource allocation in shared
    computer systems", DEC-TR-301, 1984. Where nobody has anything all are alike.
    """
    squares = served.shape[-1] * np.square(served).sum(-1)
    return np.where(squares > 0.0, np.square(served.sum(-1)) / np.where(squares > 0.0, squares, 1.0), 1.0)
