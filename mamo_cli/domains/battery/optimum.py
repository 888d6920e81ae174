"""The best plan of batteries, with everything needed to trust it."""

import time

import numpy as np

from mamo_cli import __version__
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Optimum, Scope, Termination
from mamo_cli.core.weights import rewards
from mamo_cli.domains.battery.environment import Homes
from mamo_cli.domains.battery.exact import at_plan, best_path, mixed, within

PROVEN = 1e-9
"""Costs, and violations, that differ by less are one."""


def optimum(
    homes: Homes, tables: FloatArray, scope: Scope, tolerance: float, weights: FloatArray | None = None
) -> Optimum:
    """The best plan of every home, which knows nothing of the others: by dynamic programming on the charge.

    Scope step asks every period for its limit: of the plans whose excess above it is least in all, the cheapest. Scope
    average adds a Lagrangian over time, which may leave a gap to the bound.

    Args:
        homes: with their batteries.
        tables: `(T, A, C, 3)` of them, see `exact.tables`.
        scope: what is asked.
        tolerance: most excess, a share of the load.
        weights: `(A, 2)` for scope alpha.

    Raises:
        UsageError: scope alpha without weights.
    """
    begin = time.monotonic()
    planned = [_planned(homes, tables[:, a, :, :2], scope, tolerance, weights, a) for a in range(tables.shape[1])]
    plan = np.stack([each for each, _ in planned], 1)
    done = within(plan, homes.moves, homes.levels)
    brought, claimed = (at_plan(tables[..., :2], each) for each in (done, plan))
    weighed = weights if scope is Scope.ALPHA else None
    costs = _costs(homes, brought, weighed)
    objective, bound = float(costs.sum()), float(np.minimum([each for _, each in planned], costs).sum())
    violation = brought[..., 1]
    if scope is Scope.AVERAGE:
        violation = np.broadcast_to(violation.mean(axis=0), violation.shape)
    beyond = violation - (np.inf if scope is Scope.ALPHA else tolerance)
    return Optimum(
        plan=plan,
        feasible=beyond <= PROVEN,
        solver="lagrangian" if scope is Scope.AVERAGE else "dynamic programming",
        solver_version=__version__,
        termination=Termination.OPTIMAL if objective - bound <= PROVEN else Termination.BOUNDED,
        objective=objective,
        bound=bound,
        gap=(objective - bound) / objective if objective > bound else 0.0,
        seconds=time.monotonic() - begin,
        objective_residual=abs(objective - float(_costs(homes, claimed, weighed).sum())),
        constraint_residual=max(0.0, float(beyond.max())),
    )


def _planned(
    homes: Homes, table: FloatArray, scope: Scope, tolerance: float, weights: FloatArray | None, home: int
) -> tuple[IntArray, float]:
    """A plan `(T,)` of one home, of whose bill and excess `(T, C, 2)` is told, and what its mean cost is at least.

    The latter is infinite where no plan is better.
    """
    cost, excess = table[..., 0] / homes.cost_scale, np.ascontiguousarray(table[..., 1])
    if scope is Scope.AVERAGE:
        plan, bound = mixed(cost, excess, tolerance * len(cost), homes.levels)
        return plan, bound * homes.cost_scale / len(cost)
    if scope is Scope.STEP:
        return best_path(cost, np.maximum(excess - tolerance, 0.0), homes.levels), np.inf
    if weights is None:
        raise UsageError("scope alpha needs weights")
    return perfect(cost, excess, weights[home], homes.levels), np.inf


def perfect(cost: FloatArray, excess: FloatArray, weights: FloatArray, levels: int) -> IntArray:
    """`(T,)` the choices of least weighed sum of the normalised cost and the excess `(T, C)`, under weights `(2,)`."""
    return best_path(weights[0] * cost + weights[1] * excess, np.zeros_like(cost), levels)


def _costs(homes: Homes, brought: FloatArray, weights: FloatArray | None) -> FloatArray:
    """`(A,)` what each home adds to the objective: its mean cost, or its part of the mean reward, turned round."""
    if weights is None:
        return np.asarray(brought[..., 0].mean(axis=0))
    return np.asarray(-rewards(brought, weights, homes.cost_scale).mean(axis=0) / len(weights))
