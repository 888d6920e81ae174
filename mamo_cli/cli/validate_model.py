"""`mamo validate-model`: the models of how a node rejects, held to simulation and to measurements."""

from collections.abc import Mapping, Sequence
from typing import Any

from mamo_cli.cli.console import print_table
from mamo_cli.cli.options import AsJson, ConfigFile, Fresh, Name, Results
from mamo_cli.experiments.configs import ValidateConfig, configured
from mamo_cli.runs.manifest import RESULTS

MODELS = {
    "function": "function",
    "model": "model",
    "mean_absolute_error": "mean error",
    "largest_error": "largest",
    "largest_at_rate_rps": "at rate",
    "largest_at_replicas": "replicas",
    "cells": "cells",
    "unsafe_cells": "unsafe",
    "worst_unsafe": "unsafe by",
    "replicas_mape": "replicas MAPE",
    "rates_short": "short",
}
HELD_OUT = {
    "model": "model",
    "times": "service times",
    "warm_service_time_s": "warm (s)",
    "mean_absolute_error": "mean error",
    "root_mean_square_error": "root mean square",
    "mean_error": "bias",
    "replicas_mape": "replicas MAPE",
    "rates_short": "short",
}


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
    finish(outcome, outcome.summary, as_json, lambda: _show(outcome.summary))


def _show(summary: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    print_table(list(MODELS.values()), _rows(summary["models"], MODELS))
    if summary["held_out"]:
        print_table(list(HELD_OUT.values()), _rows(summary["held_out"], HELD_OUT))


def _rows(rows: Sequence[Mapping[str, Any]], shown: Mapping[str, str]) -> list[list[Any]]:
    return [[row[column] for column in shown] for row in rows]


validate_model.configured = ValidateConfig  # type: ignore[attr-defined]
