"""What nodes do that weigh their own objectives: the game of each period, its equilibria, and what these cost.

A period has no memory beyond its flows, so each is a game of its own. A node weighs its objectives by weights of its
own; what it makes small is (1 - sharing) times that plus sharing times the mean over all nodes, as learners with
`[learner] sharing` do. A joint choice is an equilibrium where no node gains by another choice of its own (pure, Nash
1951). Everybody knows all rates that are expected.

Given what all forward, a node's replicas change its own rejection and no one else's, so each node's best number follows
from the flows alone; of numbers that weigh the same, the fewest. An equilibrium is therefore one of as many joint
choices as there are flows, and each of these is checked against every choice of every node.

The price of anarchy is what the worst equilibrium weighs over the least that joint play weighs (Koutsoupias and
Papadimitriou, 1999), the price of stability that of the best one (Anshelevich et al., 2004).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.domains.faas.fleet.outlook import Outlook

MOST_FLOWS = 4000
"""Joint flows that are enumerated."""

ROWS = 400_000
"""Joint choices that are weighed at a time."""

EVEN = 1e-12
"""What nobody changes a choice for."""

ROUNDS = 30
"""In which best responses settle, or do not."""


@dataclass(frozen=True, eq=False)
class Equilibria:
    """Of every period the best and the worst; where there is none, choices of -1 and weights of NaN.

    Attributes:
        count: `(T,)` how many.
        best, worst: `(T, M)` choices.
        least, most: `(T,)` what they weigh, the mean over nodes.
    """

    count: IntArray
    best: IntArray
    worst: IntArray
    least: FloatArray
    most: FloatArray


@dataclass(frozen=True, eq=False)
class Game:
    """The game of each period.

    Attributes:
        outlook: what is known of the periods.
        weights: `(M, 2)` of each node's cost and rejection.
        sharing: what each node makes of the others' objectives, 0 (nothing) to 1 (as much as of its own).
    """

    outlook: Outlook
    weights: FloatArray
    sharing: float

    def weighed(self, plan: IntArray, steps: IntArray | None = None) -> FloatArray:
        """`(R, M)` what choices `(R, M)` at steps `(R,)` weigh for each node by itself; without steps a row each."""
        return np.asarray((self.outlook.objectives(plan, steps) * self.weights).sum(-1))

    def responses(self, plan: IntArray, node: int, steps: IntArray | None = None) -> tuple[IntArray, BoolArray]:
        """A node's best choices `(R,)` where the others keep to a plan, and whether it gains by them."""
        best, least = plan[:, node].copy(), self._minds(plan, node, steps)
        now = least
        for choice in range(self.outlook.fleet.choices[node]):
            other = _with(plan, node, choice)
            minds = self._minds(other, node, steps)
            better = minds < least - EVEN
            best[better], least = choice, np.where(better, minds, least)
        return best, least < now - EVEN

    def equilibria(self) -> Equilibria:
        """The pure equilibria of every period, by enumeration.

        Raises:
            NothingExactError: there are more than `MOST_FLOWS` joint flows.
        """
        periods, nodes = self.outlook.rates.shape
        count, plans = np.zeros(periods, dtype=np.int64), np.full((2, periods, nodes), -1)
        found = np.full((2, periods), np.inf)  # of the best; of the worst, negated
        for flows in self._flows():
            steps = np.repeat(np.arange(periods), len(flows))
            plan = self._staffed(np.tile(flows, (periods, 1)), steps)
            stays = np.ones(len(plan), dtype=np.bool_)
            for node in range(nodes):
                stays[stays] = ~self.responses(plan[stays], node, steps[stays])[1]
            count += stays.reshape(periods, -1).sum(1)
            total, plan = self.weighed(plan, steps).mean(1), plan.reshape(periods, -1, nodes)
            for sign, best, least in zip((1.0, -1.0), plans, found, strict=True):
                values = np.where(stays, sign * total, np.inf).reshape(periods, -1)
                at = values.argmin(1)
                taken = values[np.arange(periods), at]
                better = taken < least
                best[better], least[better] = plan[better, at[better]], taken[better]
        least, most = np.where(count > 0, found, np.nan) * np.array([[1.0], [-1.0]])
        return Equilibria(count, plans[0], plans[1], least, most)

    def settled(self, plan: IntArray) -> tuple[IntArray, BoolArray]:
        """Where nodes end that answer one another's choices in turn from a plan `(T, M)`, and whether they settled."""
        plan = plan.copy()
        for _ in range(ROUNDS):
            moved = np.zeros(len(plan), dtype=np.bool_)
            for node in range(plan.shape[1]):
                plan[:, node], gains = self.responses(plan, node)
                moved |= gains
            if not moved.any():
                break
        return plan, ~moved

    def _minds(self, plan: IntArray, node: int, steps: IntArray | None) -> FloatArray:
        """`(R,)` what a node makes small."""
        each = self.weighed(plan, steps)
        return np.asarray((1.0 - self.sharing) * each[:, node] + self.sharing * each.mean(1))

    def _flows(self) -> Iterator[IntArray]:
        """Options `(J, M)`, all joint ones, some at a time."""
        options = self.outlook.fleet.options.tolist()
        if np.prod(options, dtype=object) > MOST_FLOWS:
            raise NothingExactError(f"{len(options)} nodes have too many joint flows to look for every equilibrium")
        every = np.array(list(itertools.product(*map(range, options))))
        yield from np.array_split(every, -(-len(every) * len(self.outlook.rates) // ROWS))

    def _staffed(self, options: IntArray, steps: IntArray) -> IntArray:
        """Choices `(R, M)` that forward as options `(R, M)` say, each node with the replicas that it likes best."""
        limit = self.outlook.fleet.node.replica_choices
        plan = options * limit
        best = plan.copy()
        for node in range(plan.shape[1]):
            least = self._minds(plan, node, steps)
            for more in range(1, limit):
                other = plan.copy()
                other[:, node] += more
                minds = self._minds(other, node, steps)
                better = minds < least - EVEN
                best[better, node] = other[better, node]
                least = np.where(better, minds, least)
        return best


def _with(plan: IntArray, node: int, choice: int) -> IntArray:
    """A plan in which a node chooses the same in every row."""
    other = plan.copy()
    other[:, node] = choice
    return other
