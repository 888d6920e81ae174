"""The tables that a run ends with, on the screen and in a report: of its summary, nothing computed twice."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from mamo_cli.analysis.baselines_tables import over_plays
from mamo_cli.analysis.believed import BELIEVED, CHARGED, quantities
from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.analysis.equality import FAIR, equality_columns
from mamo_cli.analysis.run_tables import AGENT, read_run_table, read_words
from mamo_cli.analysis.tolerances import AGENTS
from mamo_cli.core.seam import Scope, Termination
from mamo_cli.core.told import Table
from mamo_cli.core.words import Words
from mamo_cli.domains.registry import DEFAULT, rules_of
from mamo_cli.domains.rules import SEVERAL
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.training.conditions import WALKED

Row = Mapping[str, Any]

LEADERBOARD = {
    "scenario": "scenario",
    "strategy": "strategy",
    "cost_over_causal_bound": "over bound",
    "mean_violation": "violation",
    "violating_share": "above",
    "seconds_to_2_percent": "2 % (s)",
}
MODELS = {
    "function": "function",
    "model": "model",
    "mean_absolute_error": "mean error",
    "largest_error": "largest",
    "largest_at_rate_rps": "at rate",
    "largest_at_replicas": "replicas",
    "cells": "cells",
    "unsafe_cells": "unsafe",
    "worst_unsafe": "unsafe by",
    "replicas_mape": "replicas MAPE",
    "rates_short": "short",
}
HELD_OUT = {
    "model": "model",
    "times": "service times",
    "warm_service_time_s": "warm (s)",
    "mean_absolute_error": "mean error",
    "root_mean_square_error": "root mean square",
    "mean_error": "bias",
    "replicas_mape": "replicas MAPE",
    "rates_short": "short",
}


def tables_of(folder: Path, summary: Any) -> list[Table]:
    """What its command tells of a run that has ended.

    Args:
        folder: the run's.
        summary: what its summary.csv holds, as run.json has it.

    Raises:
        DataError: a table of the run cannot be read.
    """
    return TABLES[read_manifest(folder)["command"]](folder, summary)


def _planned(folder: Path, summary: Row) -> list[Table]:
    """Facts of the one plan."""
    words = read_words(folder)
    violations = [f"mean_{one.name}_{when}" for one in words.violations for when in ("expected", "actual")]
    others = {*violations, *(f"mean_{one.name}_over_noise" for one in words.violations)}
    others |= {f"mean_{words.measures[place].name}" for place in words.nominal}
    means = [name for name in summary if name.startswith("mean_") and name not in others]
    shown = ["scope", "solver", "termination", *means, *violations]
    shown += ["share_above_tolerance", "infeasible_steps", "gap", "seconds"]
    shown += [name for name in equality_columns(words) if name in summary]
    facts: dict[str, Any] = {}
    for one in shown:
        facts[one] = summary[one]
        if one == "termination" and summary["infeasible_steps"]:
            facts |= _not_met(summary)
    return [Table((), list(facts.items()))]


def _not_met(summary: Row) -> dict[str, str]:
    """That no proof makes a plan hold what it cannot, and how far it is from it."""
    at = f"at {summary['infeasible_steps']} of {summary.get('steps', 'the')} steps"  # runs of old do not count them
    where = "on average" if summary["scope"] == Scope.AVERAGE else at
    least = "the least possible" if summary["termination"] == Termination.OPTIMAL else "perhaps more than it must be"
    allowed = summary.get("tolerance")  # not there where there are several limits
    facts = {
        "termination": f"{summary['termination']}, tolerance not met",
        "tolerance": f"{'of each its own' if allowed is None else format(allowed, 'g')}, not met {where}",
    }
    return facts | ({"excess": f"{summary['excess']:.4g} on average, {least}"} if "excess" in summary else {})


def _trained(folder: Path, summary: Sequence[Row]) -> list[Table]:
    """Medians over the seeds that did not diverge, alpha by alpha."""
    words = read_words(folder)
    names = [*(one.name for one in words.averaged), "cost", *(one.name for one in words.violations)]
    shown = {**{f"mean_{one}": one for one in names}, "regret": "regret"}
    rows = []
    for alpha in dict.fromkeys(row["alpha"] for row in summary):
        members = [row for row in summary if row["alpha"] == alpha and row["mean_cost"] is not None]
        values = [[row[column] for row in members if row[column] is not None] for column in shown]
        rows.append([alpha, len(members), *(float(np.median(each)) if each else None for each in values)])
    table = Table(["alpha", "seeds", *(f"median {one}" for one in shown.values())], rows)
    believed = _believed(summary, words, by_alpha=True)
    equal = _compared_agents(summary, words, by_alpha=True)
    return [table, *believed, *_measured(summary, words, by_alpha=True), *equal, *_each_agent(folder, words, True)]


def _played(folder: Path, summary: Sequence[Row]) -> list[Table]:
    """A row for each member that was evaluated; those at fixed alphas, where seeds have several, are kept apart."""
    words = read_words(folder)
    names = [*(one.name for one in words.averaged), "cost", *(one.name for one in words.violations)]
    alphas = {name: name for name in words.each("alpha")}
    shown = {"seed": "seed", **alphas, **{f"mean_{one}": one for one in names}, "regret": "regret"}
    by_alpha = len({row["seed"] for row in summary}) < len(summary)
    others = *_measured(summary, words, by_alpha), *_compared_agents(summary, words, by_alpha)
    return [_rows_of(summary, shown), *others, *_each_agent(folder, words, by_alpha)]


def _looped(folder: Path, summary: Sequence[Row]) -> list[Table]:
    """A row for each member, and what its cost over the bound is made of."""
    words = read_words(folder)
    shown = {"seed": "seed", **{name: name for name in words.each("alpha")}}
    shown |= {"final_alpha": "choice", "exact_alpha": "exact"}
    names = [one.name for one in (*words.averaged, *words.violations)]
    shown |= {f"mean_{name}": f"mean {name}" if name in shown.values() else name for name in names}
    shown |= {"holds": "holds", "cost_over_causal_bound": "over causal"}
    first = _walked(folder, summary, words) if (folder / f"{WALKED}.csv").exists() else _rows_of(summary, shown)
    own = *_believed(summary, words), *_measured(summary, words), *_compared_agents(summary, words)
    return [first, *own, *_each_agent(folder, words), *_decomposed(summary)]


def _believed(summary: Sequence[Row], words: Words, by_alpha: bool = False) -> list[Table]:
    """Where training was told a proxy: what it believed of each member, and what that truly brings."""
    if not summary or f"{BELIEVED}cost" not in summary[0]:
        return []
    columns = ["seed", *(["alpha"] if by_alpha else [])]
    headings, told = list(columns), "{} in training" if by_alpha else "believed {}"  # agents explored, and still learnt
    for name, tolerance in zip(quantities(words), (None, *words.each("tolerance")), strict=True):
        columns += [f"{BELIEVED}{name}", f"mean_{name}", *([tolerance] if tolerance else [])]
        headings += [told.format(name), f"true {name}", *(["limit"] if tolerance else [])]
    shown = dict(zip(columns, headings, strict=True))
    return [_rows_of(summary, shown | ({} if by_alpha else {CHARGED: "charged regret"}))]


def _walked(folder: Path, summary: Sequence[Row], words: Words) -> Table:
    """Of who walked: mean cost and violation, and steps until changes were overcome."""
    violation, domain = words.violations[0].name, read_manifest(folder).get("domain", DEFAULT)
    columns, headings = ["seed"], ["seed"]
    for who in ("learning", "frozen", *rules_of(domain)):
        columns += [f"{who}_cost", f"{who}_{violation}"]
        headings += [who, violation]
    columns += ["learning_steps_to_recover", "walk_bound_cost"]
    return Table([*headings, "recovers", "bound"], [[row.get(column) for column in columns] for row in summary])


def _compared_agents(summary: Sequence[Row], words: Words, by_alpha: bool = False) -> list[Table]:
    """Of agents that play together, of each member the one worst off, and how equally all are served."""
    worst, violation, equal = equality_columns(words)
    if not summary or worst not in summary[0]:
        return []
    shown = {"seed": "seed", **({"alpha": "alpha"} if by_alpha else {})}
    shown |= {worst: f"worst {words.agent}", violation: words.violations[0].name, equal: "Jain's index"}
    if FAIR[0] in summary[0]:
        shown |= {"mean_cost": "cost"} | {name: name.replace("_", " ") for name in FAIR}
    return [_rows_of(summary, shown)]


def _decomposed(summary: Sequence[Row]) -> list[Table]:
    """What the cost over the clairvoyant bound is made of: medians over members, in percent of it, where known."""
    known = [member for member in summary if member.get(TERMS[0]) is not None]
    if not known:
        return []
    medians = [
        None if known[0][term] is None else round(100 * median(member[term] for member in known), 2) + 0.0
        for term in TERMS
    ]
    return [Table(["%", *TERMS], [["median", *medians]])]


def _measured(summary: Sequence[Row], words: Words, by_alpha: bool = False) -> list[Table]:
    """What an instance measures beyond those of its domain, where it does: medians of the members' means.

    By alpha, members at different ones are kept apart.
    """
    members = pd.DataFrame(summary)
    known = [f"mean_{one.name}" for one in (*words.measures, *words.violations)]
    others = [name for name in members.columns if name.startswith("mean_") and name not in (*known, "mean_cost")]
    others = [name for name in others if members[name].notna().any()]  # exact answers measure nothing
    if not others:
        return []
    names = [f"median {name.removeprefix('mean_').replace('_', ' ')}" for name in others]
    if not by_alpha:
        return [Table(names, [members[others].median().tolist()])]
    by = members[others].groupby(members["alpha"], sort=False).median()
    rows = [[alpha, *row] for alpha, row in zip(by.index, by.to_numpy().tolist(), strict=True)]
    return [Table(["alpha", *names], rows)]


def _each_agent(folder: Path, words: Words, by_alpha: bool = False) -> list[Table]:
    """Of several agents, a row each beside its own limits: medians over the members, and how many of them hold.

    By alpha, members at different ones are kept apart.
    """
    if not (folder / AGENTS).exists():
        return []
    allowed, names = words.each("tolerance"), (*(one.name for one in (*words.averaged, *words.violations)), "cost")
    means = [f"mean_{name}" for name in names]
    first = [*(words.each("alpha") if by_alpha else ()), AGENT]
    by = read_run_table(folder, AGENTS, [*first, *allowed, *means, "holds"]).groupby(first, sort=False)
    middle, holds = by[[*allowed, *means]].median().reset_index(), by["holds"].agg(["sum", "count"])
    held = (f"{int(those)} of {int(of)}" for those, of in holds.itertuples(index=False))
    rows = [[*row, hold] for row, hold in zip(middle.itertuples(index=False), held, strict=True)]
    return [Table([*first[:-1], words.agent, *allowed, *(f"median {name}" for name in names), "hold"], rows)]


def _ruled(folder: Path, summary: Sequence[Row]) -> list[Table]:
    """A row for each rule at its defaults and tuned.

    Of several plays the means, with 95 % bootstrap intervals, and how many hold. Settings of several agents are in
    summary.csv alone.
    """
    words = read_words(folder)
    means = {f"mean_{one.name}": one.name for one in (*words.measures[:1], *words.violations)}
    several = any(SEVERAL in row["setting"] for row in summary)
    names, rows = ["rule", "knobs", *([] if several else ["setting"])], []
    for key in dict.fromkeys(tuple(row[name] for name in names) for row in summary):
        plays = [row for row in summary if tuple(row[name] for name in names) == key]
        numbers = [_over_plays([play[column] for play in plays]) for column in (*means, "cost_over_causal_bound")]
        held = sum(play["holds"] for play in plays)
        rows.append([*key, *numbers, held if len(plays) == 1 else f"{held} of {len(plays)}"])
    return [Table([*names, *means.values(), "over causal", "holds"], rows)]


def _over_plays(values: Sequence[Any]) -> Any:
    if len(values) == 1 or None in values:
        return values[0]
    mean, low, high = over_plays(np.array(values, dtype=float))
    return f"{mean:.4g} [{low:.4g}, {high:.4g}]"


def _compared(folder: Path, summary: Sequence[Row]) -> list[Table]:
    """The leaderboard, cost with its interval, and what scenarios train on a proxy; nothing where every cell failed."""
    if not summary:
        return []
    own = read_manifest(folder).get("own", {})
    proxies = [[scenario, facts["proxy"]] for scenario, facts in own.items() if "proxy" in facts]
    board = _rows_of([{**row, COST: _with_interval(row, COST)} for row in summary], LEADERBOARD)
    return [board, *([Table(["scenario", "trained on a proxy"], proxies)] if proxies else [])]


COST = "cost_over_causal_bound"


def _with_interval(row: Row, column: str) -> str | None:
    value = row[column]
    return None if value is None else f"{value:.3f} [{row[f'{column}_low']:.3f}, {row[f'{column}_high']:.3f}]"


def _validated(folder: Path, summary: Mapping[str, Sequence[Row]]) -> list[Table]:
    held_out = summary["held_out"]
    return [_rows_of(summary["models"], MODELS), *([_rows_of(held_out, HELD_OUT)] if held_out else [])]


def _rows_of(rows: Sequence[Row], shown: Mapping[str, str]) -> Table:
    """Some columns under headings of their own; earlier versions had fewer columns."""
    return Table(list(shown.values()), [[row.get(column) for column in shown] for row in rows])


TABLES: Mapping[str, Callable[[Path, Any], list[Table]]] = {
    "solve-offline": _planned,
    "train": _trained,
    "evaluate": _played,
    "run-mamo": _looped,
    "baselines": _ruled,
    "compare": _compared,
    "validate-model": _validated,
}
"""By command."""
