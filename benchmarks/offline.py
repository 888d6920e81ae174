"""Offline solves by solver, size and scope, each proven optimal or its gap stated."""

import numpy as np

from benchmarks.rows import Row, measured
from benchmarks.timing import seconds_each
from mamo_cli.core.errors import MamoError
from mamo_cli.domains.faas.domain import build, load
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace

SOLVERS = ("gurobi", "cbc", "highs")
SCOPES = ("step", "average")
WEEK_STEPS, WEEK_FUNCTIONS = 7 * 144, 10
TIME_LIMIT_S = 60.0


def run(quick: bool, repeats: int) -> list[Row]:
    """Rows for the reference instance and, unless quick, for the week."""
    config = InstanceConfig()
    problems = {"288 steps x 1 function x 10 replicas": problem_of(config, load(config))}
    if not quick:
        problems[f"{WEEK_STEPS} steps x {WEEK_FUNCTIONS} functions x 10 replicas"] = problem_of(config, week())
    return [
        solve_row(problem, scope, solver, size, repeats)
        for size, problem in problems.items()
        for scope in SCOPES
        for solver in SOLVERS
    ]


def problem_of(config: InstanceConfig, trace: Trace) -> ReplicaProblem:
    """What `mamo solve-offline` solves."""
    return build(config, trace, trace).problem


def week() -> Trace:
    """Seven days of ten functions in periods of ten minutes: a daily wave each, of its own phase, size and noise."""
    rng = np.random.default_rng(0)
    step = np.arange(WEEK_STEPS)[:, None]
    peak = rng.uniform(20.0, 90.0, WEEK_FUNCTIONS)
    phase = rng.uniform(0.0, 144.0, WEEK_FUNCTIONS)
    wave = peak * (0.55 + 0.45 * np.sin(2.0 * np.pi * (step + phase) / 144.0))
    rate = wave * (1.0 + rng.uniform(-0.1, 0.1, wave.shape))
    names = tuple(f"f{function}" for function in range(WEEK_FUNCTIONS))
    return Trace(functions=names, expected_rate_rps=rate, actual_rate_rps=rate, step_seconds=600.0)


def solve_row(problem: ReplicaProblem, scope: str, solver: str, size: str, repeats: int) -> Row:
    """One solver on one problem; slow solves are not repeated more than they need to be."""
    try:
        first = solve(problem, scope, solver, TIME_LIMIT_S)
    except MamoError as error:
        return measured("offline", solver, "s", [], cores=1, note=f"scope {scope}, {size}: {error}")
    slow = first.seconds > 5.0
    seconds = [first.seconds] if slow else seconds_each(lambda: solve(problem, scope, solver, TIME_LIMIT_S), repeats)
    proof = str(first.termination) + ("" if first.gap <= 1e-9 else f", gap {first.gap:.1e}")
    note = "; ".join((f"scope {scope}, {size}: {proof}", *first.notices))
    return measured("offline", first.solver, "s", seconds, version=first.solver_version, cores=1, note=note)
