"""What is to be expected of a stock, and the best plan of it with everything needed to trust it.

Where every order can be placed, the position after ordering is the level, and what it brings L periods later is a
number that no other choice touches: the best plan is an argmin over levels, or a mixture of them over time. An order is
not negative, though: the position is at least what demand has left of the one before. So a plan's own outcome is taken
over the distribution of its positions, and the tables give bounds: whatever is ordered and whatever came before, what
a period brings is an average of its table's entries.
"""

import time
from dataclasses import dataclass

import numpy as np

from mamo_cli import __version__
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Optimum, Scope, Termination
from mamo_cli.core.weights import rewards
from mamo_cli.domains.inventory.environment import Stock, ahead
from mamo_cli.domains.inventory.exact import (
    KNOWN,
    POISSON,
    mixed,
    outcomes,
    positions,
    slow_demand,
    slow_unmet,
    smallest,
)

PROVEN = 1e-9
"""Costs, and violations, that differ by less are one."""


@dataclass(frozen=True, eq=False)
class Prospect:
    """What is to be expected of a stock from its beginning; the last axis is cost, in its own unit, and violation.

    Attributes:
        first: `(L, A, 2)` of the first L periods, which no choice changes.
        later: `(T, A, C, 2)` of each level L periods after it was chosen, around the end of the trace.
        start: `(A,)` position before the first order.
        demand: `(T, A, C)` chance of each demand 0..C-1.
        share: `(T, A)` expected demand in the unit of violation.
        cost_scale: what the normalised cost is measured in.
    """

    first: FloatArray
    later: FloatArray
    start: IntArray
    demand: FloatArray
    share: FloatArray
    cost_scale: float

    @property
    def effective(self) -> int:
        """T - L, choices that come to something."""
        return len(self.later) - len(self.first)

    def of(self, plan: IntArray) -> FloatArray:
        """`(T, A, 2)` what a plan `(T, A)` brings.

        Raises:
            ValueError: it is not of these items and levels; compiled code would follow its indices anywhere.
        """
        levels = self.later.shape[2]
        if plan.shape != self.share.shape or plan.min() < 0 or plan.max() >= levels:
            raise ValueError(f"a plan has shape {self.share.shape} and levels below {levels}, not {plan.shape}: {plan}")
        return self._brought(np.einsum("tac,tacm->tam", positions(plan, self.start, self.demand), self.later))

    def reached(self, plan: IntArray) -> FloatArray:
        """`(T, A, 2)` what a plan would bring if its levels were reached from above as well."""
        return self._brought(np.take_along_axis(self.later, plan[..., None, None], 2)[..., 0, :])

    def least_violation(self) -> FloatArray:
        """`(T, A)` the least that any level brings."""
        return self._brought(self.later.min(-2))[..., 1]

    def _brought(self, later: FloatArray) -> FloatArray:
        return np.concatenate((self.first, later[: self.effective]))


def prospect(stock: Stock, known: bool = False) -> Prospect:
    """What is to be expected of a stock, of the demand that its mean tells of, or is `known` to come.

    Its unmet demand is measured in the mean of that demand; in periods of little demand alone, in the mean of theirs,
    which is of the law, as nobody who knows what comes is told so.
    """
    law, mean = (KNOWN, stock.demand.astype(np.float64)) if known else (POISSON, stock.mean)
    lead, levels = stock.lead_time, np.arange(stock.levels + 1)
    scale = mean_demand(slow_demand(mean) if stock.slow_only else mean)
    orders = stock.first_orders(0).T  # (L, A)
    before = np.maximum(mean[:lead].cumsum(axis=0) - mean[:lead], 0.0)
    periods = (
        (orders.cumsum(axis=0), before, mean[:lead]),
        (levels, ahead(mean, lead)[..., None], np.roll(mean, -lead, axis=0)[..., None]),
    )
    first, later = (outcomes(level, earlier, last, law) for level, earlier, last in periods)
    if stock.slow_only:
        first[..., 1], later[..., 1] = (slow_unmet(level, earlier, last) for level, earlier, last in periods)
    first, later = (
        brought * np.stack(np.broadcast_arrays(stock.holding_cost, 1.0 / unit), -1)
        for brought, unit in ((first, scale), (later, scale[:, None]))
    )
    return Prospect(first, later, orders.sum(axis=0), law.chances(mean, len(levels)), mean / scale, stock.cost_scale)


def optimum(prospect: Prospect, scope: Scope, tolerance: float, weights: FloatArray | None = None) -> Optimum:
    """The best plan: by enumeration, or in scope average by a Lagrangian over time.

    Scope step asks each period for its limit whatever came before it. Then the plan of smallest levels is optimal even
    where an order would be negative: on every path of demand, no plan within the limits has a lower position. The same
    holds in scope average where the limit is out of reach. Otherwise such orders, like a limit that no mixture meets
    exactly, may leave a gap to the bound. The periods before the first order arrives are as they are, and infeasible in
    scope step where that is too much.

    Args:
        prospect: of the stock.
        scope: what is asked.
        tolerance: most unmet demand, a share of all.
        weights: `(A, 2)` for scope alpha.

    Returns:
        The optimum; `objective_residual` is what the orders that would be negative add to the cost.

    Raises:
        UsageError: scope alpha without weights.
    """
    begin = time.monotonic()
    plan, bounds = _PLANNERS[scope](prospect, tolerance, weights)
    brought = prospect.of(plan)
    costs, claimed = (_costs(prospect, each, weights) for each in (brought, prospect.reached(plan)))
    objective, bound = float(costs.sum()), float(np.minimum(bounds, costs).sum())
    violation, least = (_limited(scope, each) for each in (brought[..., 1], prospect.least_violation()))
    limit = _limit(prospect, scope, tolerance)
    return Optimum(
        plan=plan,
        feasible=violation <= limit + PROVEN,
        solver="lagrangian" if scope is Scope.AVERAGE else "enumeration",
        solver_version=__version__,
        termination=Termination.OPTIMAL if objective - bound <= PROVEN else Termination.BOUNDED,
        objective=objective,
        bound=bound,
        gap=(objective - bound) / objective if objective > bound else 0.0,
        seconds=time.monotonic() - begin,
        objective_residual=abs(objective - float(claimed.sum())),
        constraint_residual=max(0.0, float((violation - np.maximum(limit, least)).max())),
    )


def perfect(prospect: Prospect, weights: FloatArray) -> IntArray:
    """`(T, A)` at every step the level of least expected cost under weights `(A, 2)`, the smallest of equals."""
    return np.asarray(rewards(prospect.later, weights[:, None], prospect.cost_scale).argmax(-1))


def mean_demand(demand: FloatArray | IntArray) -> FloatArray:
    """`(A,)` the mean over steps `(T, A)`, or 1 where there is no demand that could be unmet."""
    mean = demand.mean(axis=0)
    return np.where(mean > 0.0, mean, 1.0)


Planned = tuple[IntArray, FloatArray]
"""A plan `(T, A)`, and what each item's mean cost `(A,)` is at least; infinite where the plan itself is the best.

The last L choices come to nothing. They are made as if the trace began anew, or as the last that does not.
"""


def _by_step(prospect: Prospect, tolerance: float, _: FloatArray | None) -> Planned:
    limit = np.roll(tolerance * prospect.share, -len(prospect.first), axis=0)  # of the period that a choice is for
    return smallest(prospect.later[..., 1], limit), np.full(limit.shape[1], np.inf)


def _on_average(prospect: Prospect, tolerance: float, _: FloatArray | None) -> Planned:
    later, scale = prospect.later[: prospect.effective], prospect.cost_scale
    spent, violated = np.moveaxis(prospect.first.sum(axis=0), -1, 0)
    steps, items = prospect.share.shape
    plans, bounds = zip(
        *(mixed(later[:, a, :, 0] / scale, later[:, a, :, 1], tolerance * steps - violated[a]) for a in range(items)),
        strict=True,
    )
    plan = np.pad(np.stack(plans, 1), ((0, len(prospect.first)), (0, 0)), mode="edge")
    return plan, (scale * np.array(bounds) + spent) / steps


def _weighed(prospect: Prospect, _: float, weights: FloatArray | None) -> Planned:
    if weights is None:
        raise UsageError("scope alpha needs weights")
    plan = perfect(prospect, weights)
    return plan, _costs(prospect, prospect.reached(plan), weights)


_PLANNERS = {Scope.STEP: _by_step, Scope.AVERAGE: _on_average, Scope.ALPHA: _weighed}


def _costs(prospect: Prospect, brought: FloatArray, weights: FloatArray | None) -> FloatArray:
    """`(A,)` what each item adds to the objective: its mean cost, or its part of the mean reward, turned round."""
    if weights is None:
        return np.asarray(brought[..., 0].mean(axis=0))
    return np.asarray(-rewards(brought, weights, prospect.cost_scale).mean(axis=0) / len(weights))


def _limited(scope: Scope, violation: FloatArray) -> FloatArray:
    """`(T, A)` of the violation what a scope limits: each by itself, or the item's mean."""
    return np.broadcast_to(violation.mean(axis=0), violation.shape) if scope is Scope.AVERAGE else violation


def _limit(prospect: Prospect, scope: Scope, tolerance: float) -> FloatArray:
    """`(T, A)` of it."""
    if scope is Scope.STEP:
        return tolerance * prospect.share
    return np.full_like(prospect.share, tolerance if scope is Scope.AVERAGE else np.inf)
