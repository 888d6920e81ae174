"""Without Gurobi, or with a licence that refuses, CBC answers and one line says so."""

import sys

import gurobipy
import pytest

from mamo_cli.core.errors import SolverError, UsageError
from mamo_cli.core.seam import Termination
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.solvers.smoke import smoke_test
from tests.domains.faas.offline.instances import reference

needs_gurobi = pytest.mark.skipif(not smoke_test("gurobi").available, reason="Gurobi has no valid licence here")


def refuse(errno):
    def refusal(*_args, **_kwargs):
        raise gurobipy.GurobiError(errno, "a text that says nothing")

    return refusal


def not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "gurobipy", None)


def expired_at_start(monkeypatch):
    monkeypatch.setattr(gurobipy.Env, "start", refuse(10009))


def expired_at_optimize(monkeypatch):
    monkeypatch.setattr(gurobipy.Model, "optimize", refuse(10009))


def too_large(monkeypatch):
    monkeypatch.setattr(gurobipy.Model, "optimize", refuse(10010))


def unreachable_licence_server(monkeypatch):
    monkeypatch.setattr(gurobipy.Env, "start", refuse(10022))


@pytest.mark.parametrize("solver", ["auto", "gurobi"])
@pytest.mark.parametrize(
    ("fault", "phrase"),
    [
        (not_installed, "not installed"),
        (expired_at_start, "10009"),
        pytest.param(expired_at_optimize, "10009", marks=needs_gurobi),
        pytest.param(too_large, "10010", marks=needs_gurobi),
        (unreachable_licence_server, "10022"),
    ],
)
def test_every_refusal_ends_in_the_same_answer_with_one_notice(monkeypatch, fault, phrase, solver):
    fault(monkeypatch)
    solution = solve(reference(), "step", solver)
    assert (solution.plan + 1).sum() == 1939
    assert (solution.solver, solution.termination) == ("cbc", Termination.OPTIMAL)
    assert len(solution.notices) == 1
    assert phrase in solution.notices[0]
    assert "\n" not in solution.notices[0]


def test_the_size_limit_itself_falls_back():
    # 2,880 binaries: more than the 2,000 of the licence that comes with the package; a full licence takes them.
    solution = solve(reference(alpha=0.85), "alpha")
    assert solution.termination is Termination.OPTIMAL
    assert (solution.solver, len(solution.notices)) in [("cbc", 1), ("gurobi", 0)]
    assert all(notice.startswith("scope alpha: ") for notice in solution.notices)  # others may be solved otherwise


@needs_gurobi
def test_a_fault_that_is_no_refusal_leaves_the_enumerations_answer(monkeypatch):
    monkeypatch.setattr(gurobipy.Model, "optimize", refuse(10001))
    solution = solve(reference(), "step", "gurobi")
    assert (solution.plan + 1).sum() == 1939
    assert (solution.solver, solution.termination) == ("enumeration", Termination.OPTIMAL)
    assert "stand in: Gurobi failed with error 10001" in solution.notices[0]


def test_without_any_solver_there_is_an_answer_all_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "gurobipy", None)
    monkeypatch.setitem(sys.modules, "pulp", None)
    solution = solve(reference(), "step")
    assert ((solution.plan + 1).sum(), solution.solver) == (1939, "enumeration")
    assert solution.notices == (
        "the enumeration's certified plan and bound stand in: no solver can answer: Gurobi is not installed (pip "
        "install gurobipy); CBC is not installed (pip install pulp)",
    )


def test_nothing_reaches_stdout(capfd):
    for solver in ("gurobi", "cbc", "highs"):
        solve(reference(), "average", solver)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("solver", "module"), [("cbc", "pulp"), ("highs", "highspy")])
def test_a_missing_solver_without_fallback_is_an_error(monkeypatch, solver, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SolverError, match="not installed"):
        solve(reference(), "step", solver)
    assert not smoke_test(solver).available


def test_unknown_names_are_usage_errors():
    with pytest.raises(UsageError, match="choose from auto, gurobi, cbc, highs"):
        solve(reference(), "step", "cplex")
    with pytest.raises(UsageError, match="choose from step, average, alpha"):
        solve(reference(), "median")
    with pytest.raises(UsageError, match="alpha"):
        solve(reference(), "alpha")
