"""The exact optimum with perfect knowledge, and the same plan under the noise that comes."""

from typing import Any

import numpy as np

from mamo_cli.analysis.equality import plan_equality
from mamo_cli.analysis.exact import everywhere
from mamo_cli.analysis.summaries import tolerances
from mamo_cli.analysis.tolerances import AGENTS
from mamo_cli.core.errors import UsageError
from mamo_cli.core.means import mean_of_known, of_measures
from mamo_cli.core.seam import Domain, Optimum, Played, Scope
from mamo_cli.core.weights import alpha_grid
from mamo_cli.core.words import Words
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import SolveOfflineConfig
from mamo_cli.experiments.problem import facts_of
from mamo_cli.experiments.session import HERE, Beside, Outcome, Place, begin, open_session, outcome, write_frontier
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.tables import write_table


def solve_offline(config: SolveOfflineConfig, place: Place = HERE) -> Outcome:
    """Find the cheapest plan and play it; what `mamo solve-offline` does.

    Args:
        config: what to solve; see `configured`.
        place: where the run is kept.

    Raises:
        MamoError: see its kinds.
    """
    trace = domains.load_source(config.domain, config.instance)
    kind = domains.about(config.domain).PLANNING
    planning = kind(**{name: getattr(config, name) for name in kind.model_fields})
    domain = domains.build(config.domain, config.instance, trace, trace, planning)
    scope = Scope(config.scope)
    if domain.spec.proxy is not None:
        raise UsageError("solve-offline trains nothing that could be told a proxy: leave --proxy out")
    with open_session("solve-offline", config.scope, config, trace.digest(), place) as run:
        if not run.complete:
            begin(run, config.domain, domain)
            run.record(workload=facts_of(trace))
            weights = everywhere(domain, config.alpha) if scope is Scope.ALPHA else None
            optimum = domain.optimum(scope, weights, config.solver, config.time_limit)
            for notice in optimum.notices:
                LOGGER.warning("%s", notice)
            planned, came = domain.replayed(optimum.plan)
            rows = plan_rows(domain, optimum, planned, came)
            write_table(run.path / "plan.csv", plan_columns(domain.spec.words), rows)
            alpha = config.alpha if scope is Scope.ALPHA else None
            if len(domain.spec.agents) > 1:
                write_table(run.path / AGENTS, agents_columns(domain.spec.words), agents_rows(domain, planned, came))
            summary = {"scope": config.scope, "alpha": alpha, **plan_summary(domain, scope, optimum, planned, came)}
            write_table(run.path / "summary.csv", list(summary), [list(summary.values())])
            write_frontier(run, domain, alpha_grid(0.1), Beside(scope, optimum, config.solver, config.time_limit))
            solver = {"name": optimum.solver, "version": optimum.solver_version, "scope": str(scope)}
            run.record(summary=summary, solver=solver, seeds=[config.instance.noise_seed])
    return outcome(run)


def plan_columns(words: Words) -> tuple[str, ...]:
    """The head of plan.csv."""
    violations = [f"{one.name}_{when}" for one in words.violations for when in ("expected", "actual")]
    conditions, measures = ([one.name for one in each] for each in (words.conditions, words.measures))
    return ("step", words.agent, *conditions, *measures, "cost", *violations, "feasible")


def plan_rows(domain: Domain, optimum: Optimum, planned: Played, came: Played) -> list[list[Any]]:
    """Rows of plan.csv: a plan's measures and cost as it was meant, its violations as it was meant and as it came."""
    spec, conditions = domain.spec, domain.conditions()
    violations = np.stack((planned.violations, came.violations), -1).reshape(*planned.paid.shape, -1)
    rows = []
    for step, agent in np.ndindex(planned.paid.shape):
        pairs = zip(planned.measures[step, agent], spec.words.measures, strict=True)
        measures = [int(number) if measure.whole and not np.isnan(number) else number for number, measure in pairs]
        row = [step, spec.agents[agent], *conditions[step, agent], *measures, planned.paid[step, agent]]
        rows.append([*row, *violations[step, agent], int(optimum.feasible[step, agent])])
    return rows


def agents_columns(words: Words) -> tuple[str, ...]:
    """The head of agents.csv."""
    violations = [f"mean_{one.name}_{when}" for one in words.violations for when in ("expected", "actual")]
    means = (*(f"mean_{one.name}" for one in words.measures), "mean_cost", *violations)
    return (words.agent, *words.each("tolerance"), *means, "share_above_tolerance")


def agents_rows(domain: Domain, planned: Played, came: Played) -> list[list[Any]]:
    """Rows of agents.csv: what `plan_summary` says of all agents together, of each beside its own limits."""
    spec = domain.spec
    violations = np.stack((planned.violations, came.violations), -1).mean(0).reshape(len(spec.agents), -1)
    cost = planned.paid.mean(0) / spec.cost_scale
    measures = of_measures(mean_of_known(planned.measures, 0), spec.words)
    above = (came.violations > spec.limits).any(-1).mean(0)
    return [
        [name, *spec.limits[a], *measures[a], cost[a], *violations[a], above[a]] for a, name in enumerate(spec.agents)
    ]


def plan_summary(domain: Domain, scope: Scope, optimum: Optimum, planned: Played, came: Played) -> dict[str, Any]:
    """What summary.csv says of a plan: means over steps and agents, and the solver's own account.

    Of each violation there are three means: at the conditions that the plan was made for, at those that came, and in
    expectation over the noise, which is what scope alpha weighs.
    """
    words, limits = domain.spec.words, domain.spec.limits
    facts: dict[str, Any] = dict(zip(words.each("tolerance"), tolerances(domain), strict=True))
    facts["step_seconds"] = domain.spec.step_seconds
    over_noise = domain.expected(optimum.plan)
    for number, measure in enumerate(words.measures):
        values = planned.measures[..., number]
        if measure.total:
            facts[measure.total] = int(values.sum()) if measure.whole else float(values.sum())
        mean = np.nan if measure.nominal else float(mean_of_known(values))
        facts[f"mean_{measure.name}"] = None if np.isnan(mean) else mean
    facts["mean_cost"] = float(planned.paid.mean()) / domain.spec.cost_scale
    for number, violation in enumerate(words.violations):
        for when, played in (("expected", planned), ("actual", came), ("over_noise", over_noise)):
            column = played.violations[..., number].ravel().tolist()
            facts[f"mean_{violation.name}_{when}"] = sum(column) / len(column)
    above = (came.violations > limits).any(-1)
    held = planned.violations.mean(0) if scope is Scope.AVERAGE else planned.violations
    return {
        **facts,
        "share_above_tolerance": int(above.sum()) / above.size,
        "steps": len(optimum.plan),
        "infeasible_steps": int((~optimum.feasible).any(axis=1).sum()),
        "excess": 0.0 if optimum.feasible.all() else float(np.maximum(held - limits, 0.0).mean()),
        "solver": optimum.solver,
        "solver_version": optimum.solver_version,
        "termination": str(optimum.termination),
        "objective": optimum.objective,
        "bound": optimum.bound,
        "gap": optimum.gap,
        "seconds": optimum.seconds,
        "objective_residual": optimum.objective_residual,
        "constraint_residual": optimum.constraint_residual,
        **plan_equality(domain, came.violations),
    }
