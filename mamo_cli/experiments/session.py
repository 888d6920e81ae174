"""What all commands that make a run share: from a configuration to a finished run folder.

Nothing here knows of a command line, a console or signals: what is to be said goes to the package's log.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mamo_cli.analysis.bounds import Bounds, bounds_of
from mamo_cli.analysis.each_agent import agents_columns, agents_rows
from mamo_cli.analysis.exact import everywhere, frontier, frontier_columns
from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.analysis.tolerances import AGENTS
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import DivergedError, NothingExactError
from mamo_cli.core.seam import Domain, Optimum, Scope
from mamo_cli.core.settings import Section
from mamo_cli.domains import registry as domains
from mamo_cli.runs.folder import RunFolder, open_run
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.manifest import RESULTS
from mamo_cli.runs.stopping import STOP, Stopped
from mamo_cli.runs.tables import write_table


@dataclass(frozen=True)
class Place:
    """Where a run is kept, and how it was asked for.

    Attributes:
        results: the folder of all runs.
        name: the run folder's name; None for one made from the configuration.
        fresh: start over in a new folder where this one is taken.
        argv: the command line, for the record.
        whole_process: whether all that this process uses belongs to the run, what came before it included.
    """

    results: Path = RESULTS
    name: str | None = None
    fresh: bool = False
    argv: Sequence[str] = ()
    whole_process: bool = False


PROVEN = 1e-9
"""Of a bound's cost: a gap that is none."""

HERE = Place()
"""Under `results/`."""


class Outcome(NamedTuple):
    """A run that has ended."""

    path: Path
    status: str
    summary: Any  # what summary.csv holds: a mapping for a plan, else one for each member


@contextmanager
def open_session(command: str, label: str, config: Section, content: str, place: Place) -> Iterator[RunFolder]:
    """Hold the run folder of a configuration (see `open_run`).

    Args:
        command: such as "train".
        label: the readable part of the folder's name.
        config: the resolved configuration.
        content: digest of the files that the configuration names.
        place: where to.

    Raises:
        DivergedError: an earlier start ended so.
        Stopped: a signal came; `run` is the folder.
    """
    path = None
    try:
        with open_run(
            place.results,
            command,
            label,
            config,
            [content],
            name=place.name,
            fresh=place.fresh,
            argv=list(place.argv),
            whole_process=place.whole_process,
        ) as run:
            path = run.path
            if run.complete:
                LOGGER.info("%s is %s already; --fresh starts over", path, run.manifest["status"])
            if run.manifest["status"] == "diverged":
                raise _diverged(path)
            yield run
    except BaseException as error:
        if path is None or STOP.number is None:
            raise
        # What a signal cut short may end in any error.
        stopped = error if isinstance(error, Stopped) else Stopped(STOP.number)
        stopped.run = path
        raise stopped from (error.__cause__ if stopped is error else error)


def outcome(run: RunFolder) -> Outcome:
    """What came out of a session."""
    return Outcome(run.path, run.manifest["status"], run.manifest["summary"])


def refuse_diverged(run: RunFolder, members: int) -> None:
    """End a run of so many members in which nothing is left to trust.

    Raises:
        DivergedError: every member diverged.
    """
    if len(run.manifest["diverged_seeds"]) == members:
        raise _diverged(run.path)


def begin(run: RunFolder, name: str, domain: Domain) -> None:
    """Write down what a run is about, for whoever reads its tables, and say what the user should know of it."""
    violations, limits = domain.spec.words.violations, domain.spec.limits.T.tolist()
    run.record(domain=name, limits=dict(zip((one.name for one in violations), limits, strict=True)))
    run.record(**own_facts(name, domain))
    if domain.spec.proxy is not None:
        LOGGER.warning("trained on a proxy: %s; the evaluation, bounds and regret are of the truth", domain.spec.proxy)
    for warning in domain.warnings:
        LOGGER.warning("%s", warning)


def own_facts(name: str, domain: Domain) -> dict[str, Any]:
    """What readers of tables must know of an instance beyond its domain: violations of its own, and its proxy."""
    violations, proxy = domain.spec.words.violations, domain.spec.proxy
    told = violations != domains.about(name).WORDS.violations
    facts: dict[str, Any] = {"violations": [one._asdict() for one in violations]} if told else {}
    return facts if proxy is None else {**facts, "proxy": proxy}


class Beside(NamedTuple):
    """A plan that bounds are solved beside: by the same solver, in as much time, and not once more."""

    scope: Scope
    optimum: Optimum
    solver: str
    time_limit_s: float | None


def write_frontier(run: RunFolder, domain: Domain, alphas: FloatArray, beside: Beside | None = None) -> Bounds | None:
    """Write frontier.csv: the exact curve, the offline scopes and both bounds, which are returned.

    What is not known, and why, is said: where that is all there is no table, and where no bound is there is none.
    """
    try:
        domain.answer(everywhere(domain, 1.0))
    except NothingExactError as error:
        LOGGER.warning("%s: no bound, no exact alpha and no regret", error)
        run.record(exact=False)
        return None
    plans, bounds = _scopes(run, domain, beside), None
    try:
        bounds = bounds_of(domain)
        for name, mixture in bounds._asdict().items():
            if mixture.gap > PROVEN * mixture.cost:
                LOGGER.warning("the %s bound may be too high by %.2g: no more plays were asked for", name, mixture.gap)
    except UnreachableError as error:
        LOGGER.warning("%s: there is no bound, and nothing to stand over it", error)
    mixtures = {} if bounds is None else {name: mixture.objectives for name, mixture in bounds._asdict().items()}
    rows = frontier(domain, alphas, plans, mixtures)
    write_table(run.path / "frontier.csv", frontier_columns(domain.spec.words), rows)
    return bounds


def _scopes(run: RunFolder, domain: Domain, beside: Beside | None) -> dict[str, IntArray]:
    """Plans of scopes step and average; none where no plan by step is known. Who solved them is recorded."""
    given = () if beside is None else (None, beside.solver, beside.time_limit_s)
    known = {} if beside is None else {beside.scope: beside.optimum}
    scopes = (Scope.STEP, Scope.AVERAGE)
    try:
        solved = {str(scope): known.get(scope) or domain.optimum(scope, *given) for scope in scopes}
    except NothingExactError:
        return {}
    told = () if beside is None else beside.optimum.notices
    for notice in dict.fromkeys(notice for optimum in solved.values() for notice in optimum.notices):
        if notice not in told:
            LOGGER.warning("%s", notice)
    average = solved[str(Scope.AVERAGE)]
    run.record(solver={"name": average.solver, "version": average.solver_version, "scope": str(Scope.AVERAGE)})
    return {name: optimum.plan for name, optimum in solved.items()}


def write_summary(run: RunFolder, columns: Sequence[str], rows: list[list[Any]]) -> None:
    """Write summary.csv, and the same rows into run.json, where not-a-number is null."""
    write_table(run.path / "summary.csv", columns, rows)
    values = [[value.item() if hasattr(value, "item") else value for value in row] for row in rows]
    known = [[None if value != value else value for value in row] for row in values]  # noqa: PLR0124 - true of NaN
    run.record(summary=[dict(zip(columns, row, strict=True)) for row in known])


def write_agents(run: RunFolder, domain: Domain) -> None:
    """Write agents.csv where there are several: what each brings beside its own limits."""
    if len(domain.spec.agents) > 1:
        write_table(run.path / AGENTS, agents_columns(domain.spec.words), agents_rows(run.path, domain))


def _diverged(path: Path) -> DivergedError:
    return DivergedError(f"{path}: every member diverged: set a lower phase.learning_rate with --config")
