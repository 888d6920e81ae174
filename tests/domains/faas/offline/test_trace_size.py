"""A trace of 10,080 steps with 10 choices each is solved in seconds, and by the program it should be."""

import numpy as np
import pytest

from mamo_cli.core.seam import Scope, Termination
from mamo_cli.domains.faas.offline.enumeration import certificate
from mamo_cli.domains.faas.offline.formulation import cost_formulation
from mamo_cli.domains.faas.offline.problem import ReplicaProblem
from mamo_cli.domains.faas.offline.solve import solve
from tests.clock import spends_less_than
from tests.domains.faas.offline.instances import erlang_table, reference


@pytest.fixture(scope="module")
def weeks():
    step = np.arange(10_080)
    noise = 1 + np.random.default_rng(0).uniform(-0.2, 0.2, step.size)
    rates = (50 + 40 * np.sin(2 * np.pi * step / 288)) * noise
    return ReplicaProblem(1.0, erlang_table(rates)[:, None, :], 10, 0.05, alpha=0.85)


@pytest.mark.parametrize(
    ("scope", "solver"), [("step", "cbc"), ("step", "highs"), ("average", "cbc"), ("alpha", "cbc")]
)
def test_a_long_trace_is_proven_optimal_in_seconds(weeks, scope, solver):
    with spends_less_than(10.0):
        solution = solve(weeks, scope, solver)
    assert solution.termination is Termination.OPTIMAL
    assert (~solution.feasible).sum() == (563 if scope == "step" else 0)


def test_where_a_solver_would_only_repeat_the_certificate_that_answers():
    # 20,000 steps of 10 choices: every one an argmin. A tenth of them as a program would be 20,000 variables.
    rates = np.random.default_rng(1).uniform(10, 90, 20_000)
    problem = ReplicaProblem(1.0, erlang_table(rates)[:, None, :], 10, 0.05, alpha=0.85)
    with spends_less_than(2.0):
        solution = solve(problem, "alpha", "highs")
    assert (solution.solver, solution.termination, solution.gap) == ("enumeration", Termination.OPTIMAL, 0.0)
    assert solution.notices == (
        "the enumeration's certified plan and bound stand in: highs would only repeat 200000 choices",
    )
    weighed = 0.15 * np.arange(1, 11) / 10 + 0.85 * problem.rejection[:, 0]
    np.testing.assert_array_equal(solution.plan[:, 0], weighed.argmin(axis=1))


def test_many_functions_are_proven_apart():
    phases = np.linspace(0, 6, 6)
    rates = np.stack([40 + 30 * np.sin(2 * np.pi * np.arange(96) / 96 + phase) for phase in phases], axis=1)
    problem = ReplicaProblem(np.linspace(0.5, 3, 6), erlang_table(rates), 10, 0.05)
    solution = solve(problem, "average", "cbc")
    apart = sum(solve(problem.only(f), "average", "cbc").objective for f in range(6))
    assert solution.termination is Termination.OPTIMAL
    assert solution.objective == pytest.approx(apart)


def test_the_program_is_small_and_its_constraints_are_named():
    problem = reference(scale_up_cost=0.5, memory_per_replica=1.0, memory_capacity=10.0)
    known = certificate(reference(), Scope.AVERAGE)
    program = cost_formulation(problem, Scope.AVERAGE, known.keep).program
    blocks = {name.rsplit("_", 1)[0] for name in program.row_names}
    assert blocks == {"one_choice", "memory", "scale_up", "budget"}
    assert program.integer.sum() == known.keep.sum() < 1000
    assert len(program.row_names) == 288 + 288 + 287 + 1
