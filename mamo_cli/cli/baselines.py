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
    from mamo_cli.analysis.run_tables import read_words
    from mamo_cli.cli.progress import progress
    from mamo_cli.cli.running import finish, layers, place
    from mamo_cli.experiments import baselines as experiment

    config = configured(BaselinesConfig, *layers(config_file, overrides))
    with progress("baselines") as standing:
        outcome = experiment.baselines(config, place(results, name, fresh), standing.at)
    words = read_words(outcome.path)
    means = {f"mean_{one.name}": one.name for one in (*words.measures[:1], *words.violations)}
    columns, rows = over_seeds(outcome.summary, means)
    finish(outcome, {"rules": outcome.summary}, as_json, lambda: print_table(columns, rows))


def over_seeds(summary: list[dict[str, Any]], means: dict[str, str]) -> tuple[list[str], list[list[Any]]]:
    """The table on the screen: a row for each rule at its defaults and tuned.

    Of several plays the means, with 95 % bootstrap intervals, and how many hold. Settings of several agents are in
    summary.csv alone.
    """
    import numpy as np

    from mamo_cli.analysis.baselines_tables import over_plays
    from mamo_cli.domains.rules import SEVERAL

    def shown(values: list[Any]) -> Any:
        if len(values) == 1 or None in values:
            return values[0]
        mean, low, high = over_plays(np.array(values, dtype=float))
        return f"{mean:.4g} [{low:.4g}, {high:.4g}]"

    several = any(SEVERAL in row["setting"] for row in summary)
    names, rows = ["rule", "knobs", *([] if several else ["setting"])], []
    for key in dict.fromkeys(tuple(row[name] for name in names) for row in summary):
        plays = [row for row in summary if tuple(row[name] for name in names) == key]
        numbers = [shown([play[column] for play in plays]) for column in (*means, "cost_over_causal_bound")]
        held = sum(play["holds"] for play in plays)
        rows.append([*key, *numbers, held if len(plays) == 1 else f"{held} of {len(plays)}"])
    return [*names, *means.values(), "over causal", "holds"], rows


baselines.configured = BaselinesConfig  # type: ignore[attr-defined]
