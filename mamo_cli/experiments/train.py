"""Task-execution agents at fixed alphas, each one's regret measured against the exact optimum."""

from pathlib import Path

import numpy as np

from mamo_cli.analysis.believed import believed_columns, believed_in_training
from mamo_cli.analysis.equality import with_equality
from mamo_cli.analysis.summaries import train_columns, train_summary
from mamo_cli.core.errors import UsageError
from mamo_cli.core.weights import alpha_grid
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import TrainConfig
from mamo_cli.experiments.growth import grown_from
from mamo_cli.experiments.machines import ONE_A_CORE, Machines, Progress, identity, require_worlds, train_members
from mamo_cli.experiments.members import members
from mamo_cli.experiments.session import (
    HERE,
    Outcome,
    Place,
    begin,
    open_session,
    outcome,
    refuse_diverged,
    write_agents,
    write_frontier,
    write_summary,
)
from mamo_cli.experiments.starts import refuse_another_kind, start_of
from mamo_cli.learners import registry as learners
from mamo_cli.learners.protocol import Shape
from mamo_cli.training.shards import build_domain


def train(
    config: TrainConfig,
    place: Place = HERE,
    machines: Machines = ONE_A_CORE,
    progress: Progress | None = None,
    grow: Path | None = None,
) -> Outcome:
    """Train one policy for each seed and alpha; what `mamo train` does.

    Args:
        config: what to train, and on what; see `configured`.
        place: where the run is kept.
        machines: where the members train.
        progress: told of every round.
        grow: a complete run whose members and cycles are taken over; see `growth`.

    Raises:
        MamoError: see its kinds.
    """
    source, start = domains.load_source(config.domain, config.instance), start_of(config)
    spec = members(config, source, machines.device, start)
    domain = build_domain(spec)
    learners.refuse(spec.te, config.learner, Shape.of(domain.spec))
    refuse_another_kind(spec, domain.spec)
    require_worlds(spec, domain)
    if domain.spec.objectives > 2:
        raise UsageError(
            f"train knows one alpha, and here are {domain.spec.objectives - 1} limits: take "
            "`mamo run-mamo --strategy fixed`"
        )
    content = identity(source, machines.device, start)
    grown = None if grow is None else grown_from(grow, "train", config, content)
    label = "a" + "-".join(f"{alpha:g}" for alpha in config.alpha[:4]) + f"-s{config.seeds}"
    with open_session("train", label, config, content, place) as run:
        if not run.complete:
            begin(run, config.domain, domain)
            write_frontier(run, domain, np.union1d(alpha_grid(0.1), config.alpha))
            train_members(run, spec, domain, machines, progress, grown)
            write_agents(run, domain)
            columns, rows = train_columns(domain.spec.words), train_summary(run.path, domain)
            if domain.spec.proxy is not None:
                columns = (*columns, *believed_columns(domain.spec.words))
                told = believed_in_training(run.path, domain.spec.words, config.phase.window)
                rows = [[*row, *own] for row, own in zip(rows, told, strict=True)]
            write_summary(run, *with_equality(run.path, domain, columns, rows))
            refuse_diverged(run, len(spec.seeds))
    return outcome(run)
