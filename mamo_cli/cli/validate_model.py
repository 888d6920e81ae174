"""`mamo validate-model`: the models of how a node rejects, held to simulation and to measurements."""

from typing import Any

from mamo_cli.cli.options import AsJson, ConfigFile, Fresh, Name, Results
from mamo_cli.experiments.configs import ValidateConfig, configured
from mamo_cli.runs.manifest import RESULTS


def validate_model(
    *,
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    name: Name = None,
    results: Results = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Hold the models of rejection to a simulation of the node's requests.

    Over a grid of the trace's rates, noise included, and of 1 to the cap's replicas, every model stands beside what
    request by request came out. Unsafe is where a model promises less rejection than there is: by more than 3 standard
    errors and 0.01. The replicas that keep the tolerance by the model are held to those by simulation (MAPE: mean
    error as a share of them; short: rates at which the model plans too few, or some where none would do). With
    --measurements, what was measured is held to the simulation, too, and every model to that half of the measurements
    which was not fitted.
    """
    from mamo_cli.cli.progress import progress
    from mamo_cli.cli.running import finish, layers, place
    from mamo_cli.experiments import validate_model as experiment

    config = configured(ValidateConfig, *layers(config_file, overrides))
    with progress("validate-model"):
        outcome = experiment.validate_model(config, place(results, name, fresh))
    finish(outcome, outcome.summary, as_json)


validate_model.configured = ValidateConfig  # type: ignore[attr-defined]
