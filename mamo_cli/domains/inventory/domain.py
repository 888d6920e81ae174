"""Order-up-to levels of the items of a stock, behind the seam."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import Answer, Copy, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import Section
from mamo_cli.domains.inventory.environment import Stock, StockEnvironment
from mamo_cli.domains.inventory.exact import slow_demand
from mamo_cli.domains.inventory.optimum import Prospect, mean_demand, optimum, perfect, prospect
from mamo_cli.domains.inventory.settings import WORDS, StockConfig
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace

PROXY = (
    "unmet demand U counts in periods alone whose demand D is below its mean m, as a share of such demand: "
    "E[U; D < m] / E[D; D < m]"
)

MOST_DEMAND = 1e6
"""Units a period: beyond this, far above any level, scale the trace down."""


def load(settings: StockConfig) -> Trace:
    """The configured trace, or one item whose mean demand is 20 units an hour."""
    if settings.trace is not None:
        return read_trace(Path(settings.trace))
    steps = settings.periods
    return sinusoidal(mean=20.0, amplitude=0.0, period=steps, steps=steps, step_seconds=3600.0, function="i0")


def build(
    settings: StockConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> "InventoryDomain":
    """The stock of a configuration under a workload; see `registry.build`.

    Raises:
        DataError: a part is too short for an order to arrive in it, or its demand is beyond all bounds.
    """
    return InventoryDomain(
        settings, *_checked(settings, *training_and_evaluation(source, settings.train_share, evaluation))
    )


def _checked(settings: StockConfig, *parts: Trace) -> tuple[Trace, ...]:
    """The parts of a workload that fit.

    Raises:
        DataError: a part is too short for an order to arrive in it, or its demand is beyond all bounds.
    """
    for trace in parts:
        if trace.steps <= settings.lead_time:
            raise DataError(
                f"no order placed in a part of {trace.steps} periods arrives before its end: give a longer trace, "
                f"or a --lead-time below {trace.steps}"
            )
        if trace.actual_rate_rps.max() > MOST_DEMAND:
            raise DataError(f"demand is at most {MOST_DEMAND:g} units a period, got {trace.actual_rate_rps.max():g}")
    return parts


class InventoryDomain:
    """Up to which level each item is ordered, period after period.

    What comes is Poisson about the trace's actual rate; what is known of it before is the trace's expected rate. Exact
    answers know the actual rate, and expect the demand.
    """

    def __init__(self, settings: StockConfig, training: Trace, evaluation: Trace) -> None:
        """Args: settings: of the stock. training, evaluation: its demand, units a period."""
        self._made_of = settings, (training, evaluation)
        mean, items = training.actual_rate_rps, evaluation.functions
        demand = stream(settings.noise_seed, "evaluation").poisson(evaluation.actual_rate_rps)
        self.training = _stock(settings, training, np.rint(mean).astype(np.int64), mean_demand(mean))
        self.evaluation = _stock(settings, evaluation, demand, mean_demand(demand))
        if settings.proxy is not None:
            self.training = _slow_only(self.training)
        self.prospect = prospect(self.evaluation)
        self._tolerance = settings.tolerance
        self.spec = Spec(
            agents=items,
            words=WORDS,
            limits=np.full((len(items), 1), settings.tolerance),
            observation=3 + settings.lead_time,
            choices=(settings.levels + 1,) * len(items),
            cost_scale=self.evaluation.cost_scale,
            step_seconds=evaluation.step_seconds,
            # What was ordered before limits what can be: a policy must play for long against the time of an order.
            block=10 * (settings.lead_time + 1),
            proxy=None if settings.proxy is None else PROXY,
        )
        least = self.prospect.least_violation().mean(axis=0)
        self.warnings = tuple(_out_of_reach(settings, items, least))

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> "InventoryDomain":
        """Of the demand (load, shape) and the tolerance; unmet demand is a share of the demand there then is."""
        settings, parts = self._made_of
        if (shift.service, shift.noise, shift.cap) != (1.0, 1.0, None):
            raise UsageError("a stock has no service times, noise or cap: load, shape and tolerance can shift")
        if steps is not None:
            raise UsageError("a stock cannot be walked in windows: what is ordered in one arrives in another")
        if shift.tolerance is not None:
            settings = settings.model_copy(update={"tolerance": shift.tolerance})
        moved = (part.at_load(shift.load).at_shape(shift.shape) for part in parts)
        shifted = InventoryDomain(settings, *_checked(settings, *moved))
        shifted._made_of = self._made_of  # what shifts, does so against the configuration
        return shifted

    def environment(self, part: Part, members: int, copies: int | Copy = 1) -> StockEnvironment:
        """The training's demand is drawn anew all the time; the evaluation's is as it was drawn once."""
        return StockEnvironment(self.training if part is Part.TRAINING else self.evaluation, members, copies)

    def conditions(self) -> FloatArray:
        """`(T, A, 2)` expected and actual demand, units a period."""
        return np.stack((self.evaluation.expected, self.evaluation.demand), -1)

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """The exact plan, within a stated gap, by the method it needs: no solver is asked, and none takes any time."""
        return optimum(self.prospect, scope, self._tolerance, weights)

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """By enumeration, of levels that are all reached from above: a bound on what orders can bring.

        Of the training, whose demand is drawn anew all the time, who is clairvoyant knows no more than its law.
        """
        if part is Part.TRAINING:
            known = self._training_prospect
        else:
            known = self._known_prospect if knowledge is Knowledge.CLAIRVOYANT else self.prospect
        plan = perfect(known, weights)
        means = known.reached(plan).mean(0)
        return Answer(plan, means / np.array([known.cost_scale, 1.0]))

    def believed(self, weights: FloatArray) -> IntArray:
        """By what would be counted of the evaluation."""
        return perfect(self._slow_prospect, weights)

    @functools.cached_property
    def _slow_prospect(self) -> Prospect:
        return prospect(_slow_only(self.evaluation))

    @functools.cached_property
    def _training_prospect(self) -> Prospect:
        return prospect(self.training)

    @functools.cached_property
    def _known_prospect(self) -> Prospect:
        return prospect(self.evaluation, known=True)

    def perfect(self, weights: FloatArray) -> IntArray:
        """At every step the level of least expected cost under the weights: none touches what another brings."""
        return perfect(self.prospect, weights)

    def choices_of(self, measures: FloatArray) -> IntArray:
        """The positions after ordering: where nothing is ordered, no smaller level than that was chosen in effect."""
        return measures[..., 0].astype(np.int64)

    def expected(self, plan: IntArray) -> Played:
        """What a plan brings in expectation over the demand, also where an order would have to be negative."""
        brought = self.prospect.of(plan)
        measures = np.stack((plan.astype(np.float64), brought[..., 0] / self.evaluation.holding_cost), -1)
        return Played(brought[..., 0], measures, brought[..., 1:])

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What a plan brings in expectation, and under the demand that came."""
        environment = self.environment(Part.EVALUATION, 1)
        steps = [environment.step(levels[None, None]) for levels in plan]
        paid, measures, objectives = (
            np.stack(part)[:, 0, 0] for part in zip(*((s.paid, s.measures, s.objectives) for s in steps), strict=True)
        )
        return self.expected(plan), Played(paid, measures, objectives[..., 1:])


def _stock(settings: StockConfig, trace: Trace, demand: IntArray, demand_scale: FloatArray) -> Stock:
    return Stock(
        expected=np.array(trace.expected_rate_rps),
        mean=np.array(trace.actual_rate_rps),
        demand=demand,
        demand_scale=demand_scale,
        levels=settings.levels,
        lead_time=settings.lead_time,
        holding_cost=settings.holding_cost,
    )


def _slow_only(stock: Stock) -> Stock:
    """The stock whose unmet demand counts in periods of less than their mean demand alone, as a share of such."""
    return replace(stock, slow_only=True, demand_scale=mean_demand(slow_demand(stock.mean)))


def _out_of_reach(settings: StockConfig, items: tuple[str, ...], least: FloatArray) -> Iterator[str]:
    """A warning for each item whose limit no level keeps."""
    for item, violation in zip(items, least, strict=True):
        if violation > settings.tolerance:
            yield (
                f"even with the highest level, {settings.levels}, {violation:.3g} of the demand for {item} is unmet, "
                f"above the tolerance of {settings.tolerance:g}: set --levels higher"
            )
