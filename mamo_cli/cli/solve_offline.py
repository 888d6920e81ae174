"""`mamo solve-offline`: the exact optimum, and its evaluation under noise."""

from collections.abc import Mapping
from typing import Any

from mamo_cli.cli.console import print_facts
from mamo_cli.cli.options import AsJson, ConfigFile, Fresh, Name, Results
from mamo_cli.experiments.configs import SolveOfflineConfig, configured
from mamo_cli.runs.manifest import RESULTS


def solve_offline(
    *,
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    name: Name = None,
    results: Results = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Find the cheapest plan with perfect knowledge.

    It is proven optimal where the solver can, and then played under noise. Infeasible steps are kept and marked.
    """
    from mamo_cli.cli.running import finish, layers, place
    from mamo_cli.domains.registry import about
    from mamo_cli.experiments import solve_offline as experiment

    config = configured(SolveOfflineConfig, *layers(config_file, overrides))
    outcome = experiment.solve_offline(config, place(results, name, fresh))
    words = about(config.domain).WORDS
    violations = [f"mean_{one.name}_{when}" for one in words.violations for when in ("expected", "actual")]
    others = {*violations, *(f"mean_{one.name}_over_noise" for one in words.violations)}
    means = [name for name in outcome.summary if name.startswith("mean_") and name not in others]
    shown = ["scope", "solver", "termination", *means, *violations]
    shown += ["share_above_tolerance", "infeasible_steps", "gap", "seconds"]
    facts: dict[str, Any] = {}
    for one in shown:
        facts[one] = outcome.summary[one]
        if one == "termination" and outcome.summary["infeasible_steps"]:
            facts |= _not_met(outcome.summary)
    finish(outcome, outcome.summary, as_json, lambda: print_facts(facts))


def _not_met(summary: Mapping[str, Any]) -> dict[str, str]:
    """That no proof makes a plan hold what it cannot, and how far it is from it."""
    from mamo_cli.core.seam import Scope, Termination

    at = f"at {summary['infeasible_steps']} of {summary.get('steps', 'the')} steps"  # runs of old do not count them
    where = "on average" if summary["scope"] == Scope.AVERAGE else at
    least = "the least possible" if summary["termination"] == Termination.OPTIMAL else "perhaps more than it must be"
    allowed = summary.get("tolerance")  # not there where there are several limits
    facts = {
        "termination": f"{summary['termination']}, tolerance not met",
        "tolerance": f"{'of each its own' if allowed is None else format(allowed, 'g')}, not met {where}",
    }
    return facts | ({"excess": f"{summary['excess']:.4g} on average, {least}"} if "excess" in summary else {})


solve_offline.configured = SolveOfflineConfig  # type: ignore[attr-defined]
