"""The evaluation walked window by window: what stands beside those who walked, and what is summed up of them."""

from typing import Any

from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.analysis.walk import (
    reference_columns,
    references,
    walk_bound,
    walk_summary,
    walk_summary_columns,
)
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Domain
from mamo_cli.domains import registry as domains
from mamo_cli.runs.folder import RunFolder
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.tables import write_table
from mamo_cli.training.continual import Walk
from mamo_cli.training.drift import World
from mamo_cli.training.settings import EXACT
from mamo_cli.training.shards import ShardSpec, build_walk


def planned(spec: ShardSpec, domain: Domain) -> Domain:
    """What a run's policies are judged on in the end: the domain under the conditions that they were trained under.

    Raises:
        UsageError: its drift cannot happen, or its evaluation cannot be walked.
    """
    world = World(domain, spec.drift)
    if spec.walk is None:
        world.require(spec.cycles)
        return world.at(spec.cycles - 1)
    if spec.te == EXACT:
        raise UsageError("only task agents that learn walk the evaluation, and exact ones have nothing to learn")
    if domain.spec.objectives > 2:
        raise UsageError(f"a walk knows one limit, and here are {domain.spec.objectives - 1}: nothing goes on learning")
    domain.shifted(AS_CONFIGURED, (0, 1))  # whether a domain has windows at all, it says best itself
    world.require(build_walk(spec, spec.walk).windows, "windows")
    return domain


def write_walk(run: RunFolder, spec: ShardSpec, domain: Domain) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Write references.csv; columns and rows, one a member, that the walk adds to the summary."""
    assert spec.walk is not None
    walk, rules, words = build_walk(spec, spec.walk), domains.rules_of(spec.domain), domain.spec.words
    if domain.spec.coupled and rules:
        LOGGER.warning("%s: left out, as rules of today know nobody beside them", ", ".join(rules))
        rules = {}
    columns = reference_columns(words, len(domain.spec.agents))
    write_table(run.path / "references.csv", columns, references(domain, walk, rules))
    return walk_summary_columns(words, rules), walk_summary(run.path, walk, words, rules, _least(walk))


def _least(walk: Walk) -> float | None:
    try:
        return walk_bound(walk).cost
    except UnreachableError as error:
        LOGGER.warning("%s: the walk has no bound", error)
    except NothingExactError as error:
        LOGGER.warning("%s: no bound of the walk", error)
    return None
