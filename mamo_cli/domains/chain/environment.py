"""A chain of stock points as a batch of environments: K members, E copies each, A points, one compiled loop over all.

Observation of a point (float32, `(K, E, A, 3 + L)`, L the longest lead time), units over its highest level:

| number | meaning | range |
|---|---|---|
| 0 | echelon position: stock at the point and all below, and on the way to these, less the backlog | any |
| 1 | stock on hand | >= 0 |
| 2 | backlog, at the customers' point | >= 0 |
| 3 + i | what arrives at the start of the period i from now, i = 0..L-1 | >= 0 |

Choice: a level S = 0..levels of the point's echelon. Its position is raised to S as far as stock on hand at the point
above goes, so that what may be chosen are the positions that can be had: nothing is ordered that would not be shipped.
A base-stock level is so the same choice whatever is where. The last point's supplier has ample stock.
Period: what is due arrives; all points order at once, and it is shipped; demand comes to the customers' point, is met
from stock on hand as far as that goes, and is backlogged beyond. What is shipped in t arrives at the start of t + L_j.
Objectives, the same for every point: the normalised cost of all stock on hand at the end, at each point's price (what
is on the way is not charged: by Little's law its mean is that of the demand of the lead times, whatever is chosen);
and the backlog at the end over the mean demand of the whole way, ΣL + 1 periods: by the same law its mean is the time
that demand waits, as a share of the time from an order at the supplier's to what it brings the customers.
Dynamics: demand is Poisson of one constant mean; nothing ever ends. Each way carries the mean demand of every
period at first, and the customers' point holds that of two.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import compiled, put_back
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.chain.exact import Chain

FIRST_ON_HAND = 2
"""Periods' mean demand that is on hand at the customers' point at first."""


class ChainEnvironment:
    """E environments for each of K members, advanced together; copy e starts e/E of the demand later than copy 0."""

    def __init__(self, chain: Chain, demand: IntArray, members: int, copies: int = 1) -> None:
        """Args: chain: what is played. demand: `(T,)` units that come where none are drawn. members: K. copies: E."""
        self.chain, self._coming = chain, demand
        self.steps = len(demand)
        self._shape = (members, copies, chain.points)
        self._at = np.arange(copies) * self.steps // copies
        self._lead_time, self._levels = np.array(chain.lead_time), np.array(chain.levels)
        self._holding_cost = np.array(chain.holding_cost)
        usual = round(chain.mean_demand)
        self._net = np.zeros(self._shape, dtype=np.int64)  # on hand, or the backlog as a negative number
        self._net[..., 0] = FIRST_ON_HAND * usual
        # By arrival; behind a point's lead time there is nothing.
        self._ways = np.zeros((*self._shape, max(chain.lead_time)), dtype=np.int64)
        self._ways[...] = np.where(np.arange(max(chain.lead_time)) < self._lead_time[:, None], usual, 0)
        self._continues = np.ones(self._shape[:2], dtype=np.float32)
        self._over = np.zeros(self._shape[:2], dtype=np.bool_)

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> IntArray:
        """The demand `(steps, K, E)` of the coming periods, units."""
        shape = (steps, len(self._at))
        return np.stack([member["environment"].poisson(self.chain.mean_demand, shape) for member in streams], 1)

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        seen = Seen(
            np.empty((*self._shape, 3 + self._ways.shape[3]), dtype=np.float32),
            np.empty((*self._shape, self._levels.max() + 1), dtype=np.bool_),
        )
        _observe(self._levels, self._net, self._ways, seen.values, seen.mask)
        return seen

    def step(self, actions: IntArray, draw: IntArray | None = None) -> Step:
        """Play one period.

        Args:
            actions: `(K, E, A)` levels; of one that may not be chosen, the nearest that may is played.
            draw: `(K, E)` the demand, units; none means the evaluation's own.
        """
        demand = np.broadcast_to(self._coming[self._at], self._shape[:2]) if draw is None else draw
        measures, paid, wait = np.empty((*self._shape, 2)), np.empty(self._shape), np.empty(self._shape)
        _play(
            actions, np.ascontiguousarray(demand), self._levels, self._lead_time, self._holding_cost,
            self.chain.demand_on_way, self._net, self._ways, measures, paid, wait,
        )  # fmt: skip
        self._at[...] = (self._at + 1) % self.steps
        seen = self.observe()
        return Step(
            objectives=np.stack((paid / self.chain.cost_scale, wait), -1),
            paid=paid,
            measures=measures,
            continues=self._continues,
            over=self._over,
            after=seen,
            seen=seen,
        )

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands, and what is where in it."""
        return {"steps": self._at.copy(), "net": self._net.copy(), "ways": self._ways.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments; compiled code would follow its indices anywhere.
        """
        at = np.asarray(state["steps"])
        if not bool(((at >= 0) & (at < self.steps)).all()):
            raise ValueError(f"environments stand beyond their {self.steps} steps")
        put_back(self._at, at)
        put_back(self._net, state["net"])
        put_back(self._ways, state["ways"])


@compiled
def _observe(levels: IntArray, net: IntArray, ways: IntArray, values: Float32Array, mask: BoolArray) -> None:
    """Fill what is seen, see the module's table, and what may be chosen."""
    members, copies, points = net.shape
    for k in range(members):
        for e in range(copies):
            position = 0
            for a in range(points):
                own, top = values[k, e, a], levels[a]
                position += net[k, e, a] + ways[k, e, a].sum()
                own[0] = position / top
                own[1], own[2] = max(net[k, e, a], 0) / top, max(-net[k, e, a], 0) / top
                for age in range(ways.shape[3]):
                    own[3 + age] = ways[k, e, a, age] / top
                most = top
                if a + 1 < points:
                    most = position + net[k, e, a + 1] + ways[k, e, a + 1, 0]
                first, last = min(max(position, 0), top), min(max(most, 0), top)
                for choice in range(mask.shape[3]):
                    mask[k, e, a, choice] = first <= choice <= last


@compiled
def _play(
    actions: IntArray,
    demand: IntArray,
    levels: IntArray,
    lead_time: IntArray,
    holding_cost: FloatArray,
    demand_on_way: float,
    net: IntArray,
    ways: IntArray,
    measures: FloatArray,
    paid: FloatArray,
    wait: FloatArray,
) -> None:
    """Fill measures, cost and wait, and leave every chain as the period ends."""
    members, copies, points = net.shape
    for k in range(members):
        for e in range(copies):
            position = 0
            for a in range(points):
                coming = ways[k, e, a]
                net[k, e, a] += coming[0]
                for age in range(len(coming) - 1):
                    coming[age] = coming[age + 1]
                coming[-1] = 0
            for a in range(points):
                # Of the point itself as it stood before it shipped on: an echelon's position knows no shipping in it.
                position += net[k, e, a] + ways[k, e, a].sum()
                shipped = max(min(actions[k, e, a], levels[a]) - position, 0)
                if a + 1 < points:
                    shipped = min(shipped, net[k, e, a + 1])
                measures[k, e, a, 0] = position + shipped
                measures[k, e, a, 1] = shipped
            for a in range(points):
                shipped = int(measures[k, e, a, 1])
                ways[k, e, a, lead_time[a] - 1] += shipped
                if a + 1 < points:
                    net[k, e, a + 1] -= shipped
            net[k, e, 0] -= demand[k, e]
            cost = 0.0
            for a in range(points):
                on_hand = max(net[k, e, a], 0)
                measures[k, e, a, 1] = on_hand
                cost += holding_cost[a] * on_hand
            for a in range(points):
                paid[k, e, a] = cost
                wait[k, e, a] = max(-net[k, e, 0], 0) / demand_on_way
