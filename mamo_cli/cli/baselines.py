"""`mamo baselines`: what people run today, on the same problem."""

from typing import Any

from mamo_cli.cli.options import AsJson, ConfigFile, Fresh, Name, Results
from mamo_cli.experiments.configs import BaselinesConfig, configured
from mamo_cli.runs.manifest import RESULTS


def baselines(
    *,
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    name: Name = None,
    results: Results = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Play the autoscalers that people run today.

    Each is played at its defaults, and with its one or two knobs where it is cheapest within the tolerance on the
    training part: a static number, Erlang inversion, OpenFaaS (CE and Pro), Knative's KPA and Kubernetes' HPA, in ticks
    of their own.
    """
    from mamo_cli.cli.progress import progress
    from mamo_cli.cli.running import finish, layers, place
    from mamo_cli.experiments import baselines as experiment

    config = configured(BaselinesConfig, *layers(config_file, overrides))
    with progress("baselines") as standing:
        outcome = experiment.baselines(config, place(results, name, fresh), standing.at)
    finish(outcome, {"rules": outcome.summary}, as_json)


baselines.configured = BaselinesConfig  # type: ignore[attr-defined]
