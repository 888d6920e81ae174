"""From a configuration to the node that agents train on and are evaluated on, and the exact numbers behind both."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Shift
from mamo_cli.core.seeding import stream
from mamo_cli.domains.faas.counting import mean_rates
from mamo_cli.domains.faas.functions import caps_of, check_functions, models_of, priorities_of, replica_costs
from mamo_cli.domains.faas.memory import Memory, memory_of
from mamo_cli.domains.faas.rejection.expectation import expected_rejection
from mamo_cli.domains.faas.rejection.models import RejectionModel
from mamo_cli.domains.faas.rejection.optimism import optimism_warning
from mamo_cli.domains.faas.rejection.support import support_warning
from mamo_cli.domains.faas.rejection.table import RejectionTable, build_table
from mamo_cli.domains.faas.settings import BY_REQUESTS, InstanceConfig
from mamo_cli.workload.generators import perturb
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import Trace

MOST_REPLICAS = 1000  # an action and a column of the table each: beyond this, scale the trace down


@dataclass(frozen=True, eq=False)
class Node:
    """A node under a workload: all that the batched and the single environment share.

    Attributes:
        trace: T steps of F functions.
        table: rejection probabilities, covering every rate the noise can make of the trace.
        max_replicas: `(T, F)` caps N_t, at most the table's N.
        rate_scale_rps: observed rates are divided by this; the training trace's largest, also when evaluating.
        replica_cost: `(F,)` cost of one replica for one period.
        cost_scale: what the normalised cost is measured in: the mean over functions of what all their replicas cost.
        memory: what all functions share; None where it is no limit.
        priorities: `(F,)` shares of the joint reward, which sum to 1; None where they are equal.
    """

    trace: Trace
    table: RejectionTable
    max_replicas: IntArray
    rate_scale_rps: float
    replica_cost: FloatArray
    cost_scale: float
    memory: Memory | None = None
    priorities: FloatArray | None = None
    mean_rate_rps: FloatArray | None = None
    """`(F,)` that a period's rate is held to where rejection is counted by requests; None: by periods."""

    @property
    def functions(self) -> int:
        """F."""
        return len(self.trace.functions)

    @property
    def observation(self) -> int:
        """How many numbers each function observes: of the memory only where there is one."""
        return 4 if self.memory is None else 5

    @property
    def replica_choices(self) -> int:
        """N, the size of each function's action space."""
        return self.table.max_replicas


@dataclass(frozen=True, eq=False)
class Case:
    """What an experiment trains on, what it is evaluated on, and the exact numbers behind both.

    Attributes:
        training: the node to train on; its actual rates are perturbed anew in every episode.
        evaluation: the node to evaluate on, whose actual rates no training has seen.
        known_rate_rps: `(T, F)` the evaluation's actual rate before any noise: what perfect knowledge knows.
        before_rps: `(T, F)` that of the period before each; before the whole evaluation's first, that of the first.
        evaluation_noise: relative deviation that the evaluation's actual rate has from `known_rate_rps`; 0 where the
            trace carries its own.
        models: F rejection models.
        warnings: what the user should know of this node.
    """

    training: Node
    evaluation: Node
    known_rate_rps: FloatArray
    before_rps: FloatArray
    evaluation_noise: float
    models: tuple[RejectionModel, ...]
    warnings: tuple[str, ...]

    def planned_rejection(self) -> FloatArray:
        """`(T, F, N)` rejection probability of n = 1..N replicas at the evaluation's known rates, exact."""
        return expected_rejection(self.models, self.known_rate_rps, 0.0, self.evaluation.replica_choices)

    def expected_rejection(self) -> FloatArray:
        """`(T, F, N)` the same in expectation over the evaluation noise."""
        return expected_rejection(
            self.models, self.known_rate_rps, self.evaluation_noise, self.evaluation.replica_choices
        )

    def exact_rejection(self, rate_rps: FloatArray, replicas: NDArray[np.int64]) -> FloatArray:
        """`(T, F)` rejection probability of replicas `(T, F)` at rates `(T, F)`, by the model itself."""
        every = expected_rejection(self.models, rate_rps, 0.0, self.evaluation.replica_choices)
        return np.take_along_axis(every, replicas[..., None] - 1, -1)[..., 0]


def build_case(
    config: InstanceConfig,
    source: Trace,
    evaluation_trace: Trace | None = None,
    shift: Shift = AS_CONFIGURED,
    steps: tuple[int, int] | None = None,
) -> Case:
    """Cut a trace into training and evaluation and build the node's table.

    What carries its own deviations is evaluated as it is. Nothing of a case depends on steps that are left out.

    Args:
        config: the instance.
        source: the trace to train on, and to evaluate on unless another is given.
        evaluation_trace: a trace of the same functions to evaluate on instead, whole.
        shift: of the load, its shape and the cap; scales stay those of the instance as it is configured.
        steps: first and last + 1 of the evaluation's steps, where not all are wanted; each has the noise it has anyway.

    Raises:
        DataError: caps beyond what an action space holds, or functions that differ.
        UsageError: the cap is above the instance's, or settings are of no function, or of no memory.
        SolverError: the memory never holds one replica of each function.
    """
    check_functions(config, source.functions)
    parts = training_and_evaluation(source, config.train_share, evaluation_trace)
    training, evaluation = (part.at_load(shift.load).at_shape(shift.shape) for part in parts)
    limit = int(caps_of(source, config).max())
    if limit > MOST_REPLICAS:
        raise DataError(
            f"the trace's column max_replicas goes up to {limit}; agents choose among at most {MOST_REPLICAS} replicas"
        )
    if shift.cap is not None and shift.cap > limit:
        raise UsageError(f"a cap of {shift.cap} is above the {limit} replicas that there are to choose from")
    noise = 0.0 if evaluation.carries_deviations else config.noise
    rates = perturb(evaluation.actual_rate_rps, noise, stream(config.noise_seed, "evaluation"))
    before = np.vstack((evaluation.actual_rate_rps[:1], evaluation.actual_rate_rps[:-1]))
    if steps is not None:
        evaluation, rates, before = evaluation.slice(*steps), rates[slice(*steps)], before[slice(*steps)]
    models = models_of(config, source)
    peak = max(float(trace.actual_rate_rps.max()) for trace in (training, evaluation)) * (1.0 + config.noise)
    table = build_table(models, limit, peak)
    scale = float(parts[0].expected_rate_rps.max()) or 1.0
    cost = replica_costs(config, source.functions)
    # What a function costs at most is the cost of its own largest cap, in the evaluation as in training.
    largest = caps_of(source, config).max(0)
    cost_scale = float((cost * largest).mean())
    warnings = (
        _caps_warning(caps_of(evaluation, config), limit),
        optimism_warning(models, table, source.functions),
        support_warning(models, (training, evaluation), config.noise, limit),
    )

    def node(trace: Trace, by_requests: bool) -> Node:
        caps = np.minimum(caps_of(trace, config), shift.cap or limit)
        memory = memory_of(config, trace, largest, limit)
        priorities, means = priorities_of(config, trace.functions), mean_rates(trace.actual_rate_rps)
        return Node(trace, table, caps, scale, cost, cost_scale, memory, priorities, means if by_requests else None)

    counted = config.counting == BY_REQUESTS

    return Case(
        training=node(training, counted and config.proxy is None),
        evaluation=node(replace(evaluation, actual_rate_rps=rates), counted),
        known_rate_rps=np.array(evaluation.actual_rate_rps),
        before_rps=before,
        evaluation_noise=noise,
        models=models,
        warnings=tuple(warning for warning in warnings if warning is not None),
    )


def _caps_warning(caps: IntArray, limit: int) -> str | None:
    """What to say where a trace allows more than the choices there are; only another trace than the source can."""
    if caps.max() <= limit:
        return None
    return (
        f"caps of up to {caps.max()} replicas are cut to {limit}, the most that these policies were trained to choose: "
        f"the exact answers and the regret are against {limit}, too"
    )
