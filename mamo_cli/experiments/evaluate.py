"""Trained policies on another workload, beside the exact optimum there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mamo_cli.analysis.equality import with_equality
from mamo_cli.analysis.summaries import train_columns, train_summary
from mamo_cli.core.arrays import IntArray
from mamo_cli.core.complaints import Given
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Domain, Environment, Part, Seen
from mamo_cli.core.settings import Section, resolve
from mamo_cli.core.weights import alpha_grid
from mamo_cli.domains import registry as domains
from mamo_cli.domains.settings import WorkloadSettings
from mamo_cli.experiments.configs import EvaluateConfig
from mamo_cli.experiments.export import opened, refuse_another_problem
from mamo_cli.experiments.problem import facts_of
from mamo_cli.experiments.restored import members_of, restored, under_last_conditions
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
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import Policy
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.tables import write_table
from mamo_cli.training.agents import play
from mamo_cli.training.records import Records, Row, columns_of
from mamo_cli.training.settings import seeds_of
from mamo_cli.training.shards import place_in
from mamo_cli.workload.measurements_csv import read_measurements
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace

CHANGEABLE = (
    *("noise_seed", "noise", "tolerance", "rejection_model", "measurements"),
    *("warm_service_time", "cold_service_time", "shield", "load", "isolate_after", "loss"),
)
"""Of an instance, what may be another than the policies were trained for."""

Choose = Callable[[Seen], IntArray]
"""From what is known before a period to what is chosen for it, of one member and copy."""


class Game(NamedTuple):
    """What a policy in a file is played on."""

    policy: Policy
    domain: Domain
    environment: Environment


def by_policy(game: Game) -> Choose:
    """Every choice by the one function that decides."""
    decider, environment = Decider(game.policy), game.environment
    draws = iter(decider.draws(environment.steps, game.domain.spec.block))

    def choose(seen: Seen) -> IntArray:
        budget = None if seen.budget is None else int(seen.budget[0, 0])
        return decider.decide(seen.values[0, 0], seen.mask[0, 0], budget, next(draws))[None, None]

    return choose


def evaluate(
    trained: Path, config: EvaluateConfig, place: Place = HERE, chooser: Callable[[Game], Choose] = by_policy
) -> Outcome:
    """Play a run's greedy policies, which learn no more, or the one in a policy file; what `mamo evaluate` does.

    Args:
        trained: folder of a complete train or run-mamo run, or a policy file.
        config: what to evaluate on.
        place: where the new run is kept.
        chooser: who chooses for the policy in a file.

    Raises:
        MamoError: see its kinds.
    """
    if not trained.is_file():
        before = read_trained(trained)
        return _evaluated(before, config, place, Players(trained.resolve().name, before.manifest["config_digest"]))
    with opened(trained) as (policy, before):
        about = policy.about
        config = config.model_copy(update={"run": about.run})  # a file may be called anything
        players = Players(f"{about.run}-s{about.seed}", policy.digest, policy, chooser)
        return _evaluated(before, config, place, players)


class Players(NamedTuple):
    """Who plays: all members of a run, or the policy in a file."""

    label: str  # of the new run's folder
    digest: str  # of what they are
    policy: Policy | None = None
    chooser: Callable[[Game], Choose] = by_policy


def _evaluated(before: Trained, config: EvaluateConfig, place: Place, players: Players) -> Outcome:
    training = before.config
    other = None if config.trace is None else read_trace(Path(config.trace))
    instance, source = _instance(before, config), before.source
    if config.measurements is not None:
        source = replace(source, measured={config.measurements: read_measurements(Path(config.measurements))})
    domain = domains.build(training.domain, instance, source, other)
    domain = under_last_conditions(domain, before, config.tolerance)
    told = other if other is None or config.measurements is None else replace(other, measured=source.measured)
    content = (told or source).digest() + players.digest  # what a run was trained on, its own digest says
    with open_session("evaluate", players.label, config, content, place) as run:
        if not run.complete:
            begin(run, training.domain, domain)
            evaluated = training_and_evaluation(before.source, before.config.instance.train_share, other)[1]
            run.record(workload=facts_of(evaluated))
            _say_what_differs(before, config, evaluated)
            policy = players.policy
            played = _rows(before, domain) if policy is None else _rows_of(policy, domain, before.path, players.chooser)
            write_table(run.path / "evaluation.csv", columns_of(domain.spec, ())["evaluation"], played)
            write_frontier(run, domain, alpha_grid(0.1))
            write_agents(run, domain)
            columns, rows = train_columns(domain.spec.words), train_summary(run.path, domain)
            write_summary(run, *with_equality(run.path, domain, columns, rows))
            run.record(seeds=list(seeds_of(training.seeds)) if policy is None else [policy.about.seed])
    return outcome(run)


def _rows(before: Trained, domain: Domain) -> list[Row]:
    """Of evaluation.csv, for all members of a run."""
    spec, shards = members_of(before), restored(before)
    return sorted((row for _, shard in shards for row in shard.evaluate(domain)), key=place_in(spec))


def _rows_of(policy: Policy, domain: Domain, path: Path, chooser: Callable[[Game], Choose]) -> list[Row]:
    """The same for a policy in a file."""
    refuse_another_problem(policy, domain.spec, path)
    environment = domain.environment(Part.EVALUATION, 1)
    records = Records(domain.spec, [policy.about.seed], np.ones(1, dtype=np.bool_))
    weights = (policy.shares[..., None] * policy.weights).sum(0)[None]
    records.add_evaluation(domain, weights, play(environment, chooser(Game(policy, domain, environment))))
    return records.taken()["evaluation"]


def _instance(before: Trained, config: EvaluateConfig) -> WorkloadSettings:
    """What the run was about, under another noise, tolerance, node or shield, then that of all its agents.

    Raises:
        UsageError: the domain has no such setting, the value is out of its bounds, or it changes nothing.
    """
    instance = before.config.instance
    changed = {name: getattr(config, name) for name in CHANGEABLE}
    changed = {name: value for name, value in changed.items() if value is not None}
    if config.measurements is not None:
        changed["rejection_model"] = "measured"
    for name in sorted(changed.keys() - type(instance).model_fields.keys()):
        raise UsageError(
            f"{_option(name)}: {before.path} is a run of {before.config.domain}, which has no such setting"
        )
    given = Given(changed, {name: _option(name) for name in changed})
    own = {
        name: section.model_copy(update=dict.fromkeys(changed.keys() & type(section).model_fields.keys()))
        for name, section in instance.own.items()
    }
    resolved = resolve(type(instance), instance.model_dump(), given).having(
        {**own, **_of_their_own(before, config, own)}
    )
    times = sorted(name for name in changed if name.endswith("_service_time"))
    if times and getattr(resolved, "rejection_model", None) == "measured":
        raise UsageError(
            f"{_option(times[0])} changes nothing of a node that was measured: give --rejection-model, too"
        )
    return resolved


def _of_their_own(before: Trained, config: EvaluateConfig, own: Mapping[str, Section]) -> dict[str, Section]:
    """What some agents have of their own, with what they are to have otherwise.

    Raises:
        UsageError: there is no such agent, or its domain knows no such setting.
    """
    if config.own is None:
        return {}
    domain, table = before.config.domain, domains.own_table(before.config.domain)
    if table is None:
        raise UsageError(f"own: {before.path} is a run of {domain}, whose agents have nothing of their own")
    found = {}
    for name, other in config.own.items():
        if name not in before.source.functions:
            raise UsageError(f"own.{name}: there is no such {table[0]}, but {', '.join(before.source.functions)}")
        given = other.model_dump(exclude_none=True)
        for unknown in sorted(given.keys() - table[1].model_fields.keys()):
            raise UsageError(f"own.{name}: a {table[0]} of {domain} has no {unknown}")
        found[name] = (own.get(name) or table[1]()).model_copy(update=given)
    return found


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _say_what_differs(before: Trained, config: EvaluateConfig, evaluated: Trace) -> None:
    """Warn of what the policies were not trained for, and of what was asked for in vain."""
    if evaluated.step_seconds != before.source.step_seconds:
        LOGGER.warning(
            "%s has periods of %g s, where the policies were trained on periods of %g s: they choose once a period",
            config.trace,
            evaluated.step_seconds,
            before.source.step_seconds,
        )
    if config.noise is not None and evaluated.carries_deviations:
        LOGGER.warning("--noise changes nothing: the trace carries deviations of its own, and is played as it is")
