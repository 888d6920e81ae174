"""The replica problem by trying every joint plan, written from the specification and from nothing in `mamo_cli`."""

from itertools import product

import numpy as np

from mamo_cli.domains.faas.offline.problem import ReplicaProblem

TIE = 1e-6


def best(problem: ReplicaProblem, scope: str) -> tuple[float, float]:
    """(violation, cost) of the best plan: least violation first, then least mean cost."""
    steps, functions, _ = problem.rejection.shape
    ranges = [range(1, problem.max_replicas[t, f] + 1) for t in range(steps) for f in range(functions)]
    plans = np.array(list(product(*ranges))).reshape(-1, steps, functions)
    if problem.memory_capacity is not None:
        plans = plans[np.all(plans @ problem.memory_per_replica <= problem.memory_capacity + 1e-9, axis=1)]
    violation, cost = violations(problem, scope, plans), costs(problem, scope, plans)
    least = violation.min()
    return float(least), float(cost[violation <= least + TIE].min())


def lookup(table: np.ndarray, plans: np.ndarray) -> np.ndarray:
    steps, functions, _ = table.shape
    return table[np.arange(steps)[:, None], np.arange(functions), plans - 1]


def violations(problem: ReplicaProblem, scope: str, plans: np.ndarray) -> np.ndarray:
    rejection = lookup(problem.rejection, plans)
    if scope == "step":
        return np.clip(rejection - problem.tolerance, 0, None).sum(axis=(1, 2))
    if scope == "average":
        return np.clip(rejection.mean(axis=1) - problem.tolerance, 0, None).sum(axis=1)
    return np.zeros(len(plans))


def costs(problem: ReplicaProblem, scope: str, plans: np.ndarray) -> np.ndarray:
    steps, _, cap = problem.rejection.shape
    added = np.clip(np.diff(plans, axis=1), 0, None).sum(axis=1)
    scale_up = 0.0 if problem.scale_up_cost is None else problem.scale_up_cost
    spent = plans.sum(axis=1) * problem.replica_cost + added * scale_up  # (plans, F)
    if scope != "alpha":
        return spent.sum(axis=1) / steps
    everything = np.mean(problem.replica_cost * cap)  # of a period in which all replicas run, a function
    normalised = spent / (everything * steps)
    expected = lookup(problem.expected_rejection, plans).mean(axis=1)
    return ((1 - problem.alpha) * normalised + problem.alpha * expected).mean(axis=1)
