"""`mamo evaluate`: a trained policy on another trace."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mamo_cli.cli.completing import run_names
from mamo_cli.cli.options import AsJson, ConfigFile, Fresh, Name, Results
from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import resolve
from mamo_cli.experiments.configs import EvaluateConfig
from mamo_cli.runs.manifest import RESULTS, is_run


def evaluate(
    run_name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            autocompletion=run_names,
            help="A complete train or run-mamo run, or a policy file of `mamo export`.  [default: the newest run]",
        ),
    ] = None,
    *,
    overrides: dict[str, Any],
    config_file: ConfigFile = None,
    name: Name = None,
    results: Results = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Play trained policies on another trace.

    The policies are greedy and learn no more; they stand beside the exact optimum on that trace.
    """
    from mamo_cli.cli.running import finish, layers, place
    from mamo_cli.experiments import evaluate as experiment
    from mamo_cli.experiments.trained import KINDS

    from_file = run_name is not None and is_policy(run_name, results)
    trained = Path(str(run_name)) if from_file else trained_run(run_name, results, list(KINDS))
    config = resolve(EvaluateConfig, *layers(config_file, overrides), {"run": trained.resolve().name})
    outcome = experiment.evaluate(trained, config, place(results, name, fresh))
    finish(outcome, {"members": outcome.summary}, as_json)


def is_policy(name: str, results: Path) -> bool:
    """Whether it names a file; a run of that name comes first.

    Raises:
        UsageError: it is named as policy files are, and there is none.
    """
    named = Path(name).name == name and is_run(results / name)
    if Path(name).suffix == ".npz" and not named and not Path(name).exists():
        raise UsageError(f"no policy file {name}: mamo export writes that of a run")
    return Path(name).is_file() and not named


def trained_run(name: str | None, results: Path, kinds: list[str]) -> Path:
    """The complete train or run-mamo run of that name, or the newest one."""
    from mamo_cli.cli.runs import find_run, newest_complete
    from mamo_cli.runs.manifest import read_manifest

    if name is None:
        trained = next((path for command, path in newest_complete(results).items() if command in kinds), None)
        if trained is None:
            raise UsageError(f"no complete train or run-mamo run under {results}/; next: mamo train")
        return trained
    trained = find_run(name, results)
    manifest = read_manifest(trained)
    if manifest["command"] not in kinds or manifest["status"] != "complete":
        kind = f"{manifest['status']} {manifest['command']} run"
        raise UsageError(f"{trained} is a {kind}: name a complete train or run-mamo run")
    return trained


evaluate.configured = EvaluateConfig  # type: ignore[attr-defined]
