"""The best plan of a fleet by step, with perfect knowledge of its rates, and how far it is proven.

Scope alpha is one elimination, exact; scope step is that of `steps.py`. Scope average is a Lagrangian: the best mixture
of joint plays is a bound (`solvers/columns.py`), and a plan near it is pieced together from plays at prices around its
own. Costs are sums over nodes, in the domain's own unit; of scope alpha what it weighs, a mean over nodes.
"""

import time
from dataclasses import replace

import numpy as np

from mamo_cli import __version__
from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, SolverError, UsageError
from mamo_cli.core.seam import Optimum, Scope, Termination
from mamo_cli.domains.faas.fleet.outlook import Outlook
from mamo_cli.domains.faas.fleet.pooled import Bracket, Total, bracket, service_times
from mamo_cli.domains.faas.fleet.steps import PROVEN, ROOM, Steps, solved
from mamo_cli.domains.faas.rejection.models import RejectionModel
from mamo_cli.solvers.columns import MOST_LIMITS, cheapest
from mamo_cli.solvers.program import Clock, Session
from mamo_cli.solvers.rounding import pieced
from mamo_cli.solvers.sessions import with_first

RESIDUAL = 1e-6
"""What is further beyond a limit is beyond it."""

SCALES = np.geomspace(0.25, 4.0, 17)
"""Of the prices around the best ones, at which plans are tried."""

LEAST = 1e3
"""What a lost request/s weighs at most, in the unit of a program, where a replica weighs little beside it."""

DEAR = (16.0, 256.0)
"""Further factors, for plans well within the limits."""


def optimum(
    planned: Outlook,
    over_noise: Outlook,
    limits: FloatArray,
    scope: Scope,
    weights: FloatArray | None = None,
    solver: str = "auto",
    time_limit_s: float | None = None,
) -> Optimum:
    """The best plan of a scope.

    Args:
        planned: at the rates before any noise, of scopes step and average.
        over_noise: in expectation over the noise, of scope alpha.
        limits: `(M,)` tolerances.
        scope: what is asked.
        weights: `(M, 2)` for scope alpha.
        solver: of scope step alone, see `steps.solved`.
        time_limit_s: likewise.

    Raises:
        NothingExactError: too many nodes touch one another.
        UsageError: scope alpha without weights.
        SolverError: no solver can answer.
    """
    begin = time.monotonic()
    if scope is Scope.ALPHA:
        found = _weighed(over_noise, weights)
    elif scope is Scope.STEP:
        found = _by_step(planned, limits, solved(planned, limits, solver, time_limit_s))
    else:
        found = _on_average(planned, limits)
    return replace(found, seconds=time.monotonic() - begin)


def _weighed(outlook: Outlook, weights: FloatArray | None) -> Optimum:
    if weights is None:
        raise UsageError("scope alpha needs weights")
    plan = outlook.best(weights)
    objective = float((outlook.objectives(plan) * weights).sum((1, 2)).mean()) / plan.shape[1]
    return _told(plan, np.ones(plan.shape, dtype=np.bool_), objective, objective)


def pooled(
    outlook: Outlook,
    models: tuple[RejectionModel, ...],
    weights: FloatArray | None,
    solver: str,
    time_limit_s: float | None,
) -> Optimum:
    """Scope alpha of the share that is lost of all requests of the fleet, over the horizon, in place of the nodes' own.

    By elimination where auto may and few nodes touch one another, else by programs (`pooled.py`).

    Args:
        outlook: without noise.
        models: of each node.
        weights: `(M, 2)`, alike for all nodes.
        solver: see `CHAINS`.
        time_limit_s: of the programs together; every period that is left has as much of it.

    Raises:
        NothingExactError: too many nodes touch one another, and the rejection model is not Erlang's.
        UsageError: scope alpha without weights, or not alike.
        SolverError: no solver can answer.
    """
    begin = time.monotonic()
    if weights is None or (weights != weights[0]).any():
        raise UsageError("scope alpha of all requests needs the same weights for all nodes")
    count, nodes = outlook.rates.shape
    all_requests = outlook.rates.sum(1).mean() or 1.0
    try:
        if solver != "auto":
            raise NothingExactError(f"{solver} is asked")
        each = np.broadcast_to(weights, (count, nodes, 2)).copy()
        each[..., 1] *= outlook.rates * nodes / all_requests
        found = _weighed(outlook, each)
    except NothingExactError:
        pay, price = weights[0, 0] / (nodes * outlook.fleet.cost_scale), weights[0, 1] / all_requests
        found = _certified(outlook, service_times(models), (float(pay), float(price)), solver, time_limit_s)
    return replace(found, seconds=time.monotonic() - begin)


def _certified(
    outlook: Outlook, service_s: FloatArray, weigh: tuple[float, float], solver: str, time_limit_s: float | None
) -> Optimum:
    """Period by period, by programs; their own unit is what a replica weighs, which solvers do not look away from."""
    caps, clock = outlook.fleet.node.max_replicas, Clock(time_limit_s)
    unit = max(weigh[0] * float(outlook.fleet.node.replica_cost.max()), weigh[1] / LEAST)
    pay, price = (each / unit for each in weigh)
    found: list[Bracket] = []

    def work(session: Session) -> None:
        while len(found) < len(caps):
            left, t = clock.left(), len(found)
            total = Total(outlook.fleet, outlook.rates[t], caps[t], service_s, pay, price)
            found.append(bracket(total, session, None if left is None else left / (len(caps) - t)))

    name, version, notices = with_first(solver, work)
    plan = np.stack([each.options * outlook.fleet.node.replica_choices + each.replicas - 1 for each in found])
    lost = (outlook.objectives(plan)[..., 1] * outlook.rates).sum(1)
    cost, _ = brought(outlook, plan)
    objective = float((weigh[0] * cost + weigh[1] * lost).mean())
    claimed, bound = (unit * float(np.mean(ends)) for ends in ([e.upper for e in found], [e.lower for e in found]))
    if abs(claimed - objective) > RESIDUAL * objective:
        raise SolverError(f"{name}'s plan weighs {objective:.9g}, and the program says {claimed:.9g}")
    told = _told(plan, np.ones(plan.shape, dtype=np.bool_), objective, bound)
    closed = all(each.proven for each in found)
    unproven = Termination.BOUNDED if time_limit_s is None else Termination.TIME_LIMIT
    return replace(
        told,
        solver=name,
        solver_version=version,
        termination=Termination.OPTIMAL if closed else unproven,
        objective_residual=abs(claimed - objective),
        notices=tuple(f"scope alpha: {notice}" for notice in notices),
    )


def _by_step(outlook: Outlook, limits: FloatArray, steps: Steps) -> Optimum:
    """What was found, recomputed from the plan.

    Raises:
        SolverError: it is not what a solver said.
    """
    cost, lost = brought(outlook, steps.plan)
    claimed = np.where(np.isfinite(steps.upper), steps.upper, cost)
    beyond = np.where(lost > limits + ROOM, lost - limits, 0.0).sum(1) - steps.excess
    residual, broken = float(np.abs(cost - claimed).max()), max(float(beyond.max()), 0.0)
    if residual > RESIDUAL * float(cost.max()) or (steps.proven and broken > RESIDUAL):
        raise SolverError(f"{steps.solver}'s plan costs {residual:.3g} more, or loses {broken:.3g} more, than it says")
    told = _told(steps.plan, lost <= limits + RESIDUAL, float(cost.mean()), float(np.minimum(steps.lower, cost).mean()))
    return replace(
        told,
        solver=steps.solver,
        solver_version=steps.version,
        termination=told.termination if steps.proven else Termination.TIME_LIMIT,
        objective_residual=residual,
        constraint_residual=broken,
        notices=tuple(steps.notices),
    )


def _on_average(outlook: Outlook, limits: FloatArray) -> Optimum:
    """A plan near the best mixture, and that mixture's cost, which bounds it.

    Raises:
        NothingExactError: too many nodes for a mixture within the limits of all.
    """
    if len(limits) > MOST_LIMITS:
        raise NothingExactError(f"plans within {len(limits)} means are not sought: at most {MOST_LIMITS} are in time")
    count, scale = len(outlook.rates), outlook.fleet.cost_scale

    def play(weights: FloatArray) -> IntArray:
        cost = np.full(len(limits), weights[0] * scale)
        return outlook.best(np.stack((cost, weights[1:]), 1))

    def oracle(weights: FloatArray) -> FloatArray:
        cost, lost = brought(outlook, play(weights[0]))
        return np.asarray(np.r_[cost.mean(), lost.mean(0)][None])

    mixed = cheapest(oracle, limits[None])[0]
    prices, price = mixed.multipliers, float(mixed.excess <= ROOM)
    tried = [np.r_[price, prices * factor] for factor in (*SCALES, *DEAR)]
    one = np.eye(len(limits), dtype=np.bool_)
    tried += [np.r_[price, np.where(own, prices * factor, prices)] for own in one for factor in SCALES]
    pool = np.stack([play(each) for each in (*mixed.weights, *tried)])
    costs, lost = (np.stack(each) for each in zip(*(brought(outlook, plan) for plan in pool), strict=True))
    chosen = pieced(costs, lost, limits * count, prices) if price else None
    notices: tuple[str, ...] = ()
    if chosen is None:
        excess = np.maximum(lost.mean(1) - limits, 0.0).sum(1)
        chosen = np.full(count, np.lexsort((costs.mean(1), excess))[0])
        why = "were found" if price else "can be"
        notices = (f"scope average: no plans within every tolerance {why}; of those tried this one is least beyond",)
    plan = pool[chosen, np.arange(count)]
    cost, means = costs[chosen, np.arange(count)].mean(), lost[chosen, np.arange(count)].mean(0)
    bound = float(mixed.objectives[0] - mixed.gap) if price else 0.0
    kept = np.broadcast_to(means <= limits + RESIDUAL, plan.shape)
    told = _told(plan, kept, float(cost), bound)
    broken = np.maximum(means - limits, 0.0)
    return replace(told, solver="lagrangian", constraint_residual=float(broken.max()), notices=notices)


def brought(outlook: Outlook, plan: IntArray) -> tuple[FloatArray, FloatArray]:
    """`(T,)` what a plan costs, summed over nodes, and `(T, M)` the share of each node's requests that it loses."""
    objectives = outlook.objectives(plan)
    return objectives[..., 0].sum(1) * outlook.fleet.cost_scale, objectives[..., 1]


def _told(plan: IntArray, feasible: BoolArray, objective: float, bound: float) -> Optimum:
    bound = min(bound, objective)
    gap = (objective - bound) / objective if objective else 0.0
    return Optimum(
        plan=plan,
        feasible=feasible,
        solver="elimination",
        solver_version=__version__,
        termination=Termination.OPTIMAL if gap <= PROVEN else Termination.BOUNDED,
        objective=objective,
        bound=bound,
        gap=gap,
        seconds=0.0,
        objective_residual=0.0,
        constraint_residual=0.0,
    )
