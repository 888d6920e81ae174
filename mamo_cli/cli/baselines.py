"""`mamo baselines`: what people run today, on the same problem."""

from typing import Any

from mamo_cli.cli.console import print_table
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
    from mamo_cli.domains.registry import about
    from mamo_cli.experiments import baselines as experiment

    config = configured(BaselinesConfig, *layers(config_file, overrides))
    with progress("baselines"):
        outcome = experiment.baselines(config, place(results, name, fresh))
    words = about(config.domain).WORDS
    means = {f"mean_{one.name}": one.name for one in (*words.measures, *words.violations)}
    columns, rows = over_seeds(outcome.summary, means)
    finish(outcome, {"rules": outcome.summary}, as_json, lambda: print_table(columns, rows))


def over_seeds(summary: list[dict[str, Any]], means: dict[str, str]) -> tuple[list[str], list[list[Any]]]:
    """The table on the screen: a row for each rule at its defaults and tuned, with means over plays.

    Of several plays, what follows +- is 1.96 standard errors, and `holds` is how many hold.
    """
    import numpy as np

    rows = []
    for key in dict.fromkeys((row["rule"], row["knobs"], row["setting"]) for row in summary):
        plays = [row for row in summary if (row["rule"], row["knobs"], row["setting"]) == key]
        row: list[Any] = list(key)
        for column in (*means, "cost_over_causal_bound"):
            values = np.array([np.nan if play[column] is None else play[column] for play in plays], dtype=float)
            if len(plays) == 1:
                row.append(float(values[0]))
            else:
                error = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
                row.append(f"{values.mean():.4g} ± {error:.2g}" if np.isfinite(error) else None)
        held = sum(play["holds"] for play in plays)
        rows.append([*row, held if len(plays) == 1 else f"{held} of {len(plays)}"])
    return ["rule", "knobs", "setting", *means.values(), "over causal", "holds"], rows


baselines.configured = BaselinesConfig  # type: ignore[attr-defined]
