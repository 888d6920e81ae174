"""How a strategy fares in a scenario: what its run delivers in the end and on the way, beside the causal bound.

All is of what would be delivered: at the end as it was played on the evaluation part, on the way what the run's readout
would choose of the cycles until then, which costs what its policies' greedy evaluations cost in its proportions.

A regret is the cost over the causal bound, less 1, where violation beyond a limit is charged for at the exact rate: the
limit's multiplier in the bound's linear program. By weak duality no policy that knows as much expects a negative one,
so that nobody wins by breaking the limit, and nobody loses all by a hair's breadth.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mamo_cli.analysis.run_tables import AGENT, read_run_table
from mamo_cli.analysis.summaries import read_evaluation
from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.core.errors import DataError, NothingExactError
from mamo_cli.core.seam import Domain
from mamo_cli.core.weights import weights_of
from mamo_cli.training.readout import RULES

ROUNDING = 1e-12
"""What a mean that meets a limit exactly may be wrong by."""

HALVINGS = 48


class Judge(NamedTuple):
    """What costs and violations in a scenario are held against."""

    limits: FloatArray  # (A,)
    bound: float  # the least normalised cost, a mean over agents, that is within them; NaN where nothing is known
    prices: FloatArray  # (A,) of violation, in normalised cost: the multipliers at the bound

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
    measuring: int  # of these, before and after the cycles: to learn all weights, to measure what may be delivered
    seconds: float  # wall time of the run; NaN where one of its starts was killed

    @property
    def named(self) -> tuple[str, str]:
        """The first cells of its rows."""
        return self.scenario, self.strategy

    def steps_to(self, cycles: FloatArray, of: int) -> FloatArray:
        """Environment steps to what would be delivered after so many of all cycles."""
        return cycles * ((self.env_steps - self.measuring) / of) + self.measuring


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


def standing(cell: Cell, domain: Domain, judge: Judge) -> Standing:
    """Read a cell's run.

    Raises:
        DataError: one of its tables cannot be read.
    """
    played = read_evaluation(cell.folder, domain)
    violation = domain.spec.words.violations[0].name
    columns = ["alpha", "train_cost", f"train_{violation}", "eval_cost", f"eval_{violation}"]
    cycles = read_run_table(cell.folder, "cycles.csv", ["seed", "cycle", AGENT, *columns])
    agents, seeds = len(domain.spec.agents), [one.seed for one in played]
    count, rest = divmod(len(cycles), len(seeds) * agents)
    ordered = cycles.assign(place=cycles["seed"].map({seed: place for place, seed in enumerate(seeds)}))
    ordered = ordered.sort_values(["place", "cycle"], kind="stable")
    if rest or ordered["place"].isna().any():
        raise DataError(f"{cell.folder}: cycles.csv and evaluation.csv are of different members")
    numbers = ordered[columns].to_numpy(dtype=np.float64).reshape(len(seeds), count, agents, -1)
    alphas, *means, cycle_costs, cycle_violations = np.moveaxis(numbers, -1, 0)
    costs, violations = delivered(
        cell.readout, np.stack(means, -1), np.stack((cycle_costs, cycle_violations), -1), judge.limits
    )
    return Standing(
        seeds=seeds,
        costs=np.stack([one.played.paid.mean(0) / domain.spec.cost_scale for one in played]),
        violations=np.stack([one.played.violations[..., 0].mean(0) for one in played]),
        alphas=alphas,
        cycle_costs=cycle_costs,
        cycle_violations=cycle_violations,
        regrets=judge.regrets(costs, violations),
        feasible=np.all(violations <= judge.limits + ROUNDING, axis=-1),
    )


def delivered(
    readout: str, trained: FloatArray, evaluated: FloatArray, limits: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Costs and violations `(S, C, A)` of what a readout would deliver after each cycle, in expectation over its draws.

    Args:
        readout: its name.
        trained: `(S, C, A, 2)` costs and violations that it chooses by.
        evaluated: `(S, C, A, 2)` those of each cycle's greedy policy on the evaluation part.
        limits: `(A,)`.
    """
    if readout not in RULES:
        return evaluated[..., 0], evaluated[..., 1]
    chosen = np.full_like(evaluated, np.nan)
    members, cycles, agents, _ = evaluated.shape
    for s, a in np.ndindex(members, agents):
        for count in range(1, cycles + 1) if np.isfinite(trained[s, :, a]).all() else ():
            shares = RULES[readout](trained[s, :count, a], limits[a : a + 1])
            chosen[s, count - 1, a] = shares @ evaluated[s, :count, a]
    return chosen[..., 0], chosen[..., 1]


def judge_of(domain: Domain) -> Judge:
    """What a domain's evaluation part is judged by; a bound of NaN where nothing exact is known, or no limit holds."""
    limits, agents = domain.spec.limits[:, 0], len(domain.spec.agents)
    unknown = Judge(limits, float("nan"), np.full(agents, np.nan))
    low, high = np.zeros(agents), np.ones(agents)
    try:
        if (domain.answer(weights_of(high)).objectives[:, 1] > limits + ROUNDING).any():
            return unknown
    except NothingExactError:
        return unknown
    high[domain.answer(weights_of(low)).objectives[:, 1] <= limits + ROUNDING] = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        keeps = domain.answer(weights_of(middle)).objectives[:, 1] <= limits + ROUNDING
        low, high = np.where(keeps, low, middle), np.where(keeps, middle, high)
    within, beyond = (domain.answer(weights_of(alpha)).objectives for alpha in (high, low))
    room = np.maximum(beyond[:, 1] - within[:, 1], ROUNDING)
    share = np.where(high > 0.0, np.clip((limits - within[:, 1]) / room, 0.0, 1.0), 0.0)
    cost = (1.0 - share) * within[:, 0] + share * beyond[:, 0]
    return Judge(limits, float(cost.mean()), high / (1.0 - high))
