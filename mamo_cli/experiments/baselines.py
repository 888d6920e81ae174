"""The rules that people run today, at their defaults and tuned, on the same problem as the agents."""

from collections.abc import Callable

from mamo_cli.analysis.baselines import (
    agents_columns,
    agents_rows,
    baselines_columns,
    baselines_rows,
    rules_columns,
    rules_summary,
)
from mamo_cli.analysis.tolerances import AGENTS
from mamo_cli.core.weights import alpha_grid
from mamo_cli.domains import registry as domains
from mamo_cli.domains.rules import TUNED
from mamo_cli.experiments.configs import BaselinesConfig
from mamo_cli.experiments.problem import facts_of
from mamo_cli.experiments.session import (
    HERE,
    Outcome,
    Place,
    begin,
    open_session,
    outcome,
    write_frontier,
    write_summary,
)
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.tables import write_table
from mamo_cli.training.settings import seeds_of


def baselines(config: BaselinesConfig, place: Place = HERE, progress: Callable[[str], None] | None = None) -> Outcome:
    """Tune every rule on the training part and play it on the evaluation part; what `mamo baselines` does.

    Args:
        config: what to rule; see `configured`.
        place: where the run is kept.
        progress: told of every rule whose turn it is.

    Raises:
        MamoError: see its kinds.
    """
    source = domains.load_source(config.domain, config.instance)
    domain = domains.build(config.domain, config.instance, source)
    rules = domains.ruled(config.domain, domain, None if config.seeds is None else seeds_of(config.seeds), progress)
    with open_session("baselines", config.domain, config, source.digest(), place) as run:
        if not run.complete:
            begin(run, config.domain, domain)
            run.record(workload=facts_of(source))
            notice = domains.rules_notice(config.domain, domain)
            if notice is not None:
                LOGGER.warning("%s", notice)
            bounds = write_frontier(run, domain, alpha_grid(0.1))
            plays = list(rules)
            for rule in dict.fromkeys(play.rule for play in plays if play.knobs == TUNED and not play.reached):
                LOGGER.warning("%s: tuned as far as it goes, it does not keep the limit on the training part", rule)
            words = domain.spec.words
            write_table(run.path / "baselines.csv", baselines_columns(words), baselines_rows(domain, plays))
            if len(domain.spec.agents) > 1:
                write_table(run.path / AGENTS, agents_columns(words), agents_rows(domain, plays))
            run.record(seeds=list(dict.fromkeys(play.seed for play in plays)))
            write_summary(run, rules_columns(words), rules_summary(domain, plays, bounds))
    return outcome(run)
