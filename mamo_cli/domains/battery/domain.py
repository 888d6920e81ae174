"""Batteries of homes behind the seam: when to charge under a day tariff, with little taken above a peak limit."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import Answer, Copy, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import Section
from mamo_cli.domains.battery.environment import Homes, HomesEnvironment, with_noise
from mamo_cli.domains.battery.exact import at_plan, tables, within
from mamo_cli.domains.battery.optimum import optimum, perfect
from mamo_cli.domains.battery.settings import DAYS, LOAD, WORDS, BatteryConfig
from mamo_cli.domains.noise import shifted_noise
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace

DAY_SECONDS = 86_400.0
MOST_LOAD = 1e6
"""kWh a period: beyond this, scale the trace down."""

PROXY = "excess is read in the first of {parts} parts of a period alone, and there counts {parts} (grid - limit)+"

BLOCK_DAYS = 1.0
"""For which one policy of a mixture plays on: what it charges at night is for its own evening."""


def load(settings: BatteryConfig) -> Trace:
    """The configured trace, or one home's hours, day after day."""
    if settings.trace is not None:
        return read_trace(Path(settings.trace))
    loads = np.tile(LOAD, DAYS)[:, None]
    return Trace(("h0",), loads, loads, step_seconds=DAY_SECONDS / len(LOAD), period_steps=len(LOAD))


class _Scales(NamedTuple):
    """What agents observe and learn by, from the training as it is configured; see `Homes`."""

    load: FloatArray
    cost: float


def build(
    settings: BatteryConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> "BatteryDomain":
    """The homes of a configuration under a workload; see `registry.build`.

    Raises:
        DataError: a period has several prices, or a load is beyond all bounds.
    """
    whole = training_and_evaluation(source, settings.train_share, evaluation)
    training, evaluated = (_in_parts(trace, settings.parts) for trace in whole)
    split = evaluation is None and source.period_steps is None
    return BatteryDomain(settings, training, evaluated, first=training.steps if split else 0)


def _in_parts(trace: Trace, parts: int) -> Trace:
    """The loads of a trace, each spread evenly over so many parts of its period."""
    if parts == 1:
        return trace
    rates = {name: getattr(trace, name).repeat(parts, 0) / parts for name in ("expected_rate_rps", "actual_rate_rps")}
    period = None if trace.period_steps is None else trace.period_steps * parts
    seconds = trace.step_seconds / parts
    return replace(trace, **rates, step_seconds=seconds, period_steps=period, max_replicas=None, node_memory_mb=None)


class BatteryDomain:
    """By how much the charge of each home's battery changes, period after period.

    The load that comes is the trace's actual rate, in kWh a period, times 1 + u, u ~ U(-noise, noise); what agents know
    of it before is the expected rate. Exact answers know the actual rate, and the law of u.
    """

    def __init__(
        self, settings: BatteryConfig, training: Trace, evaluation: Trace, first: int, scales: _Scales | None = None
    ) -> None:
        """Build it.

        Args:
            settings: of the batteries.
            training: loads, kWh a period.
            evaluation: likewise.
            first: step of the training's clock that the evaluation begins at.
            scales: None: those of the training.

        Raises:
            DataError: a period has several prices, or a load is beyond all bounds.
        """
        for trace in (training, evaluation):
            _check(settings, trace)
        scales = _scales(settings, training) if scales is None else scales
        self._configured = settings, training, evaluation, first, scales
        coming = with_noise(evaluation.actual_rate_rps, settings.noise, stream(settings.noise_seed, "evaluation"))
        self.training = _homes(settings, training, np.array(training.actual_rate_rps), 0, scales)
        self.evaluation = _homes(settings, evaluation, coming, first, scales)
        if settings.proxy is not None:
            self.training = _read_once(self.training)
        self.spec = Spec(
            agents=evaluation.functions,
            words=WORDS,
            limits=np.full((len(evaluation.functions), 1), settings.tolerance),
            observation=self.evaluation.observation,
            choices=(2 * settings.moves + 1,) * len(evaluation.functions),
            cost_scale=scales.cost,
            step_seconds=evaluation.step_seconds,
            block=max(round(BLOCK_DAYS * DAY_SECONDS / evaluation.step_seconds), 1),
            proxy=None if settings.proxy is None else PROXY.format(parts=settings.parts),
        )

    @functools.cached_property
    def warnings(self) -> tuple[str, ...]:
        """That a home's limit is out of reach, where it is."""
        return tuple(self._out_of_reach())

    def _out_of_reach(self) -> Iterator[str]:
        tolerance, peak = float(self.spec.limits[0, 0]), self.evaluation.peak_limit
        least = self.answer(np.tile([0.0, 1.0], (len(self.spec.agents), 1))).objectives[:, 1]
        for home, excess in zip(self.spec.agents, least, strict=True):
            if excess > tolerance:
                yield (
                    f"whatever the battery of {home} does, {excess:.3g} of the load is taken above "
                    f"{peak:g} kWh a period, more than the tolerance of {tolerance:g}: set --peak-limit higher"
                )

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> "BatteryDomain":
        """Of the load and its shape, the noise and the tolerance; excess is a share of the load there then is."""
        settings, training, evaluation, first, scales = self._configured
        if shift.service != 1.0 or shift.cap is not None:
            raise UsageError(
                "a battery has neither service times nor a cap: load, shape, noise and tolerance can shift"
            )
        if steps is not None:
            raise UsageError("a battery cannot be walked in windows: what is charged in one is used in another")
        noise = shifted_noise(settings.noise, shift.noise, training)
        if noise > 1.0:
            raise UsageError(f"noise {settings.noise:g} times {shift.noise:g}: it must be at most 1")
        settings = settings.model_copy(update={"noise": noise})
        if shift.tolerance is not None:
            settings = settings.model_copy(update={"tolerance": shift.tolerance})
        training, evaluation = (part.at_load(shift.load).at_shape(shift.shape) for part in (training, evaluation))
        shifted = BatteryDomain(settings, training, evaluation, first, scales)
        shifted._configured = self._configured  # what shifts, does so against the configuration
        return shifted

    def environment(self, part: Part, members: int, copies: int | Copy = 1) -> HomesEnvironment:
        """The training's loads are drawn anew all the time; the evaluation's are as they were drawn once."""
        return HomesEnvironment(self.training if part is Part.TRAINING else self.evaluation, members, copies)

    def conditions(self) -> FloatArray:
        """`(T, A, 2)` expected and actual load, kWh a period."""
        return np.stack((self.evaluation.expected, self.evaluation.load), -1)

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """The exact plan, within a stated gap, by the method it needs: no solver is asked, and none takes any time."""
        return optimum(self.evaluation, self._known_by_law, scope, float(self.spec.limits[0, 0]), weights)

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """By dynamic programming on the charge, from an empty battery; what is left in the end is worth nothing.

        It knows the means of all loads to come. Of the training, whose loads are drawn anew all the time, who is
        clairvoyant knows no more than their law.
        """
        if part is Part.TRAINING:
            homes, brought = self.training, self._training_by_law
        else:
            homes = self.evaluation
            brought = self._known_by_itself if knowledge is Knowledge.CLAIRVOYANT else self._known_by_law
        plan = _best(homes, brought, weights)
        means = at_plan(brought[..., :2], plan).mean(0)
        return Answer(plan, means / np.array([homes.cost_scale, 1.0]))

    def believed(self, weights: FloatArray) -> IntArray:
        """By the law of the loads, and by what would be read of them."""
        return _best(self.evaluation, self._read_by_law, weights)

    @functools.cached_property
    def _training_by_law(self) -> FloatArray:
        return tables(self.training)

    @functools.cached_property
    def _known_by_law(self) -> FloatArray:
        return tables(self.evaluation)

    @functools.cached_property
    def _read_by_law(self) -> FloatArray:
        return tables(_read_once(self.evaluation))

    @functools.cached_property
    def _known_by_itself(self) -> FloatArray:
        return tables(self.evaluation, known=True)

    def perfect(self, weights: FloatArray) -> IntArray:
        """The plan of the answer."""
        return self.answer(weights).plan

    def choices_of(self, measures: FloatArray) -> IntArray:
        """The changes of charge, as choices."""
        homes = self.evaluation
        return np.rint(measures[..., 1] / homes.change_step).astype(np.int64) + homes.moves

    def expected(self, plan: IntArray) -> Played:
        """What a plan brings in expectation over the noise, from an empty battery."""
        homes = self.evaluation
        done = within(plan, homes.moves, homes.levels)
        brought = at_plan(self._known_by_law, done)
        change = (done - homes.moves) * homes.change_step
        measures = np.stack((change.cumsum(0), change, brought[..., 2]), -1)
        return Played(brought[..., 0], measures, brought[..., 1:2])

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What a plan brings in expectation, and under the loads that came."""
        environment = self.environment(Part.EVALUATION, 1)
        steps = [environment.step(choices[None, None]) for choices in plan]
        paid, measures, objectives = (
            np.stack(part)[:, 0, 0] for part in zip(*((s.paid, s.measures, s.objectives) for s in steps), strict=True)
        )
        return self.expected(plan), Played(paid, measures, objectives[..., 1:])


def _best(homes: Homes, brought: FloatArray, weights: FloatArray) -> IntArray:
    """The best plan `(T, A)` where choices bring `(T, A, C, 3)`, see `tables`, under weights `(A, 2)`."""
    cost, excess = brought[..., 0] / homes.cost_scale, brought[..., 1]
    each = [perfect(cost[:, a], excess[:, a], own, homes.levels) for a, own in enumerate(weights)]
    return np.stack(each, 1)


def _check(settings: BatteryConfig, trace: Trace) -> None:
    """See that a part of a workload fits.

    Raises:
        DataError: a period has several prices, or a load is beyond all bounds.
    """
    part = DAY_SECONDS / len(settings.tariff)
    if trace.step_seconds > part * (1.0 + 1e-9):
        raise DataError(
            f"a period of {trace.step_seconds:g} s has several prices of a tariff that changes every {part:g} s: give "
            "a trace of shorter periods, or --tariff once for each of longer parts of the day"
        )
    if trace.actual_rate_rps.max() > MOST_LOAD:
        raise DataError(f"loads are at most {MOST_LOAD:g} kWh a period, got {trace.actual_rate_rps.max():g}")


def _scales(settings: BatteryConfig, training: Trace) -> _Scales:
    expected, most_change = training.expected_rate_rps.max(axis=0), settings.most_change / settings.parts
    most = training.actual_rate_rps.max() * (1.0 + settings.noise) + most_change / settings.efficiency
    return _Scales(np.where(expected > 0.0, expected, 1.0), max(settings.tariff) * float(most))


def _homes(settings: BatteryConfig, trace: Trace, coming: FloatArray, first: int, scales: _Scales) -> Homes:
    clock = np.asarray(np.arange(first, first + trace.steps) * trace.step_seconds % DAY_SECONDS / DAY_SECONDS)
    part = np.floor(clock * len(settings.tariff) + 1e-9).astype(np.int64) % len(settings.tariff)
    change_step = settings.change_step / settings.parts
    change = np.arange(-settings.moves, settings.moves + 1) * change_step
    mean = trace.actual_rate_rps.mean(axis=0)
    return Homes(
        expected=np.array(trace.expected_rate_rps),
        mean=np.array(trace.actual_rate_rps),
        load=coming,
        noise=settings.noise,
        price=np.array(settings.tariff)[part],
        clock=clock,
        parts=settings.parts,
        counted=np.ones(trace.steps),
        at_meter=np.where(change > 0.0, change / settings.efficiency, change * settings.efficiency),
        change_step=change_step,
        levels=settings.levels,
        peak_limit=settings.peak_limit / settings.parts,
        load_scale=scales.load,
        excess_scale=np.where(mean > 0.0, mean, 1.0),
        cost_scale=scales.cost,
    )


def _read_once(homes: Homes) -> Homes:
    """Homes whose excess is read in the first part of each period of the load alone, and stands for all of it."""
    first = np.arange(len(homes.counted)) % homes.parts == 0
    return replace(homes, counted=np.where(first, float(homes.parts), 0.0))
