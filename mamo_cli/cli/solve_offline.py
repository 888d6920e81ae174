"""`mamo solve-offline`: the exact optimum, and its evaluation under noise."""

from typing import Any

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
    from mamo_cli.experiments import solve_offline as experiment

    config = configured(SolveOfflineConfig, *layers(config_file, overrides))
    outcome = experiment.solve_offline(config, place(results, name, fresh))
    finish(outcome, outcome.summary, as_json)


solve_offline.configured = SolveOfflineConfig  # type: ignore[attr-defined]
