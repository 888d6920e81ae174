"""The full two-phase loop: a strategy finds the weights that make the task agents cheapest within the limits."""

from pathlib import Path

from mamo_cli.analysis.believed import CHARGED, believed_columns, believed_rows
from mamo_cli.analysis.bounds import Bounds, Grid, unsearched
from mamo_cli.analysis.decomposition import shared_stages
from mamo_cli.analysis.delivered import decomposition_columns, decomposition_rows, stages_of
from mamo_cli.analysis.equality import FAIR, fair_rows, with_equality
from mamo_cli.analysis.exact import exact_alpha
from mamo_cli.analysis.fronts import Front, front_of
from mamo_cli.analysis.summaries import Yardstick, mamo_columns, mamo_summary
from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Domain
from mamo_cli.core.weights import alpha_grid, weights_grid
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig
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
from mamo_cli.experiments.walking import planned, write_walk
from mamo_cli.learners import registry as learners
from mamo_cli.learners.protocol import Shape
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.tables import write_table
from mamo_cli.strategies import registry as strategies
from mamo_cli.strategies.fair import FairSettings
from mamo_cli.training.federation import federation
from mamo_cli.training.shards import build_domain


def run_mamo(
    config: MamoConfig,
    place: Place = HERE,
    machines: Machines = ONE_A_CORE,
    progress: Progress | None = None,
    grow: Path | None = None,
) -> Outcome:
    """Let a strategy find every seed's weights; what `mamo run-mamo` does.

    Args:
        config: what to run, and on what; see `configured`.
        place: where the run is kept.
        machines: where the members train.
        progress: told of every round.
        grow: a complete run whose members and cycles are taken over; see `growth`.

    Raises:
        MamoError: see its kinds.
    """
    source, start = domains.load_source(config.domain, config.instance), start_of(config)
    spec = members(config, source, machines.device, start)
    if config.continual and grow is not None:
        raise UsageError("a run that walks its evaluation cannot grow: what has walked has learnt on the way")
    domain = planned(spec, build_domain(spec))
    learners.refuse(config.te, config.learner, Shape.of(domain.spec))
    if config.federation.every is not None:
        federation.refuse(config.federation, spec.cycles, config.te, config.learner, domain.spec)
    refuse_another_kind(spec, domain.spec)
    require_worlds(spec, domain)
    strategies.refuse(config.strategy, config.sections(), domain.spec)
    content = identity(source, machines.device, start)
    grown = None if grow is None else grown_from(grow, "run-mamo", config, content)
    with open_session("run-mamo", f"s{config.seeds}", config, content, place) as run:
        if not run.complete:
            begin(run, config.domain, domain)
            grid = alpha_grid(getattr(config.sections()["adaptation"], "alpha_step", 0.1))
            bounds = write_frontier(run, domain, grid)
            shared = None if bounds is None else _shared_stages(config, domain, bounds)
            train_members(run, spec, domain, machines, progress, grown)
            stages = {} if shared is None else stages_of(run.path, domain, shared)
            if stages:
                rows = decomposition_rows(domain, stages)
                write_table(run.path / "decomposition.csv", decomposition_columns(domain.spec.words), rows)
            refinements = getattr(config.sections()["adaptation"], "refinements", 1)  # without a grid, to two digits
            beside = Yardstick(exact_alpha(domain, grid, refinements), bounds, stages, _front(domain))
            rows = mamo_summary(run.path, domain, strategies.choice_of(config.strategy), beside)
            columns = mamo_columns(domain.spec.words)
            if domain.spec.proxy is not None:
                columns = (*columns, *believed_columns(domain.spec.words), CHARGED)
                told = believed_rows(run.path, domain, bounds)
                rows = [[*row, *own] for row, own in zip(rows, told, strict=True)]
            if spec.walk is not None:
                added, walked = write_walk(run, spec, domain)
                columns, rows = (*columns, *added), [[*row, *own] for row, own in zip(rows, walked, strict=True)]
            loop = config.sections()["adaptation"]
            columns, rows = with_equality(run.path, domain, columns, rows, isinstance(loop, FairSettings))
            if isinstance(loop, FairSettings):
                told = fair_rows(run.path, domain, loop.means(len(domain.spec.agents)), loop.budget)
                columns, rows = (*columns, *FAIR), [[*row, *own] for row, own in zip(rows, told, strict=True)]
            write_agents(run, domain)
            write_summary(run, columns, rows)
            refuse_diverged(run, len(spec.seeds))
    return outcome(run)


def _shared_stages(config: MamoConfig, domain: Domain, bounds: Bounds) -> FloatArray | None:
    """What every member's decomposition begins with; None, with the reason told, where there is none."""
    if domain.spec.proxy is not None:
        LOGGER.warning("agents and weights answer to a proxy, not to the limits: no term of the cost over the bound")
        return None
    loop = config.sections()["adaptation"]
    if isinstance(loop, FairSettings):
        LOGGER.warning("weights answer to a budget, not to the limits: no term of the cost over the bound")
        return None
    step = getattr(loop, "alpha_step", None)
    weights = None if step is None else weights_grid(step, domain.spec.objectives - 1)
    grid = None if weights is None else Grid(weights, getattr(loop, "refinements", 0))
    if reason := unsearched(domain, grid, config.readout == "mix"):
        LOGGER.warning("%s: terms of a grid or of single weights are blank, and part of the next", reason)
    try:
        return shared_stages(domain, bounds, grid, config.readout == "mix")
    except NothingExactError as error:
        LOGGER.warning("%s: no term of the cost over the bound", error)
        return None


def _front(domain: Domain) -> Front | None:
    try:
        return front_of(domain)
    except NothingExactError:
        return None
