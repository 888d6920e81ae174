"""A run with agents beside one of today's rules: whether both are of one problem, and when the first has paid off."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mamo_cli.analysis.break_even import BreakEven, break_even
from mamo_cli.analysis.run_tables import ALPHA, read_run_table, read_words
from mamo_cli.analysis.tolerances import AGENTS
from mamo_cli.core.energy import declared
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.settings import canonical, read_toml
from mamo_cli.experiments.configs import BaselinesConfig, MamoConfig, configured
from mamo_cli.experiments.trained import KINDS, read_trained
from mamo_cli.runs.folder import CONFIG, known_as
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.runs.outcomes import words_of
from mamo_cli.training.conditions import NO_DRIFT

RULED = "baselines"


def paid_off(folders: Sequence[Path]) -> tuple[str, BreakEven | None] | None:
    """Why there is no break-even, or what it is; None where there is nothing of the kind to ask.

    Args:
        folders: of two runs, in any order.

    Raises:
        DataError: a run.json cannot be read.
        UsageError: what is declared of energy is no number.
    """
    found = {read_manifest(folder)["command"]: folder for folder in folders}
    trained = next((folder for command, folder in found.items() if command in KINDS), None)
    if trained is None or RULED not in found:
        return None
    manifest, rules = read_manifest(trained), read_manifest(found[RULED])
    words = words_of(manifest)
    if words is None or not words.powered:
        return None
    if reason := _not_said(trained, found[RULED]):
        return f"there is no break-even: {reason}", None
    watts = declared().watts_per_unit
    try:
        count = len(next(iter(manifest["limits"].values())))
        told = break_even(
            _held(trained, manifest["summary"]), rules["summary"], words, count, manifest["energy"], watts
        )
    except (LookupError, TypeError, ValueError):
        raise DataError(f"{trained} or {found[RULED]}: its run.json is damaged: there is no break-even") from None
    return "", told


def _held(folder: Path, summary: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The members of a run; where they do not say so themselves, whether every agent keeps its own limits."""
    if "holds" in summary[0] or not (folder / AGENTS).exists():
        return summary
    alphas = list(read_words(folder).each(ALPHA))
    held = read_run_table(folder, AGENTS, ["seed", *alphas, "holds"]).groupby(["seed", *alphas], sort=False)["holds"]
    return [{**row, "holds": every} for row, every in zip(summary, held.min(), strict=True)]


def _not_said(trained: Path, ruled: Path) -> str:
    """Why nothing is to be said of two such runs; empty where there is no reason."""
    manifest, rules = read_manifest(trained), read_manifest(ruled)
    for folder, own in ((trained, manifest), (ruled, rules)):
        if own["status"] != "complete":
            return f"{folder} is {own['status']}"
    if "energy" not in manifest:
        return f"{trained} is of an earlier version, which did not meter what a run takes"
    try:
        agents, config = read_trained(trained), configured(BaselinesConfig, read_toml(ruled / CONFIG))
    except (DataError, UsageError) as error:  # a trace that is gone, or a configuration of another version
        return str(error)
    if isinstance(agents.config, MamoConfig) and (agents.config.drift != NO_DRIFT or agents.config.continual):
        return f"conditions change in {trained}, and rules were played where they do not"
    mine, theirs = (canonical(one, words=False) for one in (agents.config, config))
    differing = [name for name in sorted({*theirs} - {"seeds"}) if mine.get(name) != theirs[name]]
    if differing or rules["config_digest"] not in known_as(config, [agents.source.digest()]):
        return f"the two are of different problems ({', '.join(differing) or 'the content of their traces'})"
    return ""
