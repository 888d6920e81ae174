"""Scope step of a fleet: in every period least violation, summed over nodes, then least cost.

What a node needs at least under its flows, so that nobody loses more than the tolerance to it alone, and what surely
suffices, so that it rejects no more than the least tolerance of whose requests it serves, are functions of what few
nodes forward: elimination finds the cheapest of both, a bound and a plan. Where they differ, all joint choices of the
period are tried, or where these are many a program finds the best (`program.py`).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mamo_cli import __version__
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Termination
from mamo_cli.domains.faas.fleet.outlook import FLOWS, Outlook
from mamo_cli.domains.faas.fleet.program import Period
from mamo_cli.solvers.program import Answer, Clock, NoPlanError, Session
from mamo_cli.solvers.sessions import with_first

ENUMERATED = 100_000
"""Joint choices of a period, at most, that are tried one by one."""

ROOM = 1e-7
"""By how much a plan may be beyond a limit while it is sought: solvers' rounding."""

PROVEN = 1e-9
"""Costs that differ by less, relative to themselves, are one."""


@dataclass(eq=False)
class Steps:
    """The plan of every period as far as it is known; costs are of a period, summed over nodes, in their own unit.

    Attributes:
        plan: `(T, M)` choices.
        lower: `(T,)` no plan of least violation costs less; 0 where nothing is proven.
        upper: `(T,)` what the plan costs, infinite where none is known to keep the limits.
        needed: of each node `(T, s, a, b, ...)` what it pays at least, by its flows, where all limits are kept.
        excess: `(T,)` the least that shares are beyond the limits, summed over nodes.
        solver, version: who found the last of them.
        proven: whether no solver was cut short.
        notices: for each solver that was passed over, a line.
    """

    plan: IntArray
    lower: FloatArray
    upper: FloatArray
    excess: FloatArray
    needed: list[FloatArray]
    solver: str = "elimination"
    version: str = __version__
    proven: bool = True
    notices: list[str] = field(default_factory=list)


def few(outlook: Outlook) -> bool:
    """Whether the joint choices of a period are few enough to be tried one by one."""
    return bool(np.prod(outlook.fleet.choices, dtype=object) <= ENUMERATED)


def solved(outlook: Outlook, limits: FloatArray, solver: str, time_limit_s: float | None) -> Steps:
    """The best plan.

    Args:
        outlook: without noise.
        limits: `(M,)` tolerances.
        solver: auto tries what is few one by one; see `CHAINS`.
        time_limit_s: of the programs together; what is left then is as elimination found it.

    Raises:
        NothingExactError: too many nodes touch one another.
        SolverError: no solver can answer.
    """
    clock = Clock(time_limit_s)
    steps = between(outlook, limits)
    left = np.flatnonzero(~np.isfinite(steps.upper) | (steps.upper * (1.0 - PROVEN) > steps.lower))
    if len(left) and solver == "auto" and few(outlook):
        enumerate_(outlook, limits, steps, left)
    elif len(left):
        _by_program(outlook, limits, steps, left, solver, clock)
    return steps


def between(outlook: Outlook, limits: FloatArray) -> Steps:
    """The plan of what surely suffices, and the bound of what is needed at least."""
    needed, enough = [], []
    for m, near in enumerate(outlook.fleet.neighbours):
        rejection, paid = outlook.rejection[m], outlook.paid(m)
        shares = FLOWS[np.indices(rejection.shape[1:-1])]
        lost = [(1.0 - shares[0], limits[m]), *((shares[1 + k], limits[j]) for k, j in enumerate(near))]
        at_least, at_most = (np.ones(rejection.shape, dtype=np.bool_) for _ in range(2))
        for share, limit in lost:
            at_least &= share[..., None] * rejection <= limit + ROOM
            at_most &= (share == 0.0)[..., None] | (rejection <= limit + ROOM)
        needed.append(np.where(at_least, paid, np.inf).min(-1))
        enough.append(np.where(at_most, paid, np.inf))
    options, at = outlook.cheapest_flows([each.min(-1) for each in enough])
    steps = np.arange(len(options))
    chosen = [each[(steps, *flows)] for each, flows in zip(enough, at, strict=True)]
    plan = options * outlook.fleet.node.replica_choices + np.stack([each.argmin(-1) for each in chosen], 1)
    _, at = outlook.cheapest_flows(needed)
    lower = np.sum([each[(steps, *flows)] for each, flows in zip(needed, at, strict=True)], 0)
    upper = np.sum([each.min(-1) for each in chosen], 0)
    return Steps(np.asarray(plan), np.where(np.isfinite(lower), lower, 0.0), upper, np.zeros(len(plan)), needed)


def enumerate_(outlook: Outlook, limits: FloatArray, steps: Steps, left: Sequence[int] | IntArray) -> None:
    """Try every joint choice of some periods."""
    fleet, nodes = outlook.fleet, range(outlook.fleet.nodes)
    options = np.array(list(itertools.product(*map(range, fleet.options))))
    replicas = np.array(list(itertools.product(range(fleet.node.replica_choices), repeat=fleet.nodes)))
    shares = fleet.shares()[options]
    to = np.where(shares > 0.0, np.take_along_axis(fleet.receivers().T, options, 0), np.arange(fleet.nodes))
    flows, paid = outlook.flows(options), [outlook.paid(m) for m in nodes]
    for t in left:
        bound = np.sum([needed[(t, *at)] for needed, at in zip(steps.needed, flows, strict=True)], 0)
        worth = np.flatnonzero((bound <= steps.upper[t] * (1.0 + PROVEN)) | np.isinf(steps.upper[t]))
        here = [tuple(each[worth] for each in at) for at in flows]
        own = np.stack([outlook.rejection[m][(t, *here[m])][:, replicas[:, m]] for m in nodes], -1)
        there = np.take_along_axis(own, np.broadcast_to(to[worth, None], own.shape), -1)
        lost = own + shares[worth, None] * (there - own)
        excess = np.where(lost > limits + ROOM, lost - limits, 0.0).sum(-1)
        cost = np.zeros(excess.shape)
        for m in nodes:
            cost += paid[m][(t, here[m][0], *(0 * each for each in here[m][1:]))][:, replicas[:, m]]
        excess = np.where(np.isfinite(cost), excess, np.inf)
        which = np.where(excess <= excess.min() + ROOM, cost, np.inf)
        option, count = np.unravel_index(which.argmin(), which.shape)
        steps.plan[t] = options[worth[option]] * fleet.node.replica_choices + replicas[count]
        steps.lower[t] = steps.upper[t] = which.min()
        steps.excess[t] = excess[option, count]
    steps.solver = "enumeration"


def _by_program(outlook: Outlook, limits: FloatArray, steps: Steps, left: IntArray, solver: str, clock: Clock) -> None:
    waiting = left.tolist()

    def work(session: Session) -> None:
        while waiting:
            _solve(outlook, limits, steps, waiting[0], session, clock)
            waiting.pop(0)

    steps.solver, steps.version, notices = with_first(solver, work)
    steps.notices += [f"scope step: {notice}" for notice in notices]


def _solve(outlook: Outlook, limits: FloatArray, steps: Steps, t: int, session: Session, clock: Clock) -> None:
    """One period by a solver: first the least excess where no plan is known to keep all limits, then the least cost."""
    known = np.isfinite(steps.upper[t])
    period = Period(outlook, t, tuple(_worth_a_variable(outlook, limits, steps, t, m) for m in range(len(limits))))
    try:
        if not known:
            least = _proven(session.run(period.program(limits, None), clock.left())).objective
            steps.excess[t] = least if least > ROOM else 0.0
        excess = steps.excess[t] + (ROOM if steps.excess[t] else 0.0)
        start = steps.plan[t] if known else None
        answer = session.run(period.program(limits + ROOM / 2, excess, start), clock.left())
    except NoPlanError:
        if clock.left() is None:
            raise
        steps.proven = False
        if not known:  # the play that loses least in all, and nothing proven of it
            steps.plan[t] = outlook.best(np.array([0.0, 1.0]))[t]
            steps.lower[t] = 0.0
        return
    proven = answer.termination is Termination.OPTIMAL
    steps.plan[t], steps.upper[t] = period.plan(answer.values), answer.objective
    steps.lower[t] = max(answer.objective if proven else answer.bound, steps.lower[t])
    steps.proven &= proven


def _proven(answer: Answer) -> Answer:
    """An answer that is.

    Raises:
        NoPlanError: it was cut short, and bounds nothing.
    """
    if answer.termination is not Termination.OPTIMAL:
        raise NoPlanError("the least violation was not found in time")
    return answer


def _worth_a_variable(outlook: Outlook, limits: FloatArray, steps: Steps, t: int, m: int) -> IntArray:
    """`(C, 1 + D + 1)` flows and replicas of a node that a best plan may have; all within the cap where in doubt."""
    rejection, paid = outlook.rejection[m][t], np.broadcast_to(outlook.paid(m)[t], outlook.rejection[m][t].shape)
    allowed = np.isfinite(paid)
    if np.isfinite(steps.upper[t]):
        shares = FLOWS[np.indices(rejection.shape[:-1])]
        for share, j in zip((1.0 - shares[0], *shares[1:]), (m, *outlook.fleet.neighbours[m]), strict=True):
            allowed &= share[..., None] * rejection <= limits[j] + ROOM
    return np.argwhere(allowed)
