"""`mamo solve-offline`: the exact optimum, and its evaluation under noise."""

from typing import Any

from mamo_cli.cli.console import OUTPUT, print_facts
from mamo_cli.cli.options import INSTANCE_OPTIONS, AsJson, ConfigFile, Fresh, Name, configured
from mamo_cli.config import SolveOfflineConfig, resolve

SOLVER_OPTIONS = ("scope", "alpha", "solver", "time_limit", "memory_per_replica", "node_memory", "scale_up_cost")
PLAN_COLUMNS = (
    "step",
    "function",
    "expected_rate",
    "actual_rate",
    "replicas",
    "cost",
    "rejection_expected",
    "rejection_actual",
    "feasible",
)
SHOWN = (
    "scope",
    "solver",
    "termination",
    "mean_replicas",
    "mean_cost",
    "mean_rejection_expected",
    "mean_rejection_actual",
    "share_above_tolerance",
    "infeasible_steps",
    "gap",
    "seconds",
)


@configured(SolveOfflineConfig, {**INSTANCE_OPTIONS, **{name: name for name in SOLVER_OPTIONS}})
def solve_offline(
    *,
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    name: Name = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Find the cheapest plan with perfect knowledge.

    It is proven optimal where the solver can, and then played under noise. Infeasible steps are kept and marked.
    """
    from mamo_cli.adaptation.wa_agent import alpha_grid
    from mamo_cli.cli.session import finish, layers, open_session, write_frontier
    from mamo_cli.offline.solve import solve
    from mamo_cli.runs.tables import write_table
    from mamo_cli.scaling.instance import build_case, load_trace

    config = resolve(SolveOfflineConfig, *layers(config_file, overrides))
    trace = load_trace(config.instance)
    case = build_case(config.instance, trace, evaluation_trace=trace)
    problem = _problem(config, case)
    with open_session("solve-offline", config.scope, config, trace.digest(), name=name, fresh=fresh) as run:
        if not run.complete:
            for warning in case.warnings:
                OUTPUT.warn(warning)
            solution = solve(problem, config.scope, config.solver, config.time_limit)
            for notice in solution.notices:
                OUTPUT.warn(notice)
            rows = _plan_rows(config, case, solution)
            write_table(run.path / "plan.csv", PLAN_COLUMNS, rows)
            summary = _summary(config, case, solution, rows)
            write_table(run.path / "summary.csv", list(summary), [list(summary.values())])
            write_frontier(run, case, config.instance, alpha_grid(0.1), told=solution.notices)
            solver = {"name": solution.solver, "version": solution.solver_version}
            run.record(summary=summary, solver=solver, seeds=[config.instance.noise_seed])
    summary = run.manifest["summary"]
    finish(run, summary, as_json, lambda: print_facts({name: summary[name] for name in SHOWN}))


def _problem(config: SolveOfflineConfig, case: Any) -> Any:
    from dataclasses import replace

    import numpy as np

    from mamo_cli.analysis.exact import replica_problem
    from mamo_cli.errors import UsageError

    if (config.memory_per_replica is None) != (config.node_memory is None):
        raise UsageError("--memory-per-replica and --node-memory go together")
    problem = replica_problem(case, config.instance, config.alpha)
    steps, functions, _ = problem.shape
    return replace(
        problem,
        memory_per_replica=None if config.memory_per_replica is None else np.full(functions, config.memory_per_replica),
        memory_capacity=None if config.node_memory is None else np.full(steps, config.node_memory),
        scale_up_cost=None if config.scale_up_cost is None else np.full(functions, config.scale_up_cost),
    )


def _plan_rows(config: SolveOfflineConfig, case: Any, solution: Any) -> list[list[Any]]:
    trace = case.evaluation.trace
    planned, actual = (
        case.exact_rejection(rates, solution.replicas) for rates in (trace.expected_rate_rps, trace.actual_rate_rps)
    )
    return [
        [
            step, function, trace.expected_rate_rps[step, f], trace.actual_rate_rps[step, f],
            int(solution.replicas[step, f]), solution.replicas[step, f] * config.instance.replica_cost,
            planned[step, f], actual[step, f], int(solution.feasible[step, f]),
        ]
        for step in range(trace.steps)
        for f, function in enumerate(trace.functions)
    ]  # fmt: skip


def _summary(config: SolveOfflineConfig, case: Any, solution: Any, rows: list[list[Any]]) -> dict[str, Any]:
    tolerance = config.instance.tolerance
    replicas = solution.replicas
    return {
        "scope": config.scope,
        "alpha": config.alpha if config.scope == "alpha" else None,
        "tolerance": tolerance,
        "step_seconds": case.source.step_seconds,
        "replica_steps": int(replicas.sum()),
        "mean_replicas": float(replicas.mean()),
        "mean_cost": float(replicas.mean() / case.evaluation.replica_choices),
        "mean_rejection_expected": sum(row[6] for row in rows) / len(rows),
        "mean_rejection_actual": sum(row[7] for row in rows) / len(rows),
        "share_above_tolerance": sum(row[7] > tolerance for row in rows) / len(rows),
        "infeasible_steps": int((~solution.feasible).any(axis=1).sum()),
        "solver": solution.solver,
        "solver_version": solution.solver_version,
        "termination": str(solution.termination),
        "objective": solution.objective,
        "bound": solution.bound,
        "gap": solution.gap,
        "seconds": solution.seconds,
        "objective_residual": solution.objective_residual,
        "constraint_residual": solution.constraint_residual,
    }
