"""A chain of stock points behind the seam: a team, which pays and waits together whatever one of it orders.

A plan is a base-stock level of every point's echelon, `(1, A)`: no policy of any kind does better, see `exact`. Nothing
about what comes can be known before a choice, so whoever is clairvoyant knows what everybody knows; and both parts of
the workload follow the same law.
"""

from typing import NoReturn

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Answer, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import Section
from mamo_cli.domains.chain.environment import ChainEnvironment
from mamo_cli.domains.chain.exact import Chain, best_levels, means
from mamo_cli.domains.chain.settings import WORDS, ChainConfig
from mamo_cli.workload.trace import Trace

BLOCKS = 10
"""A policy of a mixture plays so many times as long as an order takes from the supplier to the customers."""


def load(settings: ChainConfig) -> Trace:
    """What is expected of every period: all that a workload could say of a constant mean."""
    points = tuple(f"point{j + 1}" for j in range(len(settings.lead_time)))
    rates = np.full((settings.evaluation_steps, len(points)), settings.mean_demand)
    return Trace(points, rates, rates, step_seconds=1.0, period_steps=settings.evaluation_steps)


def build(
    settings: ChainConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> "ChainDomain":
    """The chain of a configuration; see `registry.build`.

    Raises:
        UsageError: a plan by step is asked for, or a trace was given to evaluate on.
    """
    if planning is not None:
        raise UsageError("solve-offline plans by step, and what a chain best orders follows its state: none exists")
    if evaluation is not None:
        raise UsageError("a chain is evaluated under its own demand, not on a --trace: give --noise-seed")
    return ChainDomain(settings, source)


class ChainDomain:
    """Up to which level each point of a chain orders, period after period."""

    def __init__(self, settings: ChainConfig, source: Trace) -> None:
        """Args: settings: of the chain. source: its stand-in workload."""
        self.chain = Chain(settings.mean_demand, settings.lead_time, settings.holding_cost, settings.levels)
        rng = stream(settings.noise_seed, "evaluation")
        self._demand = rng.poisson(settings.mean_demand, settings.evaluation_steps)
        self._answers: dict[tuple[float, float], Answer] = {}
        self.spec = Spec(
            agents=source.functions,
            words=WORDS,
            limits=np.full((self.chain.points, 1), settings.tolerance),
            observation=3 + max(settings.lead_time),
            choices=tuple(level + 1 for level in settings.levels),
            cost_scale=self.chain.cost_scale,
            step_seconds=source.step_seconds,
            block=BLOCKS * (sum(settings.lead_time) + 1),
            team=True,
        )
        least = self._answer(0.0, 1.0).objectives[0, 1]
        self.warnings = () if least <= settings.tolerance else (_out_of_reach(settings, float(least)),)

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> NoReturn:
        """Nothing can."""
        raise UsageError("nothing of a chain can shift")

    def environment(self, part: Part, members: int, copies: int = 1) -> ChainEnvironment:
        """The training's demand is drawn anew all the time; the evaluation's is as it was drawn once."""
        return ChainEnvironment(self.chain, self._demand, members, copies)

    def conditions(self) -> FloatArray:
        """`(T, A, 2)` expected demand and that of the customers, which is every echelon's, units a period."""
        came = self._demand.astype(np.float64)
        told = np.stack((np.full_like(came, self.chain.mean_demand), came), -1)
        return np.repeat(told[:, None], self.chain.points, 1)

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """There is none: a plan by step would have to know every state beforehand."""
        raise NothingExactError("no plan by step is best for a chain, whose orders follow its state")

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """The levels `(1, A)` of least weighted mean in the long run; weights that differ count by their mean."""
        cost, wait = weights.mean(0).tolist()
        return self._answer(cost, wait)

    def _answer(self, cost: float, wait: float) -> Answer:
        if (cost, wait) not in self._answers:
            levels = best_levels(self.chain, cost / self.chain.cost_scale, wait / self.chain.demand_on_way)
            brought = self.expected(levels[None])
            objectives = np.stack((brought.paid[0] / self.chain.cost_scale, brought.violations[0, :, 0]), -1)
            self._answers[cost, wait] = Answer(levels[None], objectives)
        return self._answers[cost, wait]

    def perfect(self, weights: FloatArray) -> IntArray:
        """The levels `(1, A)` of the answer."""
        return self.answer(weights).plan

    def choices_of(self, measures: FloatArray) -> IntArray:
        """Never known: where stock above is short, a position does not tell the level, nor any other state's choice."""
        raise NothingExactError("positions do not tell by which policy a chain was played")

    def expected(self, plan: IntArray) -> Played:
        """The exact long-run means of base-stock levels `(1, A)`, as one step: T = 1.

        Raises:
            ValueError: these are no levels of this chain.
        """
        if plan.shape != (1, self.chain.points):
            raise ValueError(f"a plan has shape {(1, self.chain.points)}, got {plan.shape}")
        brought, points = means(self.chain, plan[0]), self.chain.points
        return Played(
            paid=np.full((1, points), brought.cost),
            measures=np.stack((brought.position, brought.on_hand), -1)[None],
            violations=np.full((1, points, 1), brought.backlog / self.chain.demand_on_way),
        )

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What base-stock levels `(1, A)` bring in the long run, and in the evaluation that came."""
        environment = self.environment(Part.EVALUATION, 1)
        told = [environment.step(plan[None]) for _ in range(environment.steps)]
        paid, measures, objectives = (
            np.stack(part)[:, 0, 0] for part in zip(*((s.paid, s.measures, s.objectives) for s in told), strict=True)
        )
        return self.expected(plan), Played(paid, measures, objectives[..., 1:])


def _out_of_reach(settings: ChainConfig, least: float) -> str:
    return (
        f"even with the highest levels, {' '.join(map(str, settings.levels))}, demand waits {least:.3g} of the "
        f"way on average, above the tolerance of {settings.tolerance:g}: set --levels higher"
    )
