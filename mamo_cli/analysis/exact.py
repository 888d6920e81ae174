"""What is exactly achievable, and how far agents are from it: the frontier over alpha, the bound, the regret."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.config import InstanceConfig
from mamo_cli.offline.problem import ReplicaProblem, at_plan
from mamo_cli.offline.solution import OfflineSolution
from mamo_cli.offline.solve import solve
from mamo_cli.scaling.instance import Case

FloatArray = NDArray[np.float64]

FRONTIER_COLUMNS = ("kind", "alpha", "mean_cost", "mean_replicas", "mean_rejection")


class PlanSummary(NamedTuple):
    """Means over steps and functions of a plan: its cost as a share of the dearest, and what it rejects."""

    mean_cost: float
    mean_replicas: float
    mean_rejection: float


def replica_problem(case: Case, config: InstanceConfig, alpha: float | None = None) -> ReplicaProblem:
    """The offline problem of a case: perfect knowledge of the evaluation's rates, before any noise."""
    functions = case.evaluation.functions
    return ReplicaProblem(
        replica_cost=np.full(functions, config.replica_cost),
        rejection=case.planned_rejection(),
        max_replicas=case.evaluation.max_replicas,
        tolerance=np.full(functions, config.tolerance),
        alpha=alpha,
        expected_rejection=case.expected_rejection(),
    )


def summarise_plan(replicas: NDArray[np.int64], rejection: FloatArray) -> PlanSummary:
    """Summary of a plan `(T, F)` under rejections `(T, F, N)`."""
    mean = float(replicas.mean())
    return PlanSummary(mean / rejection.shape[-1], mean, float(at_plan(rejection, replicas).mean()))


def optimal_plan(rejection: FloatArray, caps: NDArray[np.int64], alpha: FloatArray) -> NDArray[np.int64]:
    """The plan `(T, F)` of a perfect task agent: at every step the least of `reward_cost`.

    Args:
        rejection: `(T, F, N)` expected rejection.
        caps: `(T, F)` most replicas.
        alpha: `(F,)` weight of rejection.
    """
    cost = reward_cost(rejection, alpha)
    allowed = np.arange(1, rejection.shape[-1] + 1) <= caps[..., None]
    return np.asarray(np.where(allowed, cost, np.inf).argmin(-1) + 1, dtype=np.int64)


def reward_cost(rejection: FloatArray, alpha: FloatArray) -> FloatArray:
    """`(T, F, N)` what the task agents' reward is the negative of: (1 - alpha) n / N + alpha P."""
    weight = np.asarray(alpha)[:, None]
    replicas = np.arange(1, rejection.shape[-1] + 1)
    return np.asarray((1.0 - weight) * replicas / rejection.shape[-1] + weight * rejection)


def frontier(
    case: Case, alphas: FloatArray, step_plan: NDArray[np.int64], average_plan: NDArray[np.int64]
) -> list[list[object]]:
    """Rows of frontier.csv: the exact cost-rejection curve over alpha, and the offline scopes, under the noise."""
    expected = case.expected_rejection()
    functions = case.evaluation.functions
    rows: list[list[object]] = []
    for alpha in alphas:
        plan = optimal_plan(expected, case.evaluation.max_replicas, np.full(functions, alpha))
        rows.append(["alpha", float(alpha), *summarise_plan(plan, expected)])
    rows.append(["step", None, *summarise_plan(step_plan, expected)])
    rows.append(["average", None, *summarise_plan(average_plan, expected)])
    return rows


def solve_bounds(case: Case, config: InstanceConfig) -> tuple[OfflineSolution, OfflineSolution]:
    """The scopes step and average, solved with the default solver."""
    problem = replica_problem(case, config)
    return solve(problem, "step"), solve(problem, "average")


def exact_alpha(case: Case, alphas: FloatArray, tolerance: float) -> float | None:
    """The smallest alpha whose perfect agent keeps every function's mean rejection within the tolerance."""
    expected = case.expected_rejection()
    for alpha in alphas:
        plan = optimal_plan(expected, case.evaluation.max_replicas, np.full(case.evaluation.functions, alpha))
        if np.all(at_plan(expected, plan).mean(0) <= tolerance):
            return float(alpha)
    return None


def expected_reward(replicas: NDArray[np.int64], rejection: FloatArray, alpha: FloatArray) -> float:
    """Mean reward, in expectation over the noise, of playing `replicas` `(T, F)` at alphas `(F,)`."""
    return -float(at_plan(reward_cost(rejection, alpha), replicas).mean())


def regret(achieved: float, optimal: float) -> float:
    """How far a mean reward falls short of the optimum, as a share of it. Rewards are negative: costs turned round."""
    return (optimal - achieved) / abs(optimal) if optimal else optimal - achieved
