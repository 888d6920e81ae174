"""Replica scaling of FaaS functions on an edge node, behind the seam."""

import functools
from dataclasses import replace

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import (
    AS_CONFIGURED,
    Answer,
    Copy,
    Environment,
    Knowledge,
    Optimum,
    Part,
    Played,
    Scope,
    Shift,
    Spec,
)
from mamo_cli.core.settings import Section
from mamo_cli.core.weights import alpha_of, rewards
from mamo_cli.domains.faas.counting import PROXY, refuse, share_of_requests
from mamo_cli.domains.faas.environment import ScalingEnvironment
from mamo_cli.domains.faas.guarded import Guard
from mamo_cli.domains.faas.node import Case, Node, build_case
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.domains.faas.prospects import Prospect, Prospects, Slow, nondecreasing
from mamo_cli.domains.faas.reach import reach_warning
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.models import SimulationModel
from mamo_cli.domains.faas.settings import (
    BY_REQUESTS,
    COUNTED,
    SHIELDED,
    SIMULATED,
    SLOW,
    WORDS,
    InstanceConfig,
    Planning,
)
from mamo_cli.domains.faas.shield import Shield
from mamo_cli.domains.faas.simulation.environment import Requests, SimulatedEnvironment, mixing_block, requests_of
from mamo_cli.domains.faas.source import load
from mamo_cli.domains.noise import shifted_noise
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace

__all__ = ["FaasDomain", "build", "load"]

NOTICE = (
    "exact answers, bounds and regret are those of Erlang-B, whose replicas are always warm: no simulated node rejects "
    "less, up to chance and to what periods leave one another"
)


def build(
    settings: InstanceConfig, source: Trace, evaluation: Trace | None = None, planning: Planning | None = None
) -> "FaasDomain":
    """The node of a configuration under a workload; see `registry.build`.

    Raises:
        UsageError: a plan is asked for under a shield, or within a latency limit.
    """
    if planning is not None and settings.shield is not None:
        raise UsageError("--shield guards who does not know what comes; solve-offline plans by knowing it")
    if planning is not None and settings.latency_limit is not None:
        raise UsageError("--latency-limit is of simulated responses, of which no plan knows: leave it out")
    if planning is not None and settings.counting == BY_REQUESTS:
        raise UsageError("solve-offline plans by the period, and --counting requests is of all requests: leave it out")
    refuse(settings)
    return FaasDomain(settings, source, evaluation, planning or Planning())


class FaasDomain:
    """How many replicas of each function a node runs, period after period."""

    def __init__(
        self,
        settings: InstanceConfig,
        source: Trace,
        evaluation: Trace | None,
        planning: Planning,
        shift: Shift = AS_CONFIGURED,
        steps: tuple[int, int] | None = None,
    ) -> None:
        """Args: settings, source, evaluation, planning: see `registry.build`. shift, steps: see `shifted`."""
        self._made_of = settings, source, evaluation, planning
        self.settings = settings = shifted_settings(_with_memory(settings, planning), shift, source)
        self.case = case = build_case(settings, source, evaluation, shift, steps)
        self._noise = settings.noise
        node, first = case.evaluation, 0 if steps is None else steps[0]
        self._guard = None if settings.shield is None else Guard(settings, case, first)
        window_s = 0.0 if self._guard is None else self._guard.shield.window_s
        self._requests: dict[Part, Requests] = {}
        if settings.rejection_model == SimulationModel.name:
            self._requests = {
                Part.TRAINING: requests_of(settings, case.training, Part.TRAINING, window_s=window_s),
                Part.EVALUATION: requests_of(settings, node, Part.EVALUATION, first, window_s),
            }
        simulated, shielded = SIMULATED if self._requests else (), () if self._guard is None else SHIELDED
        measures = (*WORDS.measures, *simulated, *shielded)
        self._slow = _slow(settings, node)
        violations, second = (WORDS.violations if node.mean_rate_rps is None else (COUNTED,)), []
        if self._slow is not None:
            violations, second = (*violations, SLOW), [settings.latency_tolerance]
        self.spec = Spec(
            agents=node.trace.functions,
            words=WORDS._replace(measures=measures, violations=violations),
            limits=np.array([[settings.of(name).tolerance, *second] for name in node.trace.functions]),
            observation=node.observation,
            choices=(node.replica_choices,) * node.functions,
            cost_scale=node.cost_scale,
            step_seconds=node.trace.step_seconds,
            block=mixing_block(settings, node) if self._requests else 1,
            use=None if node.memory is None else node.memory.use,
            priorities=node.priorities,
            proxy=None if settings.proxy is None else PROXY,
        )
        self._expected = case.expected_rejection()
        self.problem = _problem(self.spec, case, planning, self._expected)
        if node.mean_rate_rps is not None:
            self._expected = self._prospects[Part.EVALUATION, Knowledge.CAUSAL].objectives[..., 1]
        reach = reach_warning(settings, case, self.problem, self._expected)
        shielded_by = None if self._guard is None else self._guard.notice
        notices = (NOTICE if self._requests else None, reach, _short_warning(node), shielded_by)
        self.warnings = (*case.warnings, *(notice for notice in notices if notice is not None))

    @property
    def shield(self) -> Shield | None:
        """What stands under the choices, if anything does."""
        return None if self._guard is None else self._guard.shield

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> "FaasDomain":
        """Of the load and its shape, the noise, the service times, the cap and the tolerance."""
        if steps is not None and self.case.evaluation.mean_rate_rps is not None:
            raise UsageError("--counting requests is of all requests: an evaluation has no windows of its own")
        return FaasDomain(*self._made_of, shift, steps)

    def environment(self, part: Part, members: int, copies: int | Copy = 1) -> Environment:
        """The training's actual rates are perturbed anew in every episode; the evaluation's are as they are."""
        environment = self._unguarded(part, members, copies)
        return environment if self._guard is None else self._guard.before(environment)

    def _unguarded(self, part: Part, members: int, copies: int | Copy) -> ScalingEnvironment:
        trained = part is Part.TRAINING
        node, noise = (self.case.training, self._noise) if trained else (self.case.evaluation, 0.0)
        if not self._requests:
            return ScalingEnvironment(node, members, copies, noise)
        return SimulatedEnvironment(node, self._requests[part], members, copies, noise)

    def conditions(self) -> FloatArray:
        """`(T, F, 2)` expected and actual rate, requests/s."""
        trace = self.case.evaluation.trace
        return np.stack((trace.expected_rate_rps, trace.actual_rate_rps), -1)

    def optimum(
        self, scope: Scope, weights: FloatArray | None = None, solver: str = "auto", time_limit_s: float | None = None
    ) -> Optimum:
        """The exact plan with perfect knowledge of the evaluation's rates, before any noise; see `solve`."""
        if self.case.evaluation.mean_rate_rps is not None:
            raise NothingExactError(
                "the offline programs plan by the period, and --counting requests is of all of them"
            )
        optimum, memory = solve(self._weighted(weights), scope, solver, time_limit_s), self.case.evaluation.memory
        if memory is None or not memory.short.any():
            return optimum
        return replace(optimum, feasible=optimum.feasible & ~memory.short[:, None])

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """By enumeration; the best nondecreasing function of the expected rate by dynamic programming.

        Where memory binds, the best joint choice of each step: of the sum of all weighted scores, each times its
        function's priority.

        Raises:
            NothingExactError: memory binds nondecreasing functions of lagged rates.
        """
        prospect = self.prospect(part, knowledge)
        plan = self._best(prospect, weights, part)
        brought = np.take_along_axis(prospect.objectives, plan[..., None, None], 2)[..., 0, :]
        return Answer(
            plan, np.stack([np.ascontiguousarray(brought[..., m]).mean(0) for m in range(brought.shape[-1])], -1)
        )

    def believed(self, weights: FloatArray) -> IntArray:
        """By the period, as training counts under the proxy."""
        return self._best(self._believed_prospect, weights, Part.EVALUATION)

    @functools.cached_property
    def _believed_prospect(self) -> Prospect:
        return self._prospects.believed()

    def _best(self, prospect: Prospect, weights: FloatArray, part: Part) -> IntArray:
        scores = -rewards(prospect.objectives, weights[:, None])
        if prospect.expected is None:
            plan = scores.argmin(-1)
        else:
            each = zip(prospect.expected.T, scores.swapaxes(0, 1), strict=True)
            plan = np.stack([nondecreasing(expected, score) for expected, score in each], 1)
        return self._within_memory(np.minimum(plan, prospect.max_replicas - 1), scores, prospect, part)

    def _within_memory(self, plan: IntArray, scores: FloatArray, prospect: Prospect, part: Part) -> IntArray:
        memory = (self.case.training if part is Part.TRAINING else self.case.evaluation).memory
        if memory is None or (memory.taken(plan) <= memory.budgets).all():
            return plan
        if prospect.expected is not None:
            raise NothingExactError(
                "where memory ties functions together, the best that can be done with lagged rates is not known"
            )
        priorities = self.spec.priorities
        weighted = scores if priorities is None else scores * priorities[:, None]
        return memory.best(weighted, plan, prospect.max_replicas)

    def prospect(self, part: Part, knowledge: Knowledge) -> Prospect:
        """What every choice brings at each step of a part, to whom so much is known.

        Raises:
            NothingExactError: memory ties together what a shield raises.
        """
        if self._guard is not None and self.case.evaluation.memory is not None and knowledge is Knowledge.CAUSAL:
            raise NothingExactError("where functions share a memory, what a shield makes of choices is not known")
        return self._prospects[part, knowledge]

    @functools.cached_property
    def _prospects(self) -> Prospects:
        return Prospects(self.case, self._noise, self.shield, self._slow)

    def perfect(self, weights: FloatArray) -> IntArray:
        """The plan of the causal answer: a task agent sees no more than is expected."""
        return self.answer(weights).plan

    def choices_of(self, measures: FloatArray) -> IntArray:
        """One less than the replicas, without those that the shield added."""
        replicas = measures[..., 0] if self._guard is None else np.rint(measures[..., 0] - measures[..., -1])
        return replicas.astype(np.int64) - 1

    def expected(self, plan: IntArray) -> Played:
        """What a plan brings in expectation over the noise, by the model itself; under the shield, if there is one."""
        if self._guard is None:
            return self._played(plan, at_plan(self._expected, plan + 1))
        return self._under_the_shield(plan)

    def _under_the_shield(self, plan: IntArray) -> Played:
        """The mean over what is counted, too: a period's floor is independent of what comes in it."""
        node, prospect = self.case.evaluation, self.prospect(Part.EVALUATION, Knowledge.CAUSAL)
        asked = np.minimum(plan + 1, node.max_replicas)
        paid, rejection = (at_plan(prospect.objectives[..., m], asked) for m in range(2))
        paid = paid * node.cost_scale
        replicas = paid / node.replica_cost
        lower = at_plan(self._prospects.below(Part.EVALUATION), asked)
        overridden = np.where(asked < node.max_replicas, 1.0 - lower, 0.0)
        played = self._played(plan, rejection)
        played.measures[..., 0] = replicas
        played.measures[..., -len(SHIELDED) :] = np.stack((overridden, replicas - asked), -1)
        return played._replace(paid=paid)

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What a plan brings at the rates it was made for, by the model itself, and at those that came.

        It was made for the actual rates before any noise, which need not be those that a controller expects. What came
        is by the model, too, or by simulation where requests are simulated; what only that can measure is then in both.
        No shield raises it.
        """
        rates = (self.case.known_rate_rps, self.case.evaluation.trace.actual_rate_rps)
        planned, came = (self._played(plan, self._rejected(each, plan)) for each in rates)
        if not self._requests:
            return planned, came
        came = self._simulated(plan)
        return planned._replace(measures=came.measures), came

    def _rejected(self, rates: FloatArray, plan: IntArray) -> FloatArray:
        """`(T, F)` by the model itself, as it is counted."""
        rejection = self.case.exact_rejection(rates, plan + 1)
        return rejection if self.case.evaluation.mean_rate_rps is None else rejection * share_of_requests(rates)

    def _simulated(self, plan: IntArray) -> Played:
        environment = self._unguarded(Part.EVALUATION, 1, 1)
        steps = [environment.step(choices[None, None]) for choices in plan]
        paid, measures, objectives = (
            np.stack(part)[:, 0, 0] for part in zip(*((s.paid, s.measures, s.objectives) for s in steps), strict=True)
        )
        return Played(paid, measures, objectives[..., 1:])

    def _weighted(self, weights: FloatArray | None) -> ReplicaProblem:
        return self.problem if weights is None else replace(self.problem, alpha=alpha_of(weights))

    def _played(self, plan: IntArray, rejection: FloatArray) -> Played:
        """What only a simulation can measure, no model says."""
        replicas = (plan + 1).astype(np.float64)
        measures = np.full((*plan.shape, len(self.spec.words.measures)), np.nan)
        if self._guard is not None:
            measures[..., -len(SHIELDED) :] = 0.0
        measures[..., 0] = replicas
        violations = rejection[..., None]
        if self._slow is not None:
            slow = self._slow.of(self.case.known_rate_rps * (1.0 - self.case.evaluation_noise))
            violations = np.stack((rejection, slow), -1)
        return Played(replicas * self.problem.replica_cost, measures, violations)


def _slow(settings: InstanceConfig, node: Node) -> Slow | None:
    if settings.latency_limit is None:
        return None
    each = [settings.of(name) for name in node.trace.functions]
    quickest_s = np.array([min(own.warm_service_time, own.cold_service_time) for own in each])
    seconds = min(settings.simulated_seconds, node.trace.step_seconds)
    return Slow(np.exp(-settings.latency_limit / quickest_s), seconds)


def _with_memory(settings: InstanceConfig, planning: Planning) -> InstanceConfig:
    """The settings with the memory that the offline plan is asked for."""
    asked = {name: getattr(planning, name) for name in ("memory_per_replica", "node_memory")}
    return settings.model_copy(update={name: mb for name, mb in asked.items() if mb is not None})


def shifted_settings(settings: InstanceConfig, shift: Shift, source: Trace) -> InstanceConfig:
    """The settings, and what functions have of their own, with what shifts in them; load and cap are the workload's.

    Raises:
        UsageError: they cannot shift so.
    """
    if shift.service != 1.0 and settings.rejection_model == MeasuredModel.name:
        raise UsageError("measurements hold for the service times that they were made under: service cannot shift")
    noise = shifted_noise(settings.noise, shift.noise, training_and_evaluation(source, settings.train_share)[0])
    if noise >= 1.0:
        raise UsageError(f"noise {settings.noise:g} times {shift.noise:g}: it must stay below 1")

    def changed(section: Section) -> dict[str, float]:
        given = {name: getattr(section, name) for name in ("warm_service_time", "cold_service_time")}
        times = {name: seconds * shift.service for name, seconds in given.items() if seconds is not None}
        return times if shift.tolerance is None else times | {"tolerance": shift.tolerance}

    own = {name: section.model_copy(update=changed(section)) for name, section in settings.own.items()}
    update = {**changed(settings), "noise": noise}
    return settings.model_copy(update=update).having(own)


def _problem(spec: Spec, case: Case, planning: Planning, expected: FloatArray) -> ReplicaProblem:
    """The offline problem of a case: perfect knowledge of the evaluation's rates, before any noise."""
    node = case.evaluation
    scale_up = planning.scale_up_cost
    return ReplicaProblem(
        replica_cost=node.replica_cost,
        rejection=case.planned_rejection(),
        max_replicas=node.max_replicas,
        tolerance=spec.limits[:, 0],
        expected_rejection=expected,
        memory_per_replica=None if node.memory is None else node.memory.per_replica_mb,
        memory_capacity=None if node.memory is None else node.memory.node_mb,
        scale_up_cost=None if scale_up is None else np.full(node.functions, scale_up),
        cost_scale=node.cost_scale,
        priority=spec.priorities,
    )


def _short_warning(node: Node) -> str | None:
    """What to say where the node's memory is at times too small for one replica of each function."""
    if node.memory is None or not node.memory.short.any():
        return None
    steps = np.flatnonzero(node.memory.short)
    return (
        f"node_memory is too small for one replica of each function at {len(steps)} of {len(node.memory.short)} steps, "
        f"the first of them {steps[0]}: one of each runs there all the same, and the plan calls such a step infeasible"
    )
