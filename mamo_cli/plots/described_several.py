"""What figures on the plane of cost and violation, and of several runs or strategies, show, in sentences."""

from collections.abc import Iterator

import pandas as pd

from mamo_cli.analysis.baselines_tables import RULE
from mamo_cli.analysis.decomposition_tables import TOTAL
from mamo_cli.analysis.frontier_tables import AGENT_KINDS, CAUSAL, CLAIRVOYANT, CURVE, RUN
from mamo_cli.analysis.over_seeds import CENTRE
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.sweep_tables import EXACT
from mamo_cli.core.seam import Scope
from mamo_cli.core.told import shown
from mamo_cli.core.words import Words
from mamo_cli.domains.rules import TUNED
from mamo_cli.plots.described import joined, sentences
from mamo_cli.plots.panels import run_label, spoken

PLACES = {
    str(Scope.STEP): "the plan that holds it at every step",
    str(Scope.AVERAGE): "the plan that holds it on average",
    CLAIRVOYANT: "the clairvoyant bound",
    CAUSAL: "the causal bound",
}


def frontier(table: pd.DataFrame, words: Words) -> str:
    """The exact curve, plans, bounds, and agents."""
    violation = f"mean_{words.violations[0].name}"
    told = [_curve(table, violation), *_places(table, violation)]
    for name, rows in _runs(table[table["kind"].isin(set(AGENT_KINDS.values()))]):
        known = rows.dropna(subset=["mean_cost", violation])
        count = f"{len(known)} of {len(rows)}" if len(known) < len(rows) else f"{len(rows)}"
        agents = f"{count} agent{'' if count == '1' else 's'}{f' of {name}' if name else ''}"
        if known.empty:
            told.append(f"{agents}, as every member diverged")
            continue
        told.append(f"{agents} at cost {_range(known['mean_cost'])} and "
                    f"{spoken(words.violations[0])} {_range(known[violation])}")  # fmt: skip
    return sentences(
        f"Mean cost against mean {spoken(words.violations[0])}: {joined(told)}",
        f"The tolerance is {table['tolerance'].iloc[0]:g}",
    )


def baselines(table: pd.DataFrame, words: Words) -> str:
    """The rules of today on the same plane."""
    violation, rules = f"mean_{words.violations[0].name}", table[table["kind"] == RULE]
    told = [_curve(table, violation), *_places(table, violation)]
    told += [
        f"{row['rule']} {'tuned' if row['knobs'] == TUNED else 'at its defaults'} costs {_n(row['mean_cost'])} at "
        f"{_n(row[violation])}"
        for _, row in rules.iterrows()
    ]
    return sentences(
        f"Mean cost against mean {spoken(words.violations[0])}: {'; '.join(told)}",
        f"The tolerance is {table['tolerance'].iloc[0]:g}",
    )


def regret(table: pd.DataFrame, words: Words) -> str:
    """Percent of the exact optimum's reward, by alpha."""
    told = []
    for name, rows in _runs(table):
        centre = rows[rows["series"] == CENTRE]
        each = [
            f"{_n(row['value'])} % [{_n(row['low'])}, {_n(row['high'])}] at alpha {row['alpha']:g}"
            if row["seeds"]
            else f"not known at alpha {row['alpha']:g}"
            for _, row in centre.iterrows()
        ]
        told.append(f"{f'{name}: ' if name else ''}{joined(each)}")
    return sentences(f"Regret of TE agents in expected reward, middle of the seeds and its interval; {joined(told)}")


def decomposition(table: pd.DataFrame, words: Words) -> str:
    """The terms of each run's cost over the clairvoyant bound."""
    told = []
    for name, rows in _runs(table):
        total = rows[rows["stage"] == TOTAL].iloc[0]
        terms = [f"{row['stage']} {row['percent']:.2f}" for _, row in rows[rows["stage"] != TOTAL].iterrows()
                 if pd.notna(row["percent"])]  # fmt: skip
        told.append(
            f"{f'{name}: ' if name else ''}{total['percent']:.2f} % [{total['low']:.2f}, {total['high']:.2f}], made of "
            f"{', '.join(terms)}, at a mean {spoken(words.violations[0])} of {_n(total['violation'])}; "
            f"{total['seeds_holding']} of {total['seeds_total']} seeds hold the tolerance of {total['tolerance']:g}"
        )
    return sentences(f"Cost over the clairvoyant bound, middle seeds; {joined(told)}")


def leaderboard(table: pd.DataFrame, words: Words) -> str:
    """Strategies by scenario."""
    told = []
    for scenario, rows in table.groupby("scenario", sort=False):
        each = [
            f"{row['strategy']} {_n(row['over_causal_percent'])} % over the causal bound at a mean violation of "
            f"{_n(row['mean_violation'])}"
            for _, row in rows.iterrows()
        ]
        told.append(f"{scenario}, tolerance {rows['tolerance'].iloc[0]:g}: {joined(each)}")
    return sentences(*told)


def anytime(table: pd.DataFrame, words: Words) -> str:
    """Regret of what would be delivered, on the way."""
    told = []
    for name, rows in table.groupby("strategy", sort=False):
        way = rows.sort_values("env_steps")["regret_percent"]
        told.append(f"{name} from {_n(way.iloc[0])} to {_n(way.iloc[-1])} %")
    steps = table["env_steps"].max()
    return sentences(
        f"{table['title'].iloc[0]}: regret over {steps:,.0f} environment steps; {joined(told)}",
        "On the way it is estimated from the cycles' greedy evaluations: it may end beside the leaderboard's regret, "
        "which is of what was delivered, as it was played",
    )


def profile(table: pd.DataFrame, words: Words) -> str:
    """Cost and violation over alpha, exact and of the cycles."""
    exact, told = table[table["strategy"] == EXACT].sort_values("alpha"), []
    for name, rows in table[table["strategy"] != EXACT].groupby("strategy", sort=False):
        last = rows[rows["cycle"] == rows["cycle"].max()]
        told.append(f"{name} ends at alpha {_range(last['alpha'])}, cost {_range(last['cost'])}, violation "
                    f"{_range(last['violation'])}")  # fmt: skip
    ends = [f"{name} {_n(exact[name].iloc[0])} to {_n(exact[name].iloc[-1])}" for name in ("cost", "violation")]
    agent = f", {words.agent} {table[AGENT].iloc[0]}" if table["agents"].iloc[0] > 1 else ""
    return sentences(
        f"{table['title'].iloc[0]}{agent}: from alpha {_n(exact['alpha'].iloc[0])} to {_n(exact['alpha'].iloc[-1])} a "
        f"perfect agent goes from {', '.join(ends)}; {joined(told)}",
        f"The tolerance is {table['tolerance'].iloc[0]:g}",
    )


def learning_compared(table: pd.DataFrame, words: Words) -> str:
    """Where several runs' training ends, by alpha."""
    told = []
    several = table[AGENT].nunique() > 1
    for (name, alpha, agent), rows in table.groupby([RUN, "alpha", AGENT], sort=False):
        own = f" {agent}" if several else ""
        told.append(f"{run_label(str(name), rows)}, alpha {alpha:g}{own}: {_ends(rows, words)}")
    return sentences(f"TE agents at the end of training; {joined(told)}")


def mamo_compared(table: pd.DataFrame, words: Words) -> str:
    """Where several runs' cycles end."""
    told = []
    several = table[AGENT].nunique() > 1
    for (name, agent), rows in table.groupby([RUN, AGENT], sort=False):
        own = f" {agent}" if several else ""
        told.append(f"{run_label(str(name), rows)}{own}: alpha {_last(rows, 'alpha')}, {_ends(rows, words)}")
    return sentences(f"At the end of training; {joined(told)}", f"The tolerance is {table['tolerance'].iloc[0]:g}")


def _ends(rows: pd.DataFrame, words: Words) -> str:
    return ", ".join(f"mean {spoken(one)} {_last(rows, f'mean_{one.name}')}"
                     for one in (words.measures[0], words.violations[0]))  # fmt: skip


def _last(rows: pd.DataFrame, quantity: str) -> str:
    values = rows.loc[(rows["quantity"] == quantity) & (rows["series"] == CENTRE), "value"].dropna()
    return _n(values.iloc[-1]) if len(values) else "not known"


def _curve(table: pd.DataFrame, violation: str) -> str:
    curve = table[table["kind"] == CURVE].sort_values("alpha")
    first, last = curve.iloc[0], curve.iloc[-1]
    return (
        f"the exact optimum goes from cost {_n(first['mean_cost'])} at {_n(first[violation])} "
        f"(alpha {first['alpha']:g}) to {_n(last['mean_cost'])} at {_n(last[violation])} (alpha {last['alpha']:g})"
    )


def _places(table: pd.DataFrame, violation: str) -> Iterator[str]:
    """Plans and bounds, as far as there are any."""
    for kind, name in PLACES.items():
        for _, row in table[table["kind"] == kind].iterrows():
            yield f"{name} costs {_n(row['mean_cost'])} at {_n(row[violation])}"


def _runs(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each run with its name, which is empty where there is one alone."""
    if RUN not in table or table[RUN].nunique() < 2:
        if len(table):
            yield "", table
        return
    yield from ((str(name), rows) for name, rows in table.groupby(RUN, sort=False))


def _range(values: "pd.Series[float]") -> str:
    low, high = _n(values.min()), _n(values.max())
    return low if low == high else f"{low} to {high}"


def _n(value: float) -> str:
    return shown(float(value))
