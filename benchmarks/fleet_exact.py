"""How far a fleet's exact answers go: gap and CPU time over nodes and topology, `python -m benchmarks.fleet_exact`.

Sinusoids as `mamo solve-offline --domain fleet` has them, a day of 288 periods, settings at their defaults. The causal
bound is a mixture of joint plays; scopes step and average are whole plans; what all nodes pay and lose, under erlang at
alpha .8, is certified period by period (`domains/faas/fleet/pooled.py`), here the first of the day. CPU seconds are of
this process, and of HiGHS within it.
"""

import csv
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Scope
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet.domain import FleetDomain, build, load
from mamo_cli.domains.faas.fleet.pooled import Total, bracket, service_times
from mamo_cli.domains.faas.fleet.settings import FleetConfig, Planning
from mamo_cli.runs.engine import limit_threads
from mamo_cli.solvers.sessions import SESSIONS

CSV = Path(__file__).with_name("fleet_exact.csv")
COLUMNS = (
    "topology",
    "nodes",
    "question",
    "solver",
    "cost_per_node",
    "gap",
    "within_limits",
    "programs",
    "cpu_seconds",
)
FLEETS = (("none", 3), ("full", 3), ("full", 4), ("ring", 10), ("star", 10))
TOTALS = (("full", 3), ("ring", 10), ("star", 10), ("full", 10))
SLOW = ("full", 4)  # its plan by step takes minutes
ALPHA = 0.8


Found = tuple[str, float, float, float | str, int | str]
"""Solver, cost a node, gap, share of periods within all limits, programs."""


def fleet(topology: Any, nodes: int, **settings: Any) -> FleetDomain:
    """So many nodes, for solve-offline."""
    config = FleetConfig(topology=topology, nodes=nodes, **settings)
    source = load(config)
    return build(config, source, source, Planning())


def timed(work: Callable[[], Found]) -> tuple[Any, ...]:
    """What some work found, and its CPU seconds."""
    start = time.process_time()
    try:
        found: tuple[Any, ...] = work()
    except NothingExactError:
        found = ("none: too entangled", "", "", "", "")
    return (*found, round(time.process_time() - start, 2))


def planned(domain: FleetDomain, scope: Scope) -> Found:
    """A whole plan."""
    found = domain.optimum(scope, solver="auto" if scope is Scope.AVERAGE or len(domain.spec.agents) <= 3 else "highs")
    return found.solver, found.objective / len(domain.spec.agents), found.gap, found.feasible.all(1).mean(), ""


def bounded(domain: FleetDomain) -> Found:
    """The causal bound."""
    found = bound(domain)
    return "columns", found.cost * domain.spec.cost_scale, found.gap / found.cost, 1.0, ""


def total(topology: str, nodes: int) -> Found:
    """The least total of the first period."""
    domain = fleet(topology, nodes, rejection_model="erlang")
    rates, fleet_ = domain.case.known_rate_rps, domain.evaluation
    pay, price = weights_of(np.array(ALPHA)) / (nodes * domain.spec.cost_scale, rates.sum(1).mean())
    period = Total(fleet_, rates[0], fleet_.node.max_replicas[0], service_times(domain.case.models), 1.0, price / pay)
    with SESSIONS["highs"]() as session:
        found = bracket(period, session, None)
    return "highs", found.upper / nodes, (found.upper - found.lower) / found.upper, "", found.rounds


def rows() -> Iterator[tuple[Any, ...]]:
    """What is asked of which fleet, one by one."""
    for one in TOTALS:
        yield *one, "total of a period", *timed(functools.partial(total, *one))
    for one in FLEETS:
        yield *one, "causal bound", *timed(lambda one=one: bounded(fleet(*one)))
        for scope in (Scope.AVERAGE, Scope.STEP):
            if (one, scope) != (SLOW, Scope.STEP):
                yield *one, f"plan, {scope}", *timed(lambda one=one, scope=scope: planned(fleet(*one), scope))


def main() -> None:
    """Write the table."""
    limit_threads()
    with CSV.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows():
            writer.writerow(row)
            file.flush()
            print(*row)


if __name__ == "__main__":
    main()
