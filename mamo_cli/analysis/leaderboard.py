"""The tables of a comparison: who does better, by how much, and how soon; see `standing` for what a regret is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mamo_cli.analysis.perfect import reached
from mamo_cli.analysis.run_tables import AGENT
from mamo_cli.analysis.standing import Cell, Judged, Standing
from mamo_cli.analysis.statistics import (
    Statistic,
    bootstrap_interval,
    compared,
    interquartile_mean,
    mean,
    stratified_mean,
)
from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Domain
from mamo_cli.core.seeding import stream
from mamo_cli.core.weights import alpha_grid, weights_of

PROFILE_STEP = 0.02
"""Of alpha in the exact profile."""

CLOSE = 0.02
"""A regret of so much or less is close to the bound."""

INTERVALS: dict[str, Statistic] = {
    "cost_over_causal_bound": interquartile_mean,
    "regret": interquartile_mean,
    "mean_cost": interquartile_mean,
    "mean_violation": mean,
}
"""Columns of members that a leaderboard has the centre of, with `_low` and `_high`."""

FIRST = ("steps_to_feasible", "seconds_to_feasible", "steps_to_2_percent", "seconds_to_2_percent")
"""Columns of which it has the median, counted from where conditions changed last.

Blank where a member, or the middle ones, never get there.
"""

MEMBERS = ("scenario", "strategy", "seed", "env_steps", *INTERVALS, "violates", *FIRST)
LEADERBOARD = (
    *("scenario", "strategy", "te", "readout", "seeds", "seeds_total", "tolerance", "env_steps", "wall_seconds"),
    *(f"{name}{end}" for name in INTERVALS for end in ("", "_low", "_high")),
    *("violating_share", *FIRST),
)
ANYTIME = ("scenario", "strategy", "cycle", "env_steps", "seconds", "seeds", "regret", "regret_low", "regret_high")
AGENTS = ("scenario", AGENT, "tolerance")
PROFILE = ("scenario", AGENT, "alpha", "cost", "violation")
SCENARIOS = ("scenario", "title", "domain", "tolerance", "causal_cost", "changed_at")
CYCLES = ("scenario", "strategy", "seed", "cycle", AGENT, "alpha", "cost", "violation")
OVERALL = ("strategy", "scenarios", "runs", "regret", "regret_low", "regret_high")
IMPROVEMENT = (
    *("scenario", "strategy", "over", "seeds"),
    *("regret_difference", "regret_difference_low", "regret_difference_high"),
    *("probability_of_improvement", "probability_of_improvement_low", "probability_of_improvement_high"),
    "share_of_seeds_better",
)


def members(cell: Cell, found: Standing, judged: Judged) -> list[list[Any]]:
    """Rows of members.csv: blank in all that is not known of a member that diverged."""
    judge, begun = judged.judge, judged.eras[-1]
    over = found.costs.mean(-1) / judge.bound
    regrets = judge.regrets(found.costs, found.violations)
    beyond: BoolArray = np.any(found.violations > reached(judge.limits), axis=-1)
    count = found.regrets.shape[1]
    steps = [_first(found.feasible[:, begun:]), _first(_for_good(found.regrets[:, begun:] <= CLOSE))]
    steps = [cell.steps_to(step + 1, count) for step in steps]
    rows = []
    for s, seed in enumerate(found.seeds):
        numbers = [over[s], regrets[s], found.costs[s].mean(), found.violations[s].mean()]
        if np.isnan(numbers[2]):
            rows.append([*cell.named, seed, cell.env_steps, *[None] * (len(MEMBERS) - 4)])
            continue
        firsts = [number for each in steps for number in (each[s], each[s] * cell.seconds / cell.env_steps)]
        there = [number if np.isfinite(number) else None for number in firsts]
        rows.append([*cell.named, seed, cell.env_steps, *numbers, int(beyond[s]), *there])
    return rows


def _first(holds: BoolArray) -> FloatArray:
    """`(S,)` the first cycle at which something holds `(S, C)`; infinite where it never does."""
    return np.where(holds.any(1), holds.argmax(1), np.inf)


def _for_good(holds: BoolArray) -> BoolArray:
    """Whether something holds at a cycle and at all after it."""
    return np.logical_and.accumulate(holds[:, ::-1], axis=1)[:, ::-1]


def agent_rows(scenario: str, agents: Sequence[str], limits: FloatArray) -> list[list[Any]]:
    """Rows of agents.csv: what each agent's violation may be, `(A,)`."""
    return [[scenario, name, float(limit)] for name, limit in zip(agents, limits, strict=True)]


def common(limits: FloatArray) -> float | None:
    """The limit of all agents; None where they have limits `(A,)` of their own."""
    return float(limits[0]) if (limits == limits[0]).all() else None


def leaderboard_row(cell: Cell, rows: Sequence[Sequence[Any]], tolerance: float | None) -> list[Any]:
    """A cell's row of leaderboard.csv, of its rows of members.csv."""
    table = {name: [row[place] for row in rows] for place, name in enumerate(MEMBERS)}
    healthy = [place for place, cost in enumerate(table["mean_cost"]) if cost is not None]

    def known(name: str, blank: float = np.nan) -> FloatArray:
        return np.array([blank if table[name][place] is None else table[name][place] for place in healthy])

    start = [*cell.named, cell.te, cell.readout, len(healthy), len(rows), tolerance, cell.env_steps, cell.seconds]
    if not healthy:
        return [*start, *[None] * (len(LEADERBOARD) - len(start))]
    centres = [number for name, statistic in INTERVALS.items() for number in _centre(known(name), statistic)]
    medians = [_median(known(name, np.inf)) for name in FIRST]
    return [*start, *centres, float(known("violates").mean()), *medians]


def _centre(values: FloatArray, statistic: Statistic) -> list[float | None]:
    if np.isnan(values).any():
        return [None, None, None]
    low, high = bootstrap_interval(values, statistic, rng=stream(0, "bootstrap"))
    return [float(statistic(values)), float(low), float(high)]


def _median(values: FloatArray) -> float | None:
    """The median; None where the middle members never get there."""
    found = float(np.median(values))
    return found if np.isfinite(found) else None


def anytime_rows(cell: Cell, found: Standing) -> list[list[Any]]:
    """Rows of anytime.csv: regret of what would be delivered after each cycle, over the healthy seeds."""
    healthy = ~np.isnan(found.regrets).any(1)
    if not healthy.any():
        return []
    values = found.regrets[healthy]
    low, high = bootstrap_interval(values, interquartile_mean, rng=stream(0, "bootstrap"))
    made = cell.steps_to(np.arange(1.0, values.shape[1] + 1), values.shape[1])
    columns = (made, made * cell.seconds / cell.env_steps, interquartile_mean(values), low, high)
    return [
        [*cell.named, cycle, steps, seconds, int(healthy.sum()), *numbers]
        for cycle, (steps, seconds, *numbers) in enumerate(zip(*columns, strict=True))
    ]


def cycle_rows(cell: Cell, found: Standing, agents: Sequence[str]) -> list[list[Any]]:
    """Rows of cycles.csv: where each cycle's greedy policy stands."""
    return [
        [
            *cell.named,
            found.seeds[s],
            cycle,
            agents[a],
            *(part[s, cycle, a] for part in (found.alphas, found.cycle_costs, found.cycle_violations)),
        ]
        for s, cycle, a in np.ndindex(found.alphas.shape)
    ]


def improvement_rows(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows of improvement.csv: each strategy against each other in the same scenario, on the seeds that both have."""
    regret, found = MEMBERS.index("regret"), []
    cells: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        if row[regret] is not None and not np.isnan(row[regret]):
            cells.setdefault((row[0], row[1]), {})[row[2]] = row[regret]
    for (scenario, strategy), own in cells.items():
        for (where, over), theirs in cells.items():
            seeds = sorted(own.keys() & theirs.keys())
            if where != scenario or over == strategy or not seeds:
                continue
            result = compared(
                [own[seed] for seed in seeds], [theirs[seed] for seed in seeds], rng=stream(0, "bootstrap")
            )
            found.append([scenario, strategy, over, len(seeds), *result.difference, *result.improvement, result.paired])
    return found


def overall_rows(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows of overall.csv: each strategy's regret in all scenarios together, a stratum each, of members.csv's rows."""
    regret = MEMBERS.index("regret")
    strata: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row[regret] is not None and not np.isnan(row[regret]):
            strata.setdefault(row[1], {}).setdefault(row[0], []).append(row[regret])
    return [
        [
            *(strategy, len(own), sum(map(len, own.values()))),
            *stratified_mean(list(own.values()), rng=stream(0, "bootstrap")),
        ]
        for strategy, own in strata.items()
    ]


def profile_rows(scenario: str, domain: Domain) -> list[list[Any]]:
    """Rows of profile.csv: what a perfect agent expects under each alpha; none where nothing exact is known."""
    rows, agents = [], domain.spec.agents
    for alpha in alpha_grid(PROFILE_STEP):
        try:
            objectives = domain.answer(weights_of(np.full(len(agents), alpha))).objectives
        except NothingExactError:
            return []
        rows += [[scenario, name, float(alpha), *map(float, own)] for name, own in zip(agents, objectives, strict=True)]
    return rows
