"""Echelon base-stock levels of a chain: which are best, and what any bring in the long run (Clark and Scarf, 1960).

Points are numbered from the customers' one, j = 0..J-1; the echelon of j is j and all that is below it. Its position is
the stock there and on the way to j, less the backlog. After shipping in a period, let it be y_j; once what was then on
the way has come, in period t + L_j, the echelon has y_j less the demand of L_j periods, and no more can be the position
of the echelon below. So with X_J unbounded and independent demands D,

    y_j = min(S_j, X_j+1),    X_j = y_j - D(L_j periods),    on hand at j > 0: X_j - y_j-1
    at the customers' point, when the period ends: y_0 - D(L_0 + 1 periods), on hand or, negative, backlogged.

The weighted cost is a sum of convex functions of these, one a point. So let C_0(y) be what the customers' point costs
in the mean, and S_0 where it is least: C_0 at a lower position, which is all that a short point above may leave it, is
dearer by the induced penalty. With that and its own stock, C_1 and S_1 follow for the point above, and so on. No policy
whatever costs less in the long run whose positions are within the highest levels. That is so of a backlog that costs
something by unit and period, which is what waits; not of the share of demand that is met at once (the fill rate), which
counts a unit once, however long it waits, and is no such sum.

Demand of n periods is Poisson, cut where less than `TAIL` lies beyond: a mean is wrong by less than `TAIL` times a few
thousand units.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import poisson

from mamo_cli.core.arrays import FloatArray, IntArray

TAIL = 1e-15


class Chain(NamedTuple):
    """J stock points, the customers' first."""

    mean_demand: float  # units a period
    lead_time: tuple[int, ...]  # >= 1: what is shipped to j in period t is there at the start of t + L_j
    holding_cost: tuple[float, ...]  # of a unit on hand at the end of a period, not rising with j
    levels: tuple[int, ...]  # highest position of each echelon

    @property
    def points(self) -> int:
        """J."""
        return len(self.lead_time)

    @property
    def demand_on_way(self) -> float:
        """Mean demand of the time from the supplier to the customers, that of review included, units."""
        return self.mean_demand * (sum(self.lead_time) + 1)

    @property
    def cost_scale(self) -> float:
        """What the normalised cost is measured in: that of the highest level, all on hand where it is dearest."""
        return self.holding_cost[0] * self.levels[-1]

    def demand(self, periods: int) -> FloatArray:
        """Probabilities of a demand of 0, 1, ... units in so many periods."""
        mean = self.mean_demand * periods
        chance = poisson.pmf(np.arange(int(poisson.isf(TAIL, mean)) + 1), mean)
        return np.asarray(chance / chance.sum())


class Means(NamedTuple):
    """What base-stock levels bring on average, at the end of a period."""

    position: FloatArray  # (J,) units, after shipping
    on_hand: FloatArray  # (J,) units
    backlog: float  # units
    cost: float


def best_levels(chain: Chain, weight_cost: float, weight_backlog: float) -> IntArray:
    """`(J,)` levels of least mean `weight_cost` cost + `weight_backlog` backlog, from the customers' point up.

    Of equal ones the least; where the backlog counts for nothing, the highest.
    """
    demands = [chain.demand(periods) for periods in chain.lead_time]
    low = -sum(len(demand) - 1 for demand in demands)  # no echelon of a position >= 0 ends with less on the way down
    holding = (*chain.holding_cost, 0.0)
    chosen = np.zeros(chain.points, dtype=np.int64)
    positions = np.arange(low, chain.levels[0] + 1)
    demand = chain.demand(chain.lead_time[0] + 1)
    left = positions[:, None] - np.arange(len(demand))
    paid = weight_cost * holding[0] * np.maximum(left, 0) + weight_backlog * np.maximum(-left, 0)
    cost = paid @ demand  # C_0
    for j in range(chain.points):
        above = weight_cost * holding[j + 1]
        moved = cost - above * positions  # what is shipped on is no longer on hand at the point above
        allowed = positions >= 0
        least = np.flatnonzero(allowed & (moved == moved[allowed].min()))
        place = least[0] if weight_backlog > 0.0 else least[-1]
        chosen[j] = positions[place]
        if j + 1 < chain.points:
            stock = np.arange(low, chain.levels[j + 1] + 1)
            met = above * stock + moved[np.minimum(stock - low, place)]
            demand = demands[j + 1]
            # Below `low` a position is worth what `low` is: it is only met with a chance of `TAIL`.
            cost = np.array([demand @ met[np.maximum(y - low - np.arange(len(demand)), 0)] for y in stock])
            positions = stock
    return chosen


def means(chain: Chain, levels: IntArray) -> Means:
    """The long-run means of base-stock levels `(J,)`, by the law of every echelon's stock, from the supplier down.

    Raises:
        ValueError: there is another number of levels.
    """
    if levels.shape != (chain.points,):
        raise ValueError(f"there are {chain.points} points, got levels of shape {levels.shape}")
    position, on_hand = np.zeros(chain.points), np.zeros(chain.points)
    low, chance = int(levels[-1]), np.ones(1)  # of X_j+1 = low, low + 1, ...
    for j in range(chain.points - 1, -1, -1):
        stock = low + np.arange(len(chance))
        shipped = np.minimum(stock, levels[j])
        position[j] = chance @ shipped
        if j + 1 < chain.points:
            on_hand[j + 1] = chance @ (stock - shipped)
        moved = np.bincount(shipped - low, chance)
        demand = chain.demand(chain.lead_time[j] + (j == 0))
        low, chance = low - len(demand) + 1, np.convolve(moved, demand[::-1])
    left = low + np.arange(len(chance))
    on_hand[0] = chance @ np.maximum(left, 0)
    return Means(position, on_hand, float(chance @ np.maximum(-left, 0)), float(on_hand @ chain.holding_cost))
