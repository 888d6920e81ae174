"""Trained policies on another workload, beside the exact optimum there."""

from pathlib import Path
from typing import Any

from mamo_cli.analysis.summaries import train_columns, train_summary
from mamo_cli.core.complaints import Given
from mamo_cli.core.errors import CheckpointError, UsageError
from mamo_cli.core.seam import Domain, Shift
from mamo_cli.core.settings import resolve
from mamo_cli.core.weights import alpha_grid
from mamo_cli.domains import registry as domains
from mamo_cli.domains.settings import WorkloadSettings
from mamo_cli.experiments import run_mamo, train
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, TrainConfig
from mamo_cli.experiments.session import (
    HERE,
    Outcome,
    Place,
    begin,
    open_session,
    outcome,
    write_agents,
    write_frontier,
    write_summary,
)
from mamo_cli.experiments.trained import Trained, read_trained
from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import limit_threads
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.tables import write_table
from mamo_cli.training.conditions import NO_DRIFT
from mamo_cli.training.continual import ContinualLoop
from mamo_cli.training.records import columns_of
from mamo_cli.training.settings import seeds_of
from mamo_cli.training.shards import ShardSpec, build_shard, place_in, shards_of
from mamo_cli.training.two_phase import TwoPhaseLoop
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace

CHANGEABLE = ("noise_seed", "noise", "tolerance", "rejection_model", "shield")
"""Of an instance, what may be another than the policies were trained for."""


def evaluate(trained: Path, config: EvaluateConfig, place: Place = HERE) -> Outcome:
    """Play a run's greedy policies, which learn no more; what `mamo evaluate` does.

    Args:
        trained: folder of a complete train or run-mamo run.
        config: what to evaluate on.
        place: where the new run is kept.

    Raises:
        MamoError: see its kinds.
    """
    before = read_trained(trained)
    training, recorded = before.config, before.manifest["config_digest"]
    other = None if config.trace is None else read_trace(Path(config.trace))
    domain = _under_last_conditions(
        domains.build(training.domain, _instance(before, config), before.source, other), before, config
    )
    content = (other or before.source).digest() + recorded
    with open_session("evaluate", trained.resolve().name, config, content, place) as run:
        if not run.complete:
            begin(run, training.domain, domain)
            _say_what_differs(before, config, other)
            saved = checkpoint.load(trained, recorded)
            if saved is None:
                raise CheckpointError(f"{trained} has no checkpoint: run its command again with --fresh")
            spec = _members(before)
            with checkpoint.restoring(trained):
                shards = _restored(spec, saved["shards"])
            rows = sorted((row for shard in shards for row in shard.evaluate(domain)), key=place_in(spec))
            write_table(run.path / "evaluation.csv", columns_of(domain.spec, ())["evaluation"], rows)
            write_frontier(run, domain, alpha_grid(0.1))
            write_agents(run, domain)
            write_summary(run, train_columns(domain.spec.words), train_summary(run.path, domain))
            run.record(seeds=list(seeds_of(training.seeds)))
    return outcome(run)


def _instance(before: Trained, config: EvaluateConfig) -> WorkloadSettings:
    """What the run was about, under another noise, tolerance, model of the node or shield, then that of all its agents.

    Raises:
        UsageError: the domain has no such setting, or the value is out of its bounds.
    """
    instance = before.config.instance
    changed = {name: getattr(config, name) for name in CHANGEABLE}
    changed = {name: value for name, value in changed.items() if value is not None}
    for name in sorted(changed.keys() - type(instance).model_fields.keys()):
        raise UsageError(
            f"{_option(name)}: {before.path} is a run of {before.config.domain}, which has no such setting"
        )
    given = Given(changed, {name: _option(name) for name in changed})
    own = {
        name: section.model_copy(update=dict.fromkeys(changed.keys() & type(section).model_fields.keys()))
        for name, section in instance.own.items()
    }
    return resolve(type(instance), instance.model_dump(), given).having(own)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _under_last_conditions(domain: Domain, before: Trained, config: EvaluateConfig) -> Domain:
    """What the policies were trained for last, where conditions changed while they were."""
    trained = before.config
    if not isinstance(trained, MamoConfig) or trained.continual or trained.drift == NO_DRIFT:
        return domain
    shift = Shift(**trained.drift.at(_members(before).cycles - 1))
    return domain.shifted(shift if config.tolerance is None else shift._replace(tolerance=None))


def _say_what_differs(before: Trained, config: EvaluateConfig, other: Trace | None) -> None:
    """Warn of what the policies were not trained for, and of what was asked for in vain."""
    evaluated = training_and_evaluation(before.source, before.config.instance.train_share, other)[1]
    if evaluated.step_seconds != before.source.step_seconds:
        LOGGER.warning(
            "%s has periods of %g s, where the policies were trained on periods of %g s: they choose once a period",
            config.trace,
            evaluated.step_seconds,
            before.source.step_seconds,
        )
    if config.noise is not None and evaluated.carries_deviations:
        LOGGER.warning("--noise changes nothing: the trace carries deviations of its own, and is played as it is")


def _members(before: Trained) -> ShardSpec:
    if isinstance(before.config, TrainConfig):
        return train.members(before.config, before.source)
    return run_mamo.members(before.config, before.source)


def _restored(spec: ShardSpec, states: list[dict[str, Any]]) -> list[TwoPhaseLoop | ContinualLoop]:
    """All members of a run as its checkpoint holds them."""
    limit_threads()
    shards = [build_shard(part) for part in shards_of(spec, states)]
    for shard, state in zip(shards, states, strict=True):
        shard.load_state_dict(state)
    return shards
