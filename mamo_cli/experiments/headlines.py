"""What came out of a run, in one sentence with its number and what is allowed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from mamo_cli.analysis.believed import BELIEVED, CHARGED
from mamo_cli.analysis.run_tables import read_words
from mamo_cli.analysis.told import tables_of
from mamo_cli.core.seam import Termination
from mamo_cli.core.settings import read_toml
from mamo_cli.core.told import shown
from mamo_cli.plots.panels import spoken
from mamo_cli.runs.folder import CONFIG
from mamo_cli.runs.outcomes import Outcome, outcomes_of

MOST = 3
"""Things that one sentence tells of one by one."""


def headline(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The sentence.

    Raises:
        DataError: the run's summary or configuration cannot be read.
    """
    summary, outcomes = manifest.get("summary"), outcomes_of(folder, manifest)
    members, fallen = sum(one.members or 0 for one in outcomes), sum(one.diverged or 0 for one in outcomes)
    if fallen and fallen == members:
        return f"Every member diverged, {members} of {members}: nothing came out."
    told = HEADLINES[manifest["command"]](folder, summary, outcomes)
    if not fallen:
        return told
    which = _few(fallen_of(manifest) or [f"{one.diverged} of {one.title}" for one in outcomes if one.diverged])
    left_out = f"{fallen} diverged and {'is' if fallen == 1 else 'are'} left out: {', '.join(which)}"
    return f"{told} Of {members} members {left_out}."


def fallen_of(manifest: Mapping[str, Any]) -> list[str]:
    """The members of a run that diverged: a seed each, and its alpha where a seed has several members.

    Args:
        manifest: its run.json, with a summary.
    """
    summary = manifest["summary"]
    members = [row for row in summary if "seed" in row and "mean_cost" in row] if isinstance(summary, list) else []
    several = len({row["seed"] for row in members}) < len(members)
    fallen = [row for row in members if row["mean_cost"] is None]
    return [f"seed {row['seed']}" + (f" at alpha {row['alpha']:g}" if several else "") for row in fallen]


def _looped(folder: Path, summary: Any, outcomes: Sequence[Outcome]) -> str:
    one = outcomes[0]
    healthy = (one.members or 0) - (one.diverged or 0)
    costs = "plays"
    if one.cost_over_causal_bound is not None:
        costs = f"costs {_over(one.cost_over_causal_bound)} the causal bound (median of {_seeds(healthy)})"
    held = "" if one.holds is None else f"; {one.holds} of {_seeds(one.holds_of or 0)} hold the limit to the letter"
    alpha = f", at alpha {one.alpha}," if one.alpha else ""
    return f"The strategy {one.label}{alpha} {costs} at {_violations(folder, one)}{held}.{_believed(folder, summary)}"


def _believed(folder: Path, summary: Sequence[Mapping[str, Any]]) -> str:
    """Of a run that was trained on a proxy."""
    if CHARGED not in summary[0]:
        return ""
    labels = {"cost": "cost", **{one.name: f"mean {spoken(one)}" for one in read_words(folder).violations}}
    told = []
    for name, label in labels.items():
        known = [row[f"{BELIEVED}{name}"] for row in summary if row[f"{BELIEVED}{name}"] is not None]
        told.append(f"a {label} of {shown(median(known))}")
    return f" Training, which was told a proxy, believed {' and '.join(told)} (medians)."


def _trained(folder: Path, summary: Any, outcomes: Sequence[Outcome]) -> str:
    each = [f"{f'at alpha {one.alpha}, ' if one.alpha else ''}{_came(folder, one)}" for one in outcomes]
    played = read_toml(folder / CONFIG).get("run")  # of `mamo evaluate`
    if played and len(outcomes) == 1:
        each = [f"the policies of {played} come to {_violations(folder, outcomes[0])}"]
    table = tables_of(folder, summary)[0]
    place = next(place for place, name in enumerate(table.headings) if name.endswith("regret"))
    regrets = [row[place] for row in table.rows if row[place] is not None]
    against = f"; regret against the exact optimum is at most {100 * max(regrets):.2f} %" if regrets else ""
    middle = " (median of the seeds)" if against and table.headings[place] != "regret" else ""
    return f"{_capital('; '.join(_few(each)))}{against}{middle}."


def _planned(folder: Path, summary: Any, outcomes: Sequence[Outcome]) -> str:
    words, one = read_words(folder), outcomes[0]
    measure = words.measures[0]
    proven = "proven optimal" if summary["termination"] == Termination.OPTIMAL else "not proven optimal"
    if one.holds is None:
        held = ""
    elif summary["scope"] == "step":
        held = f"; as planned it holds the limit at {one.holds} of {one.holds_of} steps"
    else:
        held = "; as planned it holds the limit on average" if one.holds else "; no plan holds the limit on average"
    return (
        f"The plan of scope {summary['scope']} costs {shown(summary['mean_cost'])} a period "
        f"({shown(summary[f'mean_{measure.name}'])} {spoken(measure)} on average), {proven}; under noise it comes to "
        f"{_violations(folder, one)}{held}."
    )


def _compared(folder: Path, summary: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome]) -> str:
    told = []
    for scenario in dict.fromkeys(row["scenario"] for row in summary):
        known = [row for row in summary if row["scenario"] == scenario and row["regret"] is not None]
        if known:
            best = min(known, key=lambda row: row["regret"])
            told.append(
                f"in {scenario}, {best['strategy']} has the least regret, {100 * best['regret']:.2f} % of the causal "
                f"bound [{100 * best['regret_low']:.2f}, {100 * best['regret_high']:.2f}], at a mean violation of "
                f"{shown(best['mean_violation'])}{_allowed(best['tolerance'])}"
            )
    return f"{_capital('; '.join(_few(told)))}." if told else "Nothing exact is known of any scenario: see the tables."


def _ruled(folder: Path, summary: Any, outcomes: Sequence[Outcome]) -> str:
    holding = [one for one in outcomes if one.holds == one.holds_of and one.cost_over_causal_bound is not None]
    if not holding:
        return "No rule is known to hold the limit in every play."
    best = min(holding, key=lambda one: one.cost_over_causal_bound or 0.0)
    over = _over(best.cost_over_causal_bound or 0.0)
    return (
        f"The cheapest rule that holds the limit is {best.label}: it costs {over} the causal bound at "
        f"{_violations(folder, best)}."
    )


def _validated(folder: Path, summary: Mapping[str, Any], outcomes: Sequence[Outcome]) -> str:
    several = len({row["function"] for row in summary["models"]}) > 1
    worst_first = sorted(summary["models"], key=lambda row: -row["unsafe_cells"] / row["cells"])
    each = [
        f"{row['model']}{' for ' + row['function'] if several else ''} is off by "
        f"{shown(row['mean_absolute_error'])} on average and promises too little rejection at "
        f"{row['unsafe_cells']} of {row['cells']} cells"
        for row in worst_first
    ]
    return f"Beside the simulation, {'; '.join(_few(each))}."


HEADLINES: Mapping[str, Callable[[Path, Any, Sequence[Outcome]], str]] = {
    "run-mamo": _looped,
    "train": _trained,
    "evaluate": _trained,
    "solve-offline": _planned,
    "compare": _compared,
    "baselines": _ruled,
    "validate-model": _validated,
}
"""By command."""


def _came(folder: Path, one: Outcome) -> str:
    """What those violate who did not diverge."""
    return "every member diverged" if one.members == one.diverged else _violations(folder, one)


def _violations(folder: Path, one: Outcome) -> str:
    """Each violation beside its limit."""
    words = {each.name: spoken(each) for each in read_words(folder).violations}
    return " and ".join(
        f"a mean {words.get(name, name)} of {shown(value)}{_allowed(one.limits[name])}"
        for name, value in one.violations.items()
    )


def _allowed(limit: float | None) -> str:
    return " (each agent has its own limit)" if limit is None else f" (limit {limit:g})"


def _over(share: float) -> str:
    """A cost as a share of a bound: who violates more than is allowed can cost less."""
    percent = 100.0 * (share - 1.0)
    return f"{abs(percent):.2f} % {'less' if percent < 0.0 else 'more'} than"


def _few(told: Sequence[str]) -> Sequence[str]:
    """The first, and of many how many more there are."""
    return told if len(told) <= MOST else [*told[:MOST], f"and {len(told) - MOST} more"]


def _seeds(count: int) -> str:
    return f"{count} seed{'' if count == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
