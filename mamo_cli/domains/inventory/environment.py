"""Order-up-to levels as a batch of environments: K members, E copies each, A items, one compiled loop over all.

Observation of an item (float32, `(K, E, A, 3 + L)`), units over the highest level:

| number | meaning | range |
|---|---|---|
| 0 | expected demand of this period and the L after it | >= 0 |
| 1 | stock on hand | [0, 1] |
| 2 | backlog | >= 0 |
| 3 + i | order that arrives i periods from now, i = 0..L-1 | >= 0 |

Choice: a level S = 0..levels of each item. The inventory position (on hand + on order - backlog) is raised to S; where
it is above S already, nothing is ordered.
Period t: the order is placed; what was ordered in t - L arrives; demand comes, is met from stock on hand as far as that
goes, and is backlogged beyond. So what period t + L ends with depends on the position after ordering in t alone.
Objectives: the normalised cost of the stock on hand at the end, and the unmet demand over the mean demand of a period.
Under a proxy it counts in some periods alone.
Dynamics: demand is Poisson and knows nothing of the stock; the trace starts anew after its last step, the stock goes
on: an episode never ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled, put_back
from mamo_cli.core.seam import Copy, Seen, Step, begin_at
from mamo_cli.core.seeding import MemberStreams


@dataclass(frozen=True, eq=False)
class Stock:
    """Items under a demand: all that the environment and the exact answers share.

    Attributes:
        expected: `(T, A)` units a period, what is expected: all that agents see of what comes.
        mean: `(T, A)` units a period, the mean of the demand that comes.
        demand: `(T, A)` units that come where none are drawn.
        demand_scale: `(A,)` units a period; unmet demand over this is the violation.
        levels: the highest level, C - 1.
        lead_time: L, periods from an order to its arrival.
        holding_cost: of a unit on hand at the end of a period.
    """

    expected: FloatArray
    mean: FloatArray
    demand: IntArray
    demand_scale: FloatArray
    levels: int
    lead_time: int
    holding_cost: float
    slow_only: bool = False
    """Whether unmet demand counts in periods of less than their mean demand alone: a proxy."""

    @property
    def cost_scale(self) -> float:
        """What the normalised cost is measured in: the cost of the highest level, all on hand."""
        return self.holding_cost * self.levels

    def first_orders(self, at: int) -> IntArray:
        """`(A, L)` what arrives in the first L periods from step `at`: the expected demand of each, rounded.

        It was ordered before the first choice, and is never more in all than the highest level.
        """
        coming = self.expected.take(np.arange(at, at + self.lead_time), axis=0, mode="wrap")
        total = np.minimum(np.rint(coming).cumsum(axis=0), self.levels)
        return np.asarray(np.diff(total, axis=0, prepend=0.0).T, dtype=np.int64)


def ahead(values: FloatArray, periods: int) -> FloatArray:
    """The sum `(T, A)` of values `(T, A)` over each step and those after it, so many in all, around the end."""
    total = np.zeros_like(values)
    for period in range(periods):
        total += np.roll(values, -period, axis=0)
    return total


class StockEnvironment:
    """E environments for each of K members, advanced together; copy e starts e/E of the trace later than copy 0."""

    def __init__(self, stock: Stock, members: int, copies: int | Copy = 1) -> None:
        """Args: stock: what is played. members: K. copies: E. Nothing is on hand, and nothing backlogged."""
        self.stock = stock
        self.steps, items = stock.demand.shape
        self._at = begin_at(copies, self.steps)
        self._shape = (members, len(self._at), items)
        self._coming = ahead(stock.expected, stock.lead_time + 1) / stock.levels
        self._below = stock.mean if stock.slow_only else np.full(stock.mean.shape, np.inf)
        self._net = np.zeros(self._shape, dtype=np.int64)  # on hand, or the backlog as a negative number
        # By arrival; the last is the one of the current period, 0 between periods.
        self._orders = np.zeros((*self._shape, stock.lead_time + 1), dtype=np.int64)
        self._orders[..., :-1] = [stock.first_orders(at) for at in self._at]
        self._continues = np.ones(self._shape[:2], dtype=np.float32)
        self._over = np.zeros(self._shape[:2], dtype=np.bool_)

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> IntArray:
        """The demand `(steps, K, E, A)` of the coming periods, units."""
        coming = (self._at + np.arange(steps)[:, None]) % self.steps
        return np.stack([member["environment"].poisson(self.stock.mean[coming]) for member in streams], 1)

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        seen = self._room()
        _observe(self._coming, self.stock.levels, self._at, self._net, self._orders, seen)
        return seen

    def step(self, actions: IntArray, draw: IntArray | None = None) -> Step:
        """Play one period.

        Args:
            actions: `(K, E, A)` levels.
            draw: `(K, E, A)` the demand, units; none means the stock's own.
        """
        stock, seen = self.stock, self._room()
        played = Step(
            objectives=np.empty((*self._shape, 2)),
            paid=np.empty(self._shape),
            measures=np.empty((*self._shape, 2)),
            continues=self._continues,
            over=self._over,
            after=seen,
            seen=seen,
        )
        demand = np.broadcast_to(stock.demand[self._at], self._shape) if draw is None else draw
        _play(
            actions, np.ascontiguousarray(demand), stock.holding_cost, stock.cost_scale, stock.demand_scale,
            self._below[self._at], self._net, self._orders, played,
        )  # fmt: skip
        self._at[...] = (self._at + 1) % self.steps
        _observe(self._coming, stock.levels, self._at, self._net, self._orders, seen)
        return played

    def _room(self) -> Seen:
        numbers, choices = 3 + self.stock.lead_time, self.stock.levels + 1
        return Seen(
            np.empty((*self._shape, numbers), dtype=np.float32), np.empty((*self._shape, choices), dtype=np.bool_)
        )

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands, and what it has and awaits."""
        return {"steps": self._at.copy(), "net": self._net.copy(), "orders": self._orders.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments; compiled code would follow its indices anywhere.
        """
        at, length = np.asarray(state["steps"]), self.steps
        if not bool(((at >= 0) & (at < length)).all()):
            raise ValueError(f"environments stand beyond the trace's {length} steps")
        put_back(self._at, at)
        put_back(self._net, state["net"])
        put_back(self._orders, state["orders"])


@compiled
def _observe(coming: FloatArray, levels: int, at: IntArray, net: IntArray, orders: IntArray, seen: Seen) -> None:
    """Fill `seen`, see the module's table."""
    members, copies, items = net.shape
    for k in range(members):
        for e in range(copies):
            for a in range(items):
                values = seen.values[k, e, a]
                values[0] = coming[at[e], a]
                values[1], values[2] = max(net[k, e, a], 0) / levels, max(-net[k, e, a], 0) / levels
                for age in range(len(values) - 3):
                    values[3 + age] = orders[k, e, a, age] / levels
                seen.mask[k, e, a] = True


@compiled
def _play(
    actions: IntArray,
    demands: IntArray,
    holding_cost: float,
    cost_scale: float,
    demand_scale: FloatArray,
    below: FloatArray,
    net: IntArray,
    orders: IntArray,
    played: Step,
) -> None:
    """Fill `played` and leave every stock as the period ends."""
    members, copies, items = net.shape
    for k in range(members):
        for e in range(copies):
            for a in range(items):
                coming, demand = orders[k, e, a], demands[k, e, a]
                position = net[k, e, a] + coming.sum()
                coming[-1] = max(actions[k, e, a] - position, 0)
                played.measures[k, e, a, 0] = position + coming[-1]
                net[k, e, a] += coming[0]
                coming[:-1] = coming[1:]
                coming[-1] = 0
                unmet = max(demand - max(net[k, e, a], 0), 0) if demand < below[e, a] else 0
                net[k, e, a] -= demand
                on_hand = max(net[k, e, a], 0)
                paid = holding_cost * on_hand
                played.paid[k, e, a] = paid
                played.measures[k, e, a, 1] = on_hand
                played.objectives[k, e, a, 0] = paid / cost_scale
                played.objectives[k, e, a, 1] = unmet / demand_scale[a]
