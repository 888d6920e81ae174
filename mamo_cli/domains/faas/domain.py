"""Replica scaling of FaaS functions on an edge node, behind the seam."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import SolverError, UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Answer, Knowledge, Optimum, Part, Played, Scope, Shift, Spec
from mamo_cli.core.weights import alpha_of, rewards
from mamo_cli.domains.faas.environment import OBSERVATION, ScalingEnvironment
from mamo_cli.domains.faas.node import Case, build_case
from mamo_cli.domains.faas.offline.measures import MEMORY_ROUNDING
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.domains.faas.prospects import Prospect, Prospects, nondecreasing
from mamo_cli.domains.faas.reach import reach_warning
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.models import SimulationModel
from mamo_cli.domains.faas.settings import SIMULATED, WORDS, InstanceConfig, Planning
from mamo_cli.domains.faas.simulation.environment import Requests, SimulatedEnvironment, mixing_block, requests_of
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.measurements_csv import read_measurements
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace

MOST_NAMED = 8
NOTICE = (
    "exact answers, bounds and regret are those of Erlang-B, whose replicas are always warm: no simulated node rejects "
    "less, up to chance and to what periods leave one another"
)


def load(settings: InstanceConfig) -> Trace:
    """The configured trace, or the reference sinusoid, and what was measured of the node.

    Raises:
        UsageError: there are measurements that no model reads.
    """
    trace = sinusoidal() if settings.trace is None else read_trace(Path(settings.trace))
    if settings.measurements is None:
        return trace
    if settings.rejection_model != MeasuredModel.name:
        raise UsageError(f"--measurements is what --rejection-model {MeasuredModel.name} reads: give both, or neither")
    return replace(trace, measured={settings.measurements: read_measurements(Path(settings.measurements))})


def build(
    settings: InstanceConfig, source: Trace, evaluation: Trace | None = None, planning: Planning | None = None
) -> "FaasDomain":
    """The node of a configuration under a workload; see `registry.build`."""
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
        self.settings = settings = _shifted(settings, shift)
        self.case = case = build_case(settings, source, evaluation, shift, steps)
        self._noise = settings.noise
        node = case.evaluation
        self._requests: dict[Part, Requests] = {}
        if settings.rejection_model == SimulationModel.name:
            self._requests = {
                Part.TRAINING: requests_of(settings, case.training, Part.TRAINING),
                Part.EVALUATION: requests_of(settings, node, Part.EVALUATION, 0 if steps is None else steps[0]),
            }
        measures = (*WORDS.measures, *SIMULATED) if self._requests else WORDS.measures
        self.spec = Spec(
            agents=node.trace.functions,
            words=WORDS._replace(measures=measures),
            limits=np.full((node.functions, 1), settings.tolerance),
            observation=OBSERVATION,
            choices=(node.replica_choices,) * node.functions,
            cost_scale=node.cost_scale,
            step_seconds=node.trace.step_seconds,
            block=mixing_block(settings, node.trace.step_seconds) if self._requests else 1,
        )
        self._expected = case.expected_rejection()
        self.problem = _problem(settings, case, planning, self._expected)
        reach = reach_warning(settings, case, self.problem, self._expected)
        notices = (NOTICE if self._requests else None, reach)
        self.warnings = (*case.warnings, *(notice for notice in notices if notice is not None))

    def shifted(self, shift: Shift, steps: tuple[int, int] | None = None) -> "FaasDomain":
        """Of the load, the service times, the cap and the tolerance."""
        return FaasDomain(*self._made_of, shift, steps)

    def environment(self, part: Part, members: int, copies: int = 1) -> ScalingEnvironment:
        """The training's actual rates are perturbed anew in every episode; the evaluation's are as they are."""
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
        return solve(self._weighted(weights), scope, solver, time_limit_s)

    def answer(
        self, weights: FloatArray, part: Part = Part.EVALUATION, knowledge: Knowledge = Knowledge.CAUSAL
    ) -> Answer:
        """By enumeration; the best nondecreasing function of the expected rate by dynamic programming."""
        prospect = self.prospect(part, knowledge)
        scores = -rewards(prospect.objectives, weights[:, None])
        if prospect.expected is None:
            plan = scores.argmin(-1)
        else:
            each = zip(prospect.expected.T, scores.swapaxes(0, 1), strict=True)
            plan = np.stack([nondecreasing(expected, score) for expected, score in each], 1)
        plan = np.minimum(plan, prospect.max_replicas - 1)
        brought = np.take_along_axis(prospect.objectives, plan[..., None, None], 2)[..., 0, :]
        return Answer(plan, np.stack([np.ascontiguousarray(brought[..., m]).mean(0) for m in range(2)], -1))

    def prospect(self, part: Part, knowledge: Knowledge) -> Prospect:
        """What every choice brings at each step of a part, to whom so much is known."""
        return self._prospects[part, knowledge]

    @functools.cached_property
    def _prospects(self) -> Prospects:
        return Prospects(self.case, self._noise)

    def perfect(self, weights: FloatArray) -> IntArray:
        """The plan of the causal answer: a task agent sees no more than is expected."""
        return self.answer(weights).plan

    def choices_of(self, measures: FloatArray) -> IntArray:
        """One less than the replicas."""
        return measures[..., 0].astype(np.int64) - 1

    def expected(self, plan: IntArray) -> Played:
        """What a plan brings in expectation over the noise, by the model itself."""
        return self._played(plan, at_plan(self._expected, plan + 1))

    def replayed(self, plan: IntArray) -> tuple[Played, Played]:
        """What a plan brings at the rates it was made for, by the model itself, and at those that came.

        It was made for the actual rates before any noise, which need not be those that a controller expects. What came
        is by the model, too, or by simulation where requests are simulated; what only that can measure is then in both.
        """
        rates = (self.case.known_rate_rps, self.case.evaluation.trace.actual_rate_rps)
        planned, came = (self._played(plan, self.case.exact_rejection(each, plan + 1)) for each in rates)
        if not self._requests:
            return planned, came
        came = self._simulated(plan)
        return planned._replace(measures=came.measures), came

    def _simulated(self, plan: IntArray) -> Played:
        environment = self.environment(Part.EVALUATION, 1)
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
        measures[..., 0] = replicas
        return Played(replicas * self.problem.replica_cost, measures, rejection[..., None])


def _shifted(settings: InstanceConfig, shift: Shift) -> InstanceConfig:
    """The settings with what shifts in them; the load and the cap are the workload's."""
    if shift.service != 1.0 and settings.rejection_model == MeasuredModel.name:
        raise UsageError("measurements hold for the service times that they were made under: service cannot drift")
    changed: dict[str, float] = {
        name: getattr(settings, name) * shift.service for name in ("warm_service_time", "cold_service_time")
    }
    if shift.tolerance is not None:
        changed["tolerance"] = shift.tolerance
    return settings.model_copy(update=changed)


def _problem(settings: InstanceConfig, case: Case, planning: Planning, expected: FloatArray) -> ReplicaProblem:
    """The offline problem of a case: perfect knowledge of the evaluation's rates, before any noise.

    Raises:
        UsageError: memory is given in part.
        SolverError: it is too small for one replica of each function.
    """
    if (planning.memory_per_replica is None) != (planning.node_memory is None):
        raise UsageError("--memory-per-replica and --node-memory go together")
    node = case.evaluation
    if planning.node_memory is not None and planning.memory_per_replica is not None:
        _require_memory(planning.memory_per_replica, planning.node_memory, node.trace.functions)
    steps, functions = node.max_replicas.shape

    def each(value: float | None, count: int) -> FloatArray | None:
        return None if value is None else np.full(count, value)

    return ReplicaProblem(
        replica_cost=node.replica_cost,
        rejection=case.planned_rejection(),
        max_replicas=node.max_replicas,
        tolerance=np.full(functions, settings.tolerance),
        expected_rejection=expected,
        memory_per_replica=each(planning.memory_per_replica, functions),
        memory_capacity=each(planning.node_memory, steps),
        scale_up_cost=each(planning.scale_up_cost, functions),
        cost_scale=node.cost_scale,
    )


def _require_memory(each: float, node: float, functions: tuple[str, ...]) -> None:
    least = each * len(functions)
    if least > node * (1 + MEMORY_ROUNDING):
        named = ", ".join(functions) if len(functions) <= MOST_NAMED else f"{len(functions)} functions"
        raise SolverError(
            f"one replica of each function ({named}) takes {least:g} MB, and --node-memory is {node:g}: set it to "
            f"{least:g} or more, or leave functions out of the trace"
        )
