"""What figures of one run show, in sentences with the plotted numbers, for who does not see them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mamo_cli.analysis.agent_tables import OPTIMUM
from mamo_cli.analysis.mamo_tables import OVER_BOUND
from mamo_cli.analysis.over_seeds import CENTRE
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.walk import BOUND
from mamo_cli.analysis.walk_tables import CHANGE, LIMIT
from mamo_cli.core.told import shown
from mamo_cli.core.words import Words
from mamo_cli.plots.panels import PROXY, believed, groups, seeds_text, spoken

MOST_TOLD = 12
"""Panels, or things in one, that are told of one by one."""


def offline(table: pd.DataFrame, words: Words) -> str:
    """The plan: measures and violations by step."""
    told = []
    for agent, rows in _agents(table):
        each = [
            f"{spoken(one)} from {_range(rows[one.name])}, {_n(rows[f'mean_{one.name}'].iloc[0])} on average"
            for one in (*words.averaged, *words.violations)
        ]
        told.append(f"{agent}{'; '.join(each)}")
    doubts = [f"{int(table['infeasible_steps'].iloc[0])} of {int(table['steps'].iloc[0])} steps are above it"
              ] if "infeasible_steps" in table else []  # fmt: skip
    doubts += [f"The plan is proven only to a gap of {_n(table['gap'].iloc[0])}"] if "gap" in table else []
    start = f"The plan of scope {table['scope'].iloc[0]} over {_hours(table)} hours"
    return sentences(f"{start}: {joined(told)}", f"The tolerance is {_tolerance(table)}", *doubts)


def offline_noise(table: pd.DataFrame, words: Words) -> str:
    """The plan as it came."""
    violation, told = words.violations[0], []
    for agent, rows in _agents(table):
        rates = ", ".join(f"{spoken(one)} from {_range(rows[one.name])}" for one in words.conditions)
        came = f"{spoken(violation)} {_n(rows[f'mean_{violation.name}'].iloc[0])} on average and "
        came += f"{_n(rows[violation.name].max())} at most, above the tolerance in "
        told.append(f"{agent}{rates}; {came}{100 * rows['share_above_tolerance'].iloc[0]:.3g} % of the steps")
    return sentences(f"The plan under noise: {joined(told)}", f"The tolerance is {_tolerance(table)}")


def te_agents(table: pd.DataFrame, words: Words) -> str:
    """Measure and violations over the evaluation."""
    quantities, told = [words.measures[0], *words.violations], []
    for (alpha, agent), rows in groups(table, ["alpha", AGENT]):
        each = []
        for one in quantities if rows["seeds"].max() > 0 else ():
            own = rows[rows["quantity"] == one.name]
            middle = own.loc[own["series"] == CENTRE, "value"]
            best = own.loc[own["series"] == OPTIMUM, "value"]
            exact = f" (exact optimum {_n(best.iloc[0])})" if len(best) else ""
            each.append(f"{spoken(one)} {_n(middle.mean())} on average{exact}, from {_range(middle)}")
        told.append(f"{_cell(table, alpha, agent)}, {seeds_text(rows)}: {', '.join(each) or 'every member diverged'}")
    return sentences(
        f"TE agents over {_hours(table)} hours of evaluation, middle of the seeds; {joined(told)}",
        f"The tolerance is {_tolerance(table)}",
    )


def learning_curves(table: pd.DataFrame, words: Words) -> str:
    """Measure and violation over training."""
    told = []
    for (alpha, agent), rows in groups(table, ["alpha", AGENT]):
        each = [f"mean {spoken(one)} {_way(rows, f'mean_{one.name}', 'env_steps')}"
                for one in (words.measures[0], words.violations[0])]  # fmt: skip
        told.append(f"{_cell(table, alpha, agent)}: {', '.join(each)}")
    steps = f"{table['env_steps'].max():,.0f} environment steps"
    return sentences(f"In training over {steps}, {joined(told)}", f"The tolerance is {_tolerance(table)}")


def mamo(table: pd.DataFrame, words: Words) -> str:
    """Alpha, violations and measure over the cycles."""
    beside = table["quantity"].isin(OVER_BOUND)
    own, told = table[~beside], []
    for agent, rows in _agents(own):
        each = [f"{name.replace('_', ' ')} {_way(rows, name, 'cycle')}" for name in words.each("alpha")]
        each += [f"greedy {spoken(one)} {_way(rows, f'eval_{one.name}', 'cycle')}"
                 for one in (words.measures[0], *words.violations)]  # fmt: skip
        told.append(f"{agent}{', '.join(each)}")
    over = table[beside & (table["series"] == CENTRE)].dropna(subset="value")
    exact = table["exact_alpha"].iloc[0]
    held = f"{table['seeds_holding'].iloc[0]} of {own['seeds'].max()} seeds hold the tolerance of {_tolerance(table)}"
    return sentences(
        f"Over {_n(own['cycle'].max())} cycles, {seeds_text(own)}: {joined(told)}",
        f"The exact alpha is {exact:g}" if np.isfinite(exact) else "",
        f"As delivered, {held}",
        f"Medians of the seeds, {'; '.join(believed(table, words))}" if PROXY in table else "",
        *(
            f"The middle of the seeds costs {row['value']:+.2f} % [{row['low']:+.2f}, {row['high']:+.2f}] beside the "
            f"{OVER_BOUND[row['quantity']]} bound"
            for _, row in over[:1].iterrows()
        ),
    )


def walk(table: pd.DataFrame, words: Words) -> str:
    """Who walked, by window."""
    violation, told = words.violations[0], []
    for agent, rows in _agents(table[~table["player"].isin([CHANGE, LIMIT])]):
        for player, own in rows.groupby("player", sort=False):
            cost = own.loc[own["quantity"] == "cost", "value"]
            so_far = own.loc[own["quantity"] == f"cumulative_{violation.name}", "value"]
            ends = "" if player == BOUND else f" and {spoken(violation)} {_n(so_far.iloc[-1])} over all of it"
            told.append(f"{agent}{player} has a mean cost of {_n(cost.mean())}{ends}")
    changes = table.loc[table["player"] == CHANGE, "steps"].drop_duplicates()
    changed = f"Conditions change after step {', '.join(f'{step:g}' for step in changes)}" if len(changes) else ""
    limits = table.loc[table["player"] == LIMIT, "value"]
    start = f"A walk of {table['steps'].max():,.0f} control periods"
    return sentences(f"{start}: {joined(told)}", changed, f"The limit is {_among(limits)}")


def validation(table: pd.DataFrame, words: Words) -> str:
    """Models beside the simulation."""
    told = []
    for (agent, model), rows in table.groupby([AGENT, "model"], sort=False):
        errors = (rows["rejection_model"] - rows["rejection_simulated"]).abs()
        named = f" of {agent}" if table[AGENT].nunique() > 1 else ""
        told.append(f"{model}{named} is off by at most {_n(errors.max())}, "
                    f"and promises too little at {int(rows['unsafe'].sum())} of {len(rows)} points")  # fmt: skip
    rates, replicas = table["arrival_rate_rps"], sorted(table["replicas"].unique())
    start = f"Rejection by model and by simulation at {_range(rates)} requests/s"
    shown_of = f"and {', '.join(map(str, replicas))} replicas"
    return sentences(f"{start} {shown_of}: {joined(told)}", f"The tolerance is {_tolerance(table)}")


def sentences(*texts: str) -> str:
    """Those that say something, each with its stop."""
    return " ".join(f"{text}." for text in texts if text)


def joined(told: Sequence[str]) -> str:
    """The first of many things in one sentence."""
    rest = len(told) - MOST_TOLD
    return "; ".join([*told[:MOST_TOLD], *([f"and {rest} more"] if rest > 0 else [])])


def _agents(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each agent's rows, and what stands before what is told of it."""
    found = groups(table, AGENT)
    for name, rows in found:
        yield (f"{name}: " if len(found) > 1 else ""), rows


def _cell(table: pd.DataFrame, alpha: float, agent: str) -> str:
    """Whose panel it is."""
    return f"at alpha {alpha:g}" + (f" {agent}" if table[AGENT].nunique() > 1 else "")


def _way(rows: pd.DataFrame, quantity: str, point: str) -> str:
    """From where to where the middle of the seeds goes."""
    middle = rows[(rows["quantity"] == quantity) & (rows["series"] == CENTRE)].sort_values(point)["value"].dropna()
    return f"from {_n(middle.iloc[0])} to {_n(middle.iloc[-1])}" if len(middle) else "not known"


def _hours(table: pd.DataFrame) -> str:
    hours = np.unique(table["hours"].dropna())
    return _n(hours[-1] + (hours[1] - hours[0] if len(hours) > 1 else 0.0))


def _tolerance(table: pd.DataFrame) -> str:
    return _among(table["tolerance"])


def _among(values: "pd.Series[float]") -> str:
    """A value that all have, or from the least to the greatest."""
    return " to ".join(dict.fromkeys((f"{values.min():g}", f"{values.max():g}")))


def _range(values: "pd.Series[float]") -> str:
    return f"{_n(values.min())} to {_n(values.max())}"


def _n(value: float) -> str:
    return shown(float(value))
