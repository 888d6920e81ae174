"""What to say of a node whose load exceeds its cap: how often, by how much, and what is likeliest to blame."""

from collections.abc import Sequence

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray
from mamo_cli.domains.faas.node import MOST_REPLICAS, Case
from mamo_cli.domains.faas.offline.enumeration import least_rejection
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.rejection.expectation import expected_rejection
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.rejection.models import TIMED_NAMES, RejectionModel, make_model
from mamo_cli.domains.faas.settings import InstanceConfig

# A unit is only blamed where it would make the cap's use at least this; else the node is simply small.
LEAST_USE, LEAST_USE_OF_FRACTIONS = 0.01, 0.05
# A service takes some ms, and seldom so many s.
FEW_MS, MILLI = 10.0, 1e-3


def reach_warning(settings: InstanceConfig, case: Case, problem: ReplicaProblem, expected: FloatArray) -> str | None:
    """One line where most steps cannot keep the tolerance at the cap, or no alpha can on average; else None.

    Args:
        settings: of the node.
        case: the node.
        problem: its offline problem.
        expected: `(T, F, N)` rejection in expectation over the noise.
    """
    missed = np.asarray((least_rejection(problem) > problem.tolerance).any(axis=1))
    on_average = np.where(problem.permitted, expected, np.inf).min(axis=2).mean(axis=0)
    worst = int((on_average - problem.tolerance).argmax())
    beyond = on_average[worst] > problem.tolerance[worst]
    if missed.mean() <= 0.5 and not beyond:
        return None
    name = case.evaluation.trace.functions[worst]
    of = f" of {name}" if problem.shape[1] > 1 else ""
    within = f"{problem.tolerance[worst]:g}" if np.ptp(problem.tolerance) == 0 else "every function's tolerance"
    least = f"{on_average[worst]:.2g}{of} at {_caps(problem)} replicas"
    return (
        f"{missed.sum()} of {missed.size} steps cannot keep rejection within {within} at the cap; "
        + (f"no alpha can on average, least reachable is {least}" if beyond else f"on average, {least} is reachable")
        + f": {_cause(settings.of(name), case, problem, missed)}"
    )


def _caps(problem: ReplicaProblem) -> str:
    low, high = problem.max_replicas.min(), problem.max_replicas.max()
    return f"{high}" if low == high else f"{low} to {high}"


def _cause(settings: InstanceConfig, case: Case, problem: ReplicaProblem, missed: BoolArray) -> str:
    """The likeliest: a unit, if with another one the cap would be used as caps are, else the cap itself.

    Args:
        settings: of the function that is furthest from its tolerance.
        case: the node.
        problem: its offline problem.
        missed: `(T,)` steps at which some function cannot keep its tolerance.
    """
    rates, seconds = case.known_rate_rps, case.evaluation.trace.step_seconds
    warm = settings.warm_service_time
    functions = case.evaluation.trace.functions
    each = np.array([settings.of(name).warm_service_time for name in functions])
    use = float(np.median((rates * each / problem.max_replicas).max(axis=1)[missed])) if missed.any() else 0.0
    whole = bool(np.all(rates == np.rint(rates)))
    as_counts = use / seconds >= (LEAST_USE if whole else LEAST_USE_OF_FRACTIONS)
    as_counts = as_counts and _held(case.models, rates / seconds, problem)
    counts = f"rates look like counts per {seconds:g} s period, not requests/s ({{}}a {seconds:g}th would fit)"
    if as_counts and whole:
        return counts.format("whole numbers, ")
    in_ms = settings.rejection_model in TIMED_NAMES and warm >= FEW_MS and use * MILLI >= LEAST_USE
    if in_ms and _held([_scaled(settings.of(name)) for name in functions], rates, problem):
        return f"service times look like ms (--warm-service-time {warm:g} is in s; {warm * MILLI:g} would fit)"
    if as_counts:
        return counts.format("")
    return _remedy(settings, case, problem)


def _scaled(settings: InstanceConfig) -> RejectionModel:
    """The node's model if its service times were in ms."""
    warm, cold = settings.warm_service_time * MILLI, settings.cold_service_time * MILLI
    return make_model(settings.rejection_model, warm, cold, settings.idle_timeout)


def _held(models: Sequence[RejectionModel], rates: FloatArray, problem: ReplicaProblem) -> bool:
    """Whether most steps would keep the tolerance at these rates."""
    rejection = expected_rejection(models, rates, 0.0, problem.shape[2])
    least = np.where(problem.permitted, rejection, np.inf).min(axis=2)
    return bool((least <= problem.tolerance).all(axis=1).mean() > 0.5)


def _remedy(settings: InstanceConfig, case: Case, problem: ReplicaProblem) -> str:
    """What cap would do at every step."""
    option = "--max-replicas" if case.evaluation.trace.max_replicas is None else "the trace's max_replicas"
    peak = case.known_rate_rps.max(axis=0)[None]
    enough = expected_rejection(case.models, peak, 0.0, MOST_REPLICAS)[0] <= problem.tolerance[:, None]
    if not enough.any(axis=1).all() and settings.rejection_model == MeasuredModel.name:
        return "no number of replicas was measured to hold the load's peak"
    if not enough.any(axis=1).all():
        return f"the load is beyond what {MOST_REPLICAS} replicas serve"
    return f"set {option} higher, {int(enough.argmax(axis=1).max()) + 1} would do at every step"
