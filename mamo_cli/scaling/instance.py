"""From a configuration to the instances that agents train on and are evaluated on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mamo_cli.config import InstanceConfig
from mamo_cli.errors import DataError
from mamo_cli.faas.expectation import expected_rejection
from mamo_cli.faas.models import RejectionModel, make_model
from mamo_cli.faas.optimism import optimism_warning
from mamo_cli.faas.table import RejectionTable, build_table
from mamo_cli.seeding import stream
from mamo_cli.workload.generators import perturb, sinusoidal
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace

FloatArray = NDArray[np.float64]
MOST_REPLICAS = 1000  # an action and a column of the table each: beyond this, scale the trace down


@dataclass(frozen=True, eq=False)
class ScalingInstance:
    """A node under a workload: all that the batched and the single environment share.

    Attributes:
        trace: T steps of F functions.
        table: rejection probabilities, covering every rate the noise can make of the trace.
        max_replicas: `(T, F)` caps N_t, at most the table's N.
        rate_scale_rps: observed rates are divided by this; the training trace's largest, also when evaluating.
    """

    trace: Trace
    table: RejectionTable
    max_replicas: NDArray[np.int64]
    rate_scale_rps: float

    @property
    def functions(self) -> int:
        """F."""
        return len(self.trace.functions)

    @property
    def replica_choices(self) -> int:
        """N, the size of each function's action space."""
        return self.table.max_replicas


@dataclass(frozen=True, eq=False)
class Case:
    """What an experiment trains on, what it is evaluated on, and the exact numbers behind both.

    Attributes:
        source: the whole trace, as read.
        training: the instance to train on; its actual rates are perturbed anew in every episode.
        evaluation: the instance to evaluate on, whose actual rates no training has seen.
        known_rate_rps: `(T, F)` the evaluation's actual rate before any noise: what perfect knowledge knows.
        evaluation_noise: relative deviation that the evaluation's actual rate has from `known_rate_rps`; 0 where the
            trace carries its own.
        models: F rejection models.
        warnings: what the user should know of this node.
    """

    source: Trace
    training: ScalingInstance
    evaluation: ScalingInstance
    known_rate_rps: FloatArray
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


def load_trace(config: InstanceConfig) -> Trace:
    """Read the configured trace, or make the reference sinusoid."""
    return sinusoidal() if config.trace is None else read_trace(Path(config.trace))


def build_case(config: InstanceConfig, source: Trace, evaluation_trace: Trace | None = None) -> Case:
    """Cut a trace into training and evaluation and build the node's table.

    A periodic trace is trained on whole and evaluated on noise of its own; any other is split in time. What carries
    its own deviations is evaluated as it is.

    Args:
        config: the instance.
        source: the trace to train on, and to evaluate on unless another is given.
        evaluation_trace: a trace of the same functions to evaluate on instead, whole.

    Raises:
        DataError: caps beyond what an action space holds, or functions that differ.
    """
    training, evaluation = (source, source) if source.period_steps else source.split(config.train_share)
    evaluation = evaluation if evaluation_trace is None else evaluation_trace
    if evaluation.functions != source.functions:
        raise DataError(f"the trace to evaluate on has functions {evaluation.functions}, not {source.functions}")
    limit = int(_caps(source, config).max())
    if limit > MOST_REPLICAS:
        raise DataError(f"max_replicas goes up to {limit}; agents choose among at most {MOST_REPLICAS} replicas")
    noise = 0.0 if evaluation.carries_deviations else config.noise
    rates = perturb(evaluation.actual_rate_rps, noise, stream(config.noise_seed, "evaluation"))
    model = make_model(config.rejection_model, config.warm_service_time, config.cold_service_time, config.idle_timeout)
    models = (model,) * len(source.functions)
    peak = max(float(trace.actual_rate_rps.max()) for trace in (training, evaluation)) * (1.0 + config.noise)
    table = build_table(models, limit, peak)
    scale = float(training.expected_rate_rps.max()) or 1.0
    warning = optimism_warning(models, table)
    return Case(
        source=source,
        training=ScalingInstance(training, table, _caps(training, config), scale),
        evaluation=ScalingInstance(
            replace(evaluation, actual_rate_rps=rates), table, np.minimum(_caps(evaluation, config), limit), scale
        ),
        known_rate_rps=np.array(evaluation.actual_rate_rps),
        evaluation_noise=noise,
        models=models,
        warnings=() if warning is None else (warning,),
    )


def _caps(trace: Trace, config: InstanceConfig) -> NDArray[np.int64]:
    if trace.max_replicas is None:
        return np.full(trace.actual_rate_rps.shape, config.max_replicas, dtype=np.int64)
    return np.array(trace.max_replicas)
