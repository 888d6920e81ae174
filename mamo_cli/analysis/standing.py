"""How a strategy fares in a scenario: what its run delivers in the end and on the way, beside the causal bound.

All is of what would be delivered: at the end as it was played on the evaluation part, on the way what the run's readout
would choose of the cycles until then, which costs what its policies' greedy evaluations cost in its proportions.

A regret is the cost over the causal bound, less 1, where violation beyond a limit is charged for at the exact rate: the
limit's multiplier in the bound's linear program. By weak duality no policy that knows as much expects a negative one,
so that nobody wins by breaking the limit, and nobody loses all by a hair's breadth.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mamo_cli.analysis.bounds import bound
from mamo_cli.analysis.perfect import reached
from mamo_cli.analysis.run_tables import AGENT, read_run_table
from mamo_cli.analysis.summaries import read_evaluation
from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import DataError, NothingExactError
from mamo_cli.core.seam import Domain
from mamo_cli.training.readout import RULES, shares_of


class Judge(NamedTuple):
    """What costs and violations in a scenario are held against."""

    limits: FloatArray  # (A,)
    bound: float  # the least normalised cost, a mean over agents, that is within them; NaN where nothing is known
    prices: FloatArray  # (A,) of violation, in normalised cost: the multipliers at the bound
    coupled: bool = False  # whether agents share a budget, so that all play by one policy at a time

    def regrets(self, costs: FloatArray, violations: FloatArray) -> FloatArray:
        """`(...)` of costs and violations `(..., A)`."""
        charged = costs + self.prices * np.maximum(violations - self.limits, 0.0)
        return np.asarray(charged.mean(-1) / self.bound - 1.0)


class Cell(NamedTuple):
    """A strategy in a scenario: the run that it made, and what is known of that."""

    scenario: str
    strategy: str
    folder: Path
    te: str
    readout: str
    env_steps: int  # of each member, in all
    beside: int  # of these, before and after the cycles: to learn all weights, to measure what may be delivered
    seconds: float  # wall time of the run; NaN where one of its starts was killed

    @property
    def named(self) -> tuple[str, str]:
        """The first cells of its rows."""
        return self.scenario, self.strategy

    def steps_to(self, cycles: FloatArray, of: int) -> FloatArray:
        """Environment steps to what would be delivered after so many of all cycles."""
        return cycles * ((self.env_steps - self.beside) / of) + self.beside


class Judged(NamedTuple):
    """The conditions of each cycle, the same objects while nothing changes, and what they are judged by."""

    domains: Sequence[Domain]
    judges: Sequence[Judge]

    @property
    def domain(self) -> Domain:
        """The domain of the last cycle, on which what is delivered is evaluated."""
        return self.domains[-1]

    @property
    def judge(self) -> Judge:
        """Its judge."""
        return self.judges[-1]

    @property
    def eras(self) -> list[int]:
        """The first cycle of the conditions that each cycle has."""
        begun = [0]
        for cycle, (before, now) in enumerate(pairwise(self.domains), start=1):
            begun.append(begun[-1] if now is before else cycle)
        return begun


class Standing(NamedTuple):
    """How a cell's S members fare, A agents each, and how they got there in C cycles."""

    seeds: list[int]
    costs: FloatArray  # (S, A), normalised, of what was delivered; NaN where a member diverged
    violations: FloatArray  # (S, A)
    alphas: FloatArray  # (S, C, A)
    cycle_costs: FloatArray  # (S, C, A) of each cycle's greedy policy
    cycle_violations: FloatArray  # (S, C, A)
    regrets: FloatArray  # (S, C) of what would be delivered after each cycle
    feasible: BoolArray  # (S, C) whether that is within all limits


def standing(cell: Cell, judged: Judged) -> Standing:
    """Read a cell's run, each cycle under the conditions that it had.

    Raises:
        DataError: one of its tables cannot be read.
    """
    domain = judged.domain
    played = read_evaluation(cell.folder, domain)
    violation = domain.spec.words.violations[0].name
    columns = ["alpha", "train_cost", f"train_{violation}", "eval_cost", f"eval_{violation}"]
    cycles = read_run_table(cell.folder, "cycles.csv", ["seed", "cycle", AGENT, *columns])
    agents, seeds = len(domain.spec.agents), [one.seed for one in played]
    count, rest = divmod(len(cycles), len(seeds) * agents)
    ordered = cycles.assign(place=cycles["seed"].map({seed: place for place, seed in enumerate(seeds)}))
    ordered = ordered.sort_values(["place", "cycle"], kind="stable")
    if rest or count != len(judged.judges) or ordered["place"].isna().any():
        raise DataError(f"{cell.folder}: cycles.csv and evaluation.csv are not of one run")
    numbers = ordered[columns].to_numpy(dtype=np.float64).reshape(len(seeds), count, agents, -1)
    alphas, *means, cycle_costs, cycle_violations = np.moveaxis(numbers, -1, 0)
    evaluated = np.stack((cycle_costs, cycle_violations), -1)
    costs, violations = delivered(cell.readout, np.stack(means, -1), evaluated, judged)
    under = [judge.limits for judge in judged.judges]
    return Standing(
        seeds=seeds,
        costs=np.stack([one.played.paid.mean(0) / domain.spec.cost_scale for one in played]),
        violations=np.stack([one.played.violations[..., 0].mean(0) for one in played]),
        alphas=alphas,
        cycle_costs=cycle_costs,
        cycle_violations=cycle_violations,
        regrets=np.stack([judge.regrets(costs[:, c], violations[:, c]) for c, judge in enumerate(judged.judges)], 1),
        feasible=np.all(violations <= reached(np.stack(under)), axis=-1),
    )


def delivered(
    readout: str, trained: FloatArray, evaluated: FloatArray, judged: Judged
) -> tuple[FloatArray, FloatArray]:
    """Costs and violations `(S, C, A)` of what a readout would deliver after each cycle, in expectation over its draws.

    It chooses among the cycles since conditions changed last.

    Args:
        readout: its name.
        trained: `(S, C, A, 2)` costs and violations that it chooses by.
        evaluated: `(S, C, A, 2)` those of each cycle's greedy policy on the evaluation part.
        judged: the cycles' conditions.
    """
    if readout not in RULES:
        return evaluated[..., 0], evaluated[..., 1]
    chosen = np.full_like(evaluated, np.nan)
    for s in range(len(evaluated)):
        for cycle, begun in enumerate(judged.eras) if np.isfinite(trained[s]).all() else ():
            since = slice(begun, cycle + 1)
            judge = judged.judges[cycle]
            shares = shares_of(RULES[readout], trained[s, since], judge.limits[:, None], judge.coupled)
            for a in range(shares.shape[1]):
                chosen[s, cycle, a] = shares[:, a] @ evaluated[s, since, a]
    return chosen[..., 0], chosen[..., 1]


def judge_of(domain: Domain) -> Judge:
    """What a domain's evaluation part is judged by; a bound of NaN where nothing exact is known, or no limit holds."""
    limits = domain.spec.limits[:, 0]
    try:
        found = bound(domain)
    except NothingExactError:
        return Judge(limits, float("nan"), np.full(len(limits), np.nan), domain.spec.coupled)
    assert found.prices is not None
    return Judge(limits, found.cost, found.prices[:, 0], domain.spec.coupled)
