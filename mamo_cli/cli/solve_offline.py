"""`mamo solve-offline`: the exact optimum, and its evaluation under noise."""

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
    means = [f"mean_{one.name}" for one in words.measures]
    violations = [f"mean_{one.name}_{when}" for one in words.violations for when in ("expected", "actual")]
    shown = ["scope", "solver", "termination", *means, "mean_cost", *violations]
    shown += ["share_above_tolerance", "infeasible_steps", "gap", "seconds"]
    facts = {one: outcome.summary[one] for one in shown}
    finish(outcome, outcome.summary, as_json, lambda: print_facts(facts))


solve_offline.configured = SolveOfflineConfig  # type: ignore[attr-defined]
