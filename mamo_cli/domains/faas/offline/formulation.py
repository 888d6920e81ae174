"""The integer program of the replica problem: binaries x_{f,n,t}, exactly one choice for each (f, t).

    min   sum x_{f,n,t} cost_{f,n,t} + sum price_f u_{f,t}
    s.t.  one_choice   sum_n x_{f,n,t} = 1                                    every f, t
          memory       sum_{f,n} m_f n x_{f,n,t} <= M_t                       every t
          scale_up     u_{f,t} >= sum_n n (x_{f,n,t} - x_{f,n,t-1})           every f, t > 0
          budget       sum_{n,t} P_{f,n,t} x_{f,n,t} - v_f <= T epsilon_f     every f   (scope average)
          violation    what violates is not more than the least possible      (where memory makes it unavoidable)

Choices that the caps, the tolerance or a bound rule out have no variable; the solver decides among the rest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mamo_cli.core.errors import SolverError
from mamo_cli.core.seam import Scope
from mamo_cli.domains.faas.offline.enumeration import average_limit
from mamo_cli.domains.faas.offline.measures import (
    MEMORY_ROUNDING,
    choice_cost,
    choice_violation,
    cost_scale,
    scale_up_price,
)
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.solvers.program import Booleans, Floats, Integers, Program, ProgramBuilder

# Room that the violation found by one solve leaves to the next, above the solvers' own tolerances: without it CBC calls
# the next program infeasible. Summed violations closer than this count as equal.
LIMIT_SLACK = 1e-7
# What a replica weighs at least in a program: solvers look away from differences of 1e-7, and CBC writes 8 decimals.
LEAST_PRICE = 1e-3


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices that have a variable, each array (C,); they are the first C columns of a program.

    `shape` is (T, F), and `pair` numbers the (step, function) of each choice row by row.
    """

    shape: tuple[int, int]
    step: Integers
    function: Integers
    replicas: Integers

    @classmethod
    def among(cls, keep: Booleans) -> "Choices":
        """The choices marked in a (T, F, N) mask."""
        step, function, index = np.nonzero(keep)
        return cls(keep.shape[:2], step, function, index + 1)

    @property
    def column(self) -> Integers:
        """(C,) column numbers."""
        return np.arange(len(self.step))

    @property
    def pair(self) -> Integers:
        """(C,) number of the step and function, 0..T F - 1."""
        return self.step * self.shape[1] + self.function

    def of(self, table: Floats) -> Floats:
        """(C,) the entries of a (T, F, N) table."""
        entries: Floats = table[self.step, self.function, self.replicas - 1]
        return entries

    def columns_of(self, plan: Integers) -> Integers:
        """(T F,) the columns that a plan (T, F) sets to 1; every choice of the plan must have a variable."""
        return np.flatnonzero(self.replicas == plan[self.step, self.function])

    def plan(self, values: Floats) -> Integers:
        """(T, F) the replicas chosen by a solver's values.

        Raises:
            SolverError: not exactly one choice is made for every step and function.
        """
        chosen = values[: len(self.step)] > 0.5
        if not np.array_equal(np.sort(self.pair[chosen]), np.arange(self.shape[0] * self.shape[1])):
            raise SolverError("the solver's answer is not one choice for every step and function")
        plan = np.zeros(self.shape, dtype=np.int64)
        plan[self.step[chosen], self.function[chosen]] = self.replicas[chosen]
        return plan


@dataclass(frozen=True, eq=False)
class Formulation:
    """A program, the choices its first columns stand for, and the value of one unit of its objective.

    A function alone counts whole replicas (`unit` is their cost), so that solvers close the gap by integrality.
    """

    program: Program
    choices: Choices
    unit: float


def cost_formulation(
    problem: ReplicaProblem,
    scope: Scope,
    keep: Booleans,
    start: Integers | None = None,
    violation_limit: Floats | None = None,
    least: float = 0.0,
) -> Formulation:
    """Least total cost over the horizon among the plans that violate no more than they must.

    Args:
        problem: the instance.
        scope: what must hold.
        keep: (T, F, N) the choices that get a variable, at least one for every step and function.
        start: (T, F) a known plan that meets every constraint, or None.
        violation_limit: the most violation, where memory forces some: (T,) in scope step, with rows only where it is
            above 0, and (1,) in scope average. None where `keep` and the reachable tolerances say it all.
        least: mean cost that no plan is below, as is known already: a solver that reaches it need not prove it again.
    """
    unit = _unit(problem, scope)
    price = scale_up_price(problem, scope)

    builder, choices = ProgramBuilder(), Choices.among(keep)
    costs = choices.of(choice_cost(problem, scope)) / unit
    builder.add_columns(costs, len(choices.step), binary=True)

    _add_one_choice(builder, choices)
    _add_memory(builder, problem, choices)
    if least > 0.0:
        known_least = least * problem.shape[0] / unit - LIMIT_SLACK
        builder.add_rows("known_least", [(np.zeros_like(choices.step), choices.column, costs)], known_least, np.inf, 1)
    if price is not None:
        _add_scale_up(builder, choices, price / unit)
    if scope is Scope.AVERAGE and violation_limit is not None:
        excess = builder.add_columns(0.0, problem.shape[1], binary=False)
        _add_budget(builder, problem, choices, problem.tolerance * problem.shape[0], excess)
        limit = violation_limit * problem.shape[0] + LIMIT_SLACK
        builder.add_rows("violation", [(np.zeros_like(excess), excess, 1.0)], -np.inf, limit, 1)
    elif scope is Scope.AVERAGE:
        _add_budget(builder, problem, choices, average_limit(problem))
    elif scope is Scope.STEP and violation_limit is not None:
        _add_step_violation(builder, choices, choices.of(choice_violation(problem)), violation_limit)
    known = None if start is None else choices.columns_of(start)
    return Formulation(builder.build(known), choices, unit)


def _unit(problem: ReplicaProblem, scope: Scope) -> float:
    """What a program's costs are measured in: a replica's cost; in scope alpha, what keeps it above the tolerances."""
    if scope is not Scope.ALPHA:
        return float(problem.replica_cost.max())
    weighs = (1 - np.asarray(problem.alpha)) * problem.replica_cost
    if problem.priority is not None:
        weighs = weighs * problem.priority * problem.shape[1]
    price = float(weighs.max()) / (cost_scale(problem) * problem.shape[1])
    return price / LEAST_PRICE if 0 < price < LEAST_PRICE else 1.0


def violation_formulation(problem: ReplicaProblem, scope: Scope, keep: Booleans, start: Integers) -> Formulation:
    """Least violation within the memory, summed over steps, whatever it costs; the start (T, F) is kept and fits."""
    by_step = scope is Scope.STEP
    builder, choices = ProgramBuilder(), Choices.among(keep)
    builder.add_columns(choices.of(choice_violation(problem)) * by_step, len(choices.step), binary=True)

    _add_one_choice(builder, choices)
    _add_memory(builder, problem, choices)
    if not by_step:
        excess = builder.add_columns(1.0, problem.shape[1], binary=False)
        _add_budget(builder, problem, choices, problem.tolerance * problem.shape[0], excess)
    return Formulation(builder.build(choices.columns_of(start)), choices, unit=1.0)


def _add_one_choice(builder: ProgramBuilder, choices: Choices) -> None:
    count = choices.shape[0] * choices.shape[1]
    builder.add_rows("one_choice", [(choices.pair, choices.column, 1.0)], 1.0, 1.0, count)


def _add_memory(builder: ProgramBuilder, problem: ReplicaProblem, choices: Choices) -> None:
    """Rows in shares of the capacity, so that a solver's absolute tolerance means the same in bytes and gigabytes."""
    if problem.memory_per_replica is None or problem.memory_capacity is None:
        return
    capacity = np.where(problem.memory_capacity > 0, problem.memory_capacity, 1.0)
    share = problem.memory_per_replica[choices.function] * choices.replicas / capacity[choices.step]
    limit = problem.memory_capacity / capacity
    builder.add_rows(
        "memory", [(choices.step, choices.column, share)], -np.inf, limit + MEMORY_ROUNDING, choices.shape[0]
    )


def _add_scale_up(builder: ProgramBuilder, choices: Choices, price: Floats) -> None:
    """Columns u for the replicas added at every step but the first, and the rows that hold them up."""
    steps, functions = choices.shape
    count = (steps - 1) * functions
    added = builder.add_columns(np.tile(price, steps - 1), count, binary=False)
    later, earlier = choices.step > 0, choices.step < steps - 1
    entries: list[tuple[Integers, Integers, npt.ArrayLike]] = [
        (np.arange(count), added, 1.0),
        (choices.pair[later] - functions, choices.column[later], -choices.replicas[later]),
        (choices.pair[earlier], choices.column[earlier], choices.replicas[earlier]),
    ]
    builder.add_rows("scale_up", entries, 0.0, np.inf, count)


def _add_budget(
    builder: ProgramBuilder,
    problem: ReplicaProblem,
    choices: Choices,
    limit: Floats,
    excess: Integers | None = None,
) -> None:
    """Rejection of each function summed over the horizon, at most limit (F,), beyond it only by the excess columns."""
    entries: list[tuple[Integers, Integers, npt.ArrayLike]] = [
        (choices.function, choices.column, choices.of(problem.rejection))
    ]
    if excess is not None:
        entries.append((np.arange(len(excess)), excess, -1.0))
    builder.add_rows("budget", entries, -np.inf, limit, problem.shape[1])


def _add_step_violation(builder: ProgramBuilder, choices: Choices, violation: Floats, limit: Floats) -> None:
    """Violation summed over functions, at the steps whose limit (T,) is above 0; elsewhere `keep` rules it out."""
    row = np.cumsum(limit > 0) - 1
    held = limit[choices.step] > 0
    entry = (row[choices.step[held]], choices.column[held], violation[held])
    builder.add_rows("violation", [entry], -np.inf, limit[limit > 0] + LIMIT_SLACK, int(np.sum(limit > 0)))
