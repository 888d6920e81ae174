"""A fleet of nodes behind the seam."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Answer, Copy, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.core.seeding import stream
from mamo_cli.core.settings import Section
from mamo_cli.domains.faas.domain import shifted_settings
from mamo_cli.domains.faas.fleet.adversaries import at_worst, faults_of
from mamo_cli.domains.faas.fleet.counts import counted
from mamo_cli.domains.faas.fleet.environment import FleetEnvironment
from mamo_cli.domains.faas.fleet.messages import messages_of
from mamo_cli.domains.faas.fleet.nodes import NOBODY, SHARES, SURGE, Fleet, table_of
from mamo_cli.domains.faas.fleet.optimum import optimum, pooled
from mamo_cli.domains.faas.fleet.outlook import Outlook, outlook
from mamo_cli.domains.faas.fleet.settings import ISOLATED, NODES, WORDS, FleetConfig, Planning
from mamo_cli.domains.faas.fleet.steps import few
from mamo_cli.domains.faas.fleet.topology import neighbours
from mamo_cli.domains.faas.fleet.trust import trust_of
from mamo_cli.domains.faas.node import build_case
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.joined import joined
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace


def load(settings: FleetConfig) -> Trace:
    """The configured trace's first functions, or sinusoids that come one after the other.

    Raises:
        UsageError: the trace has fewer functions than there are to be nodes, or a table is of no node.
        DataError: the file cannot be read.
    """
    if settings.trace is None:
        count = settings.nodes or NODES
        waves = [sinusoidal(phase=-288 * m / count, function=f"node{m + 1}") for m in range(count)]
        source = joined({wave.functions[0]: wave for wave in waves}, {})
    else:
        source = read_trace(Path(settings.trace))
        count = settings.nodes or len(source.functions)
        if count > len(source.functions):
            raise UsageError(f"--nodes {count}: {settings.trace} has {len(source.functions)} functions, one a node")
        parts = {name: source.only(m, name) for m, name in enumerate(source.functions[:count])}
        source = joined(parts, dict.fromkeys(parts, settings.max_replicas)) if count < len(source.functions) else source
    for name in settings.own:
        if name not in source.functions:
            raise UsageError(f"node.{name}: there is no such node, but {', '.join(source.functions)}")
    return source


def build(
    settings: FleetConfig, source: Trace, evaluation: Trace | None = None, planning: Section | None = None
) -> "FleetDomain":
    """The fleet of a configuration under a workload; see `registry.build`."""
    return FleetDomain(settings, source, evaluation, planning)


class FleetDomain:
    """How many replicas each node runs, and what it forwards to whom, period after period."""

    def __init__(
        self,
        settings: FleetConfig,
        source: Trace,
        evaluation: Trace | None = None,
        planning: Section | None = None,
        shift: Shift = AS_CONFIGURED,
        steps: tuple[int, int] | None = None,
    ) -> None:
        """Args: settings, source, evaluation, planning: see `registry.build`. shift, steps: see `shifted`."""
        self._made_of, self.settings = (settings, source, evaluation, planning), settings
        own = shifted_settings(settings.node(), shift, source)
        self._surge = own.noise if settings.load == "worst" else 0.0
        self._noise = own.noise - self._surge
        case = build_case(own, source, evaluation, shift, steps)
        near = neighbours(settings.topology, len(source.functions), settings.degree)
        parts = training_and_evaluation(source, settings.train_share, evaluation)
        cost = settings.forward_cost * source.step_seconds
        largest = parts[0].expected_rate_rps.max(0) * SURGE
        forwarded = max(SHARES) * largest * np.array([bool(each) for each in near])
        scale = case.evaluation.cost_scale + cost * float(forwarded.mean())
        # Of the whole evaluation, so that all windows reject by one table: its grid is arithmetic, not what is known.
        whole = case if steps is None or not any(near) else build_case(own, source, evaluation, shift)
        table = table_of(whole, own.noise, near)
        messages, faults = messages_of(settings, len(source.functions)), faults_of(settings, source.functions)
        trust = trust_of(settings, own.noise, near, messages)
        self.case = case = case if settings.load == "drawn" else at_worst(case, own.noise)
        dropping = messages._replace(dropped=settings.dropout)
        self.training, self.evaluation = (
            Fleet(replace(node, table=table), near, cost, scale, told, faults, trust, settings.counted)
            for node, told in ((case.training, dropping), (case.evaluation, messages))
        )
        self._first, self._goes_on = (0, False) if steps is None else (steps[0], steps[1] < parts[1].steps)
        self._whole = parts[1].at_load(shift.load).at_shape(shift.shape)
        self._outlooks: dict[tuple[Part, float, bool], Outlook] = {}
        node, fleet = case.evaluation, self.evaluation
        self.spec = Spec(
            agents=node.trace.functions,
            words=WORDS if trust is None else WORDS._replace(measures=(*WORDS.measures, ISOLATED)),
            limits=np.array([[own.of(name).tolerance] for name in node.trace.functions]),
            observation=fleet.observation,
            choices=fleet.choices,
            cost_scale=fleet.cost_scale,
            step_seconds=node.trace.step_seconds,
            touching=fleet.forwards,
        )
        self.warnings = case.warnings

    def environment(self, part: Part, members: int, copies: int | Copy = 1) -> FleetEnvironment:
        """The training's actual rates are perturbed anew in every episode; the evaluation's are as they are.

        So are what is lost and what is counted: in the evaluation, of each step the same whichever are left out.
        """
        trained, seconds = part is Part.TRAINING, self.settings.counted
        fleet, noise = (self.training, self._noise) if trained else (self.evaluation, 0.0)
        first = 0 if trained else self._first
        rates = (fleet.node.trace if trained else self._whole).expected_rate_rps[: first + fleet.node.trace.steps]
        lost, counts = (stream(self.settings.noise_seed, "evaluation", name) for name in ("messages", "counts"))
        return FleetEnvironment(
            fleet,
            members,
            copies,
            noise,
            lost.random((len(rates), *fleet.messages.heard.shape))[first:],
            None if seconds is None else counted(rates, seconds, counts)[first:],
            self._goes_on and not trained,
        )

    def conditions(self) -> FloatArray:
        """`(T, M, 2)` expected and actual rate, requests/s."""
        trace = self.case.evaluation.trace
        return np.stack((trace.expected_rate_rps, trace.actual_rate_rps), -1)

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """The joint play of least sum of all nodes' weighted objectives, see `Outlook`.

        Raises:
            NothingExactError: the nodes are too many, or too entangled; what is expected lags behind what comes; or
                nodes know counts alone.
        """
        if knowledge is Knowledge.CAUSAL and self.settings.counted is not None:
            raise NothingExactError("the best that nodes can do by counts and messages is not known")
        known = self.outlook(part, knowledge)
        plan = known.best(weights)
        brought = known.objectives(plan)
        return Answer(plan, np.stack([np.ascontiguousarray(brought[..., m]).mean(0) for m in range(2)], -1))

    def outlook(self, part: Part, knowledge: Knowledge) -> Outlook:
        """What is known of a part before choosing.

        Raises:
            NothingExactError: what is expected lags behind what comes.
        """
        trained = part is Part.TRAINING
        trace = (self.training if trained else self.evaluation).node.trace
        rates = trace.actual_rate_rps if trained else self.case.known_rate_rps
        if knowledge is Knowledge.CAUSAL and not np.array_equal(trace.expected_rate_rps * (1.0 + self._surge), rates):
            raise NothingExactError("the best that nodes can do together with lagged rates is not known")
        if trained:
            return self._outlook(part, self._noise, came=False)
        came = knowledge is Knowledge.CLAIRVOYANT
        return self._outlook(part, 0.0 if came else self.case.evaluation_noise, came)

    def _outlook(self, part: Part, noise: float, came: bool) -> Outlook:
        """A part at the rates before any noise and in expectation over it, or at those that came."""
        key = (part, noise, came)
        if key not in self._outlooks:
            fleet = self.training if part is Part.TRAINING else self.evaluation
            rates = fleet.node.trace.actual_rate_rps if came or part is Part.TRAINING else self.case.known_rate_rps
            self._outlooks[key] = outlook(fleet, self.case.models, rates, noise)
        return self._outlooks[key]

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """Of scopes step and average at the rates before any noise; see `optimum.py`.

        Raises:
            NothingExactError: too many nodes touch one another; or, but for scope alpha, outside of solve-offline as it
                takes its time, a period has more joint choices than can be tried one by one.
            UsageError: scope alpha without weights.
            SolverError: no solver can answer.
        """
        planning = self._made_of[-1]
        planned, over_noise = (
            self._outlook(Part.EVALUATION, each, False) for each in (0.0, self.case.evaluation_noise)
        )
        if scope is not Scope.ALPHA and planning is None and not few(planned):
            raise NothingExactError("plans by step of so many joint choices are made by solve-offline alone")
        if scope is Scope.ALPHA and isinstance(planning, Planning) and planning.pooled:
            return pooled(planned, self.case.models, weights, solver, time_limit_s)
        return optimum(planned, over_noise, self.spec.limits[:, 0], scope, weights, solver, time_limit_s)

    def perfect(self, weights: FloatArray) -> IntArray:
        """The plan of the causal answer."""
        return self.answer(weights).plan

    def choices_of(self, measures: FloatArray) -> IntArray:
        """Choices `(T, M)`, from replicas, the share forwarded and to whom."""
        fleet = self.evaluation
        receivers, shares = fleet.receivers(), fleet.shares()
        options = np.zeros(measures.shape[:-1], dtype=np.int64)
        for m in range(fleet.nodes):
            for option in range(1, int(fleet.options[m])):
                taken = (measures[:, m, 2] == receivers[m, option] + 1) & (measures[:, m, 1] == shares[option])
                options[taken, m] = option
        return options * fleet.node.replica_choices + measures[..., 0].astype(np.int64) - 1

    def expected(self, plan: IntArray) -> Played:
        """What a plan brings in expectation over the noise."""
        return self._played(plan, self._outlook(Part.EVALUATION, self.case.evaluation_noise, came=False))

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What a plan brings at the rates it was made for, and at those that came."""
        planned, came = (self._outlook(Part.EVALUATION, 0.0, came=each) for each in (False, True))
        return self._played(plan, planned), self._played(plan, came)

    def _played(self, plan: IntArray, known: Outlook) -> Played:
        fleet, objectives = self.evaluation, known.objectives(plan)
        options = fleet.options_of(plan)
        to = np.take_along_axis(fleet.receivers().T, options, 0)
        shares = fleet.shares()[options]
        arriving = (1.0 - shares) * known.rates
        for step, node in np.argwhere(to != NOBODY):
            arriving[step, to[step, node]] += shares[step, node] * known.rates[step, node]
        named = np.where(to == NOBODY, np.nan, to + 1)
        isolated = [] if fleet.trust is None else [np.zeros_like(shares)]  # who knows all needs nobody's word
        measures = np.stack((fleet.replicas_of(plan), shares, named, arriving, *isolated), -1).astype(np.float64)
        return Played(objectives[..., 0] * fleet.cost_scale, measures, objectives[..., 1:])

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> "FleetDomain":
        """Of the load and its shape, the noise, the service times, the cap and the tolerance, at all nodes alike."""
        return FleetDomain(*self._made_of, shift, steps)


__all__ = ["Fleet", "FleetDomain", "build", "load"]
